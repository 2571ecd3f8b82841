"""New rosbags: imports of folders and requests, uploads in parts, upload sessions."""
