"""Writes a bag as one MCAP file: chunked, indexed, packed with zstd, with the definitions of its types."""

from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from mcap.writer import CompressionType, IndexType, Writer

from rosbag2.errors import BagError
from rosbag2.formats import qos
from rosbag2.formats.metadata import FILE_NAME, Topic
from rosbag2.writing.metadata_writer import RecordedFile, Recording, metadata_text
from rosbag2.writing.sqlite_writer import write_atomically

CHUNK_BYTES = 1 << 20
_UNSIGNED = 2**64


class McapBagWriter:
    """Writes one bag into a folder of its own; use it as a context manager, from one thread at a time.

    It holds one chunk in memory: a killed process leaves what was written before the last `commit`. `stem` is
    the name of the data file without its ending; by default that of the folder with `_0`. Without `synced`,
    `close` does not wait for the disk. An MCAP counts time from 1970: earlier messages are refused.

    Raises:
        BagError: BAG_EXISTS, WRITE_FAILED.
    """

    def __init__(
        self, folder: Path, *, ros_distro: str = "unknown", stem: str = "", synced: bool = True
    ) -> None:
        self.folder = folder
        self.synced = synced
        self.ros_distro = ros_distro
        self.file = folder / f"{stem or f'{folder.absolute().name}_0'}.mcap"
        self.topics: list[Topic] = []
        self._counts: list[int] = []
        self._channels: list[int] = []
        self._schemas: dict[tuple[str, str], int] = {}
        self._first_ns: int | None = None
        self._last_ns: int | None = None
        self._closed = False
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._stream: BinaryIO = self.file.open("xb")
        except FileExistsError as error:
            raise BagError("BAG_EXISTS", file=folder.name) from error
        except OSError as error:
            raise self._failed(error) from error
        self._writer = Writer(
            self._stream,
            chunk_size=CHUNK_BYTES,
            compression=CompressionType.ZSTD,
            index_types=IndexType.ALL,
            enable_data_crcs=True,
        )
        self._writer.start(profile="ros2", library="robotsim")

    def add_topic(self, topic: Topic) -> int:
        """Add a topic and return its number for `write`."""
        key = (topic.type, topic.definition)
        if key not in self._schemas:
            encoding = topic.definition_encoding if topic.definition else ""
            self._schemas[key] = self._writer.register_schema(
                name=topic.type, encoding=encoding, data=topic.definition.encode()
            )
        profiles = topic.offered_qos_profiles if qos.profiles(topic.offered_qos_profiles) else ""
        channel = self._writer.register_channel(
            topic=topic.name,
            message_encoding=topic.serialization_format or "cdr",
            schema_id=self._schemas[key],
            metadata={
                "offered_qos_profiles": profiles,
                "topic_type_hash": topic.type_hash,
            },
        )
        self.topics.append(replace(topic, offered_qos_profiles=profiles))
        self._counts.append(0)
        self._channels.append(channel)
        return len(self.topics)

    def write(self, topic_id: int, timestamp_ns: int, data: bytes) -> None:
        """Take one serialized message of a topic, received at that time since the epoch."""
        if not 0 <= timestamp_ns < _UNSIGNED:
            raise BagError(
                "WRITE_FAILED", file=self.file.name, reason="a message is older than 1970"
            )
        try:
            self._writer.add_message(
                channel_id=self._channels[topic_id - 1],
                log_time=timestamp_ns,
                publish_time=timestamp_ns,
                sequence=self._counts[topic_id - 1] & 0xFFFFFFFF,
                data=data,
            )
        except OSError as error:
            raise self._failed(error) from error
        self._counts[topic_id - 1] += 1
        if self._first_ns is None or timestamp_ns < self._first_ns:
            self._first_ns = timestamp_ns
        if self._last_ns is None or timestamp_ns > self._last_ns:
            self._last_ns = timestamp_ns

    def commit(self) -> None:
        """Write the chunk that is open to the file."""
        try:
            self._writer.flush()  # type: ignore[no-untyped-call]
        except OSError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Finish the bag: summary and indexes, then metadata.yaml. Twice is no error."""
        if self._closed:
            return
        try:
            self._writer.finish()  # type: ignore[no-untyped-call]
            self._stream.close()
            write_atomically(self.folder / FILE_NAME, self._metadata(), synced=self.synced)
        except OSError as error:
            raise self._failed(error) from error
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _metadata(self) -> str:
        file = RecordedFile(self.file.name, self._first_ns, self._last_ns, sum(self._counts))
        return metadata_text(
            Recording(
                files=(file,),
                topics=tuple(zip(self.topics, self._counts, strict=True)),
                ros_distro=self.ros_distro,
                storage_id="mcap",
            )
        )

    def _failed(self, error: OSError) -> BagError:
        return BagError("WRITE_FAILED", file=self.file.name, reason=error.strerror or str(error))
