"""Transport `ros2`: agents as nodes of ROS 2 over DDS, by rclpy and rmw_fastrtps.

`requirements-ros2.txt` holds what it needs. See `docs/ros2.md`.
"""
