"""metadata.yaml, versions 1 to 9; fields that a version lacks are empty or None.

| version | brought |
| --- | --- |
| 3 | compression |
| 4 | QoS per topic; paths relative to the bag (before: to its parent) |
| 5 | facts per file |
| 6 | custom data |
| 7 | type hashes |
| 8 | the ROS distribution |
| 9 | QoS as YAML instead of text |
"""

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from dataclasses import dataclass, replace
from pathlib import Path

from rosbag2.budget import MAX_TOPICS
from rosbag2.errors import BagError
from rosbag2.formats import file_names, qos, yaml_loader
from rosbag2.formats.yaml_loader import Node

FILE_NAME = "metadata.yaml"
NEWEST_VERSION = 9
PLAYABLE = frozenset({"", "cdr"})
"""Serializations that can be replayed; the first ones did not name theirs."""
_INT64 = 2**63


@dataclass(frozen=True)
class Topic:
    """A topic as recorded.

    QoS is YAML text; the definition is written in `definition_encoding`: ros2msg or ros2idl.
    """

    name: str
    type: str
    serialization_format: str = "cdr"
    offered_qos_profiles: str = ""
    type_hash: str = ""
    definition: str = ""
    definition_encoding: str = ""

    @property
    def is_cdr(self) -> bool:
        """True when its messages are CDR, as far as it says."""
        return self.serialization_format in PLAYABLE


Listed = tuple[Topic, int | None]
"""A topic with its promised number of messages."""


@dataclass(frozen=True)
class FileEntry:
    """Entry of a data file in version 5 and later; a number that is absent is None."""

    path: str
    start_ns: int | None
    duration_ns: int | None
    message_count: int | None


@dataclass(frozen=True)
class Metadata:
    """The content of metadata.yaml; a number that is absent or invalid is None.

    `compression_format` and `compression_mode` are lower case, both empty for an uncompressed bag.
    """

    version: int | None = None
    storage_id: str = ""
    files: tuple[str, ...] = ()
    start_ns: int | None = None
    duration_ns: int | None = None
    message_count: int | None = None
    topics: tuple[Listed, ...] = ()
    compression_format: str = ""
    compression_mode: str = ""
    ros_distro: str = ""
    file_entries: tuple[FileEntry, ...] = ()


def read_metadata(folder: Path) -> Metadata:
    """Read the metadata.yaml of a bag.

    Raises:
        BagError: METADATA_MISSING, METADATA_UNREADABLE, METADATA_REFUSED, TOO_MANY_TOPICS,
            PATH_UNSAFE, FILE_IS_LFS_POINTER.
    """
    content = _content(folder / FILE_NAME)
    try:
        root = yaml_loader.parse(_text_of(content))
        if not isinstance(root, dict):
            raise ValueError("it is not a mapping")
        information = root.get("rosbag2_bagfile_information")
        if not isinstance(information, dict):
            raise ValueError("it has no mapping `rosbag2_bagfile_information`")
        return _as_spelled(_metadata(information), folder)
    except yaml_loader.RefusedError as error:
        if content.count(b"topic_metadata:") > MAX_TOPICS:
            raise BagError("TOO_MANY_TOPICS", file=FILE_NAME, limit=MAX_TOPICS) from error
        raise BagError("METADATA_REFUSED", file=FILE_NAME, reason=str(error)) from error
    except ValueError as error:
        raise BagError("METADATA_UNREADABLE", file=FILE_NAME, reason=str(error)) from error


def _text_of(content: bytes) -> bytes | str:
    """The content; one in a code page is decoded letter by letter, as only paths are not ASCII."""
    try:
        if not content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
            content.decode()
    except UnicodeDecodeError:
        return content.decode(file_names.ANY_BYTES)
    return content


def _as_spelled(metadata: Metadata, folder: Path) -> Metadata:
    """The same, its paths spelled as the files in the bag's folder are."""
    spelled = file_names.spelling_in(folder, metadata.files)
    entries = (replace(entry, path=spelled(entry.path)) for entry in metadata.file_entries)
    return replace(metadata, files=tuple(map(spelled, metadata.files)), file_entries=tuple(entries))


def _content(path: Path) -> bytes:
    if not path.is_symlink() and not path.exists():
        raise BagError("METADATA_MISSING", file=FILE_NAME)
    if path.is_symlink() and not path.resolve().is_relative_to(path.parent.resolve()):
        raise BagError("PATH_UNSAFE", file=FILE_NAME)
    if not path.is_file():
        raise BagError("METADATA_UNREADABLE", file=FILE_NAME, reason="it is not a file")
    try:
        with path.open("rb") as stream:
            content = stream.read(yaml_loader.MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
        raise BagError("METADATA_UNREADABLE", file=FILE_NAME, reason=reason) from error
    if is_lfs_pointer(content):
        raise BagError("FILE_IS_LFS_POINTER", file=FILE_NAME)
    return content


def is_lfs_pointer(head: bytes) -> bool:
    """Return whether a file with this beginning is a Git LFS pointer."""
    return head.startswith(b"version https://git-lfs.github.com/spec/")


def _metadata(information: dict[str, Node]) -> Metadata:
    mode = _text(information.get("compression_mode")).lower()
    compressed = mode not in {"", "none"}
    start = _mapping(information.get("starting_time"), "starting_time")
    duration = _mapping(information.get("duration"), "duration")
    topics = _items(information.get("topics_with_message_count"), "topics_with_message_count")
    return Metadata(
        version=_integer(information.get("version")),
        storage_id=_text(information.get("storage_identifier")),
        files=_files(information),
        start_ns=_integer(start.get("nanoseconds_since_epoch")),
        duration_ns=_integer(duration.get("nanoseconds")),
        message_count=_integer(information.get("message_count")),
        topics=tuple(_topic(_mapping(item, "topics_with_message_count")) for item in topics),
        compression_format=_text(information.get("compression_format")).lower()
        if compressed
        else "",
        compression_mode=mode if compressed else "",
        ros_distro=_text(information.get("ros_distro")),
        file_entries=_file_entries(information),
    )


def _files(information: dict[str, Node]) -> tuple[str, ...]:
    listed = _items(information.get("relative_file_paths"), "relative_file_paths")
    paths = tuple(_text(item) for item in listed)
    if not all(paths):
        raise ValueError("`relative_file_paths` holds something that is no path")
    return paths


def _file_entries(information: dict[str, Node]) -> tuple[FileEntry, ...]:
    """Entries per file; they only help to name what is lost, so a wrong one is left out."""
    listed = information.get("files")
    entries = []
    for item in listed if isinstance(listed, list) else []:
        if isinstance(item, dict):
            start, duration = item.get("starting_time"), item.get("duration")
            entries.append(
                FileEntry(
                    _text(item.get("path")),
                    _inner_integer(start, "nanoseconds_since_epoch"),
                    _inner_integer(duration, "nanoseconds"),
                    _integer(item.get("message_count")),
                )
            )
    return tuple(entries)


def _inner_integer(node: Node, name: str) -> int | None:
    return _integer(node.get(name)) if isinstance(node, dict) else None


def _topic(item: dict[str, Node]) -> Listed:
    metadata = _mapping(item.get("topic_metadata"), "topic_metadata")
    topic = Topic(
        name=_text(metadata.get("name")),
        type=_text(metadata.get("type")),
        serialization_format=_text(metadata.get("serialization_format")),
        offered_qos_profiles=qos.as_text(metadata.get("offered_qos_profiles")),
        type_hash=_text(metadata.get("type_description_hash")),
    )
    return topic, _integer(item.get("message_count"))


def _mapping(node: Node, name: str) -> dict[str, Node]:
    if node is None:
        return {}
    if not isinstance(node, dict):
        raise ValueError(f"`{name}` is not a mapping")
    return node


def _items(node: Node, name: str) -> list[Node]:
    if node is None:
        return []
    if not isinstance(node, list):
        raise ValueError(f"`{name}` is not a list")
    return node


def _text(node: Node) -> str:
    return node if isinstance(node, str) else ""


def _integer(node: Node) -> int | None:
    try:
        number = int(_text(node))
    except ValueError:
        return None
    return number if -_INT64 <= number < _INT64 else None
