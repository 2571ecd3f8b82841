"""The models of the storage app."""

from storage.models.export import Export
from storage.models.rosbag import (
    MAX_NAME_LENGTH,
    MAX_SERIALIZATION_LENGTH,
    Rosbag,
    RosbagFile,
    RosbagTopic,
)
from storage.models.type_definition import TypeDefinition

__all__ = [
    "MAX_NAME_LENGTH",
    "MAX_SERIALIZATION_LENGTH",
    "Export",
    "Rosbag",
    "RosbagFile",
    "RosbagTopic",
    "TypeDefinition",
]
