"""QoS profiles of rclpy from those of rosbag2."""

from rclpy.qos import QoSDurabilityPolicy, QoSHistoryPolicy, QoSProfile, QoSReliabilityPolicy

from agent.protocol import Qos

KEEP_ALL = "keep_all"


def profile(qos: Qos) -> QoSProfile:
    """Return the profile; what agents do not know of a topic, such as deadlines, has rclpy's defaults."""
    return QoSProfile(
        reliability=QoSReliabilityPolicy[qos.reliability.upper()],
        durability=QoSDurabilityPolicy[qos.durability.upper()],
        history=QoSHistoryPolicy[qos.history.upper()],
        # Of 0 DDS makes a depth of its own.
        depth=max(qos.depth, 1),
    )
