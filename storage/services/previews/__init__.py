"""Messages, fields, trajectories, series and pictures of a rosbag."""
