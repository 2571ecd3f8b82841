"""Rosbags: upload, verification, index, download; the only app that talks to S3."""
