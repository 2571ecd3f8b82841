"""Rosbags: intake, verification, index, download; the only speaker of S3."""
