"""The one reader, verifier and writer of rosbag2: plain Python, no Django."""
