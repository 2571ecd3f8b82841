"""Exports of a rosbag: requests, and the work of making them."""
