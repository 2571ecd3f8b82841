"""Stored rosbags: content, names, downloads, local copies, deletion."""
