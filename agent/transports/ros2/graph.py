"""Endpoints of others in the ROS graph, which lists those of this process too."""

from collections.abc import Iterable

from rclpy.node import Node
from rclpy.topic_endpoint_info import TopicEndpointInfo


def subscriptions_of_others(node: Node, topic: str) -> list[TopicEndpointInfo]:
    """Return the subscriptions to a topic without those of the node itself."""
    return _of_others(node, node.get_subscriptions_info_by_topic(topic))


def publishers_of_others(node: Node, topic: str) -> list[TopicEndpointInfo]:
    """Return the publishers of a topic without those of the node itself."""
    return _of_others(node, node.get_publishers_info_by_topic(topic))


def _of_others(node: Node, endpoints: Iterable[TopicEndpointInfo]) -> list[TopicEndpointInfo]:
    """Leave out the node's own, which nothing is sent to or received from."""
    own = (node.get_namespace(), node.get_name())
    return [one for one in endpoints if (one.node_namespace, one.node_name) != own]
