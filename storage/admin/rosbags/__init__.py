"""Pages of rosbags: list, page of one, previews, exports, upload."""
