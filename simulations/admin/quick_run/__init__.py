"""The page "Quick run": from a rosbag to running agents."""
