"""The text of a type's definition, to be put into a file that others open without our types."""

from dataclasses import replace

from rosbags.typesys import Stores, get_typestore
from rosbags.typesys.base import TypesysError

from rosbag2.formats.metadata import Topic
from rosbag2.messages.message_types import full_name

_ROS2 = 2


def with_definition(topic: Topic, ros_distro: str) -> Topic:
    """The topic with the definition of its type, where one is known."""
    encoding, text = definition_of(topic, ros_distro)
    return replace(topic, definition=text, definition_encoding=encoding)


def definition_of(topic: Topic, ros_distro: str) -> tuple[str, str]:
    """Encoding and text: from the bag, else from the ROS distribution, else both empty."""
    if topic.definition and topic.definition_encoding in {"ros2msg", "ros2idl"}:
        return topic.definition_encoding, topic.definition
    stores = {store.value: store for store in Stores}
    store = get_typestore(stores.get(f"ros2_{ros_distro}".lower(), Stores.LATEST))
    name = full_name(topic.type)
    if name not in store.fielddefs:
        store = get_typestore(Stores.LATEST)
    try:
        text, _sum = store.generate_msgdef(name, ros_version=_ROS2)
    except (KeyError, TypesysError):
        return "", ""
    return "ros2msg", text
