"""A ROS 2 node of this machine alone, as a stand-in for a system under test."""

import os
from contextlib import suppress

import rclpy
from rclpy.executors import ExternalShutdownException


def main() -> None:
    """Run the node in domain 0 until a signal."""
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    rclpy.init()
    with suppress(ExternalShutdownException, KeyboardInterrupt):
        rclpy.spin(rclpy.create_node("demo"))


if __name__ == "__main__":
    main()
