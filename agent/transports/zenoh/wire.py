"""The wire format of rmw_zenoh: keys, liveliness tokens, QoS, GIDs and attachments, as pure functions.

Written from the documents and sources of ros2/rmw_zenoh (`docs/design.md`, `liveliness_utils.cpp`,
`attachment_helpers.cpp`, pull requests 601 and 605), as of Jazzy 0.2.4 and later. `rmw_zenoh_cpp` itself
could not be run beside it; what it writes is held in `agent/tests/zenoh/test_wire.py`.
"""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

import xxhash

from agent.protocol import Qos

ADMIN_SPACE = "@ros2_lv"
NO_HASH = "TypeHashNotSupported"
"""In the token of an endpoint whose type hash is not known, as rmw_zenoh of Humble writes it."""
DEFAULT_DEPTH = 42
"""Taken by rmw_zenoh for a depth of 0, and left out of its tokens."""
TYPE = re.compile(r"[A-Za-z]\w*(/[A-Za-z]\w*){1,2}", re.ASCII)
TYPE_HASH = re.compile(r"RIHS01_[0-9a-f]{64}")
TOKEN_CHUNKS = 13
"""Of an endpoint, at least; newer versions may add some."""
RELIABILITY = {"reliable": "", "best_effort": "2"}
DURABILITY = {"volatile": "", "transient_local": "1"}
HISTORY = {"keep_last": "", "keep_all": "2"}
GID_BYTES = 16

Attachment = Callable[[int, int], bytes]
"""Makes the attachment of one message of its sequence number, from 1, and its time in ns since 1970."""


@dataclass(frozen=True)
class Node:
    """A node of the ROS graph: one for each agent."""

    domain_id: int
    session: str
    """Id of the Zenoh session, in the hexadecimal form that Zenoh prints."""
    number: int
    """Unique in the session, among its nodes and endpoints."""
    namespace: str
    name: str

    @property
    def token(self) -> str:
        """Key of the liveliness token that shows the node in the graph."""
        return self.part("NN", self.number)

    def part(self, kind: str, number: int) -> str:
        """Return the beginning of the token of the node, or of one of its endpoints."""
        enclave, namespace = mangled("/"), mangled(self.namespace or "/")
        return (
            f"{ADMIN_SPACE}/{self.domain_id}/{self.session}/{self.number}/{number}/{kind}/"
            f"{enclave}/{namespace}/{mangled(self.name)}"
        )


@dataclass(frozen=True)
class Endpoint:
    """A publisher (`MP`) or subscription (`MS`) of a node."""

    node: Node
    kind: str
    number: int
    topic: str
    """Fully qualified, with leading slash."""
    type: str
    """Such as `sensor_msgs/msg/Imu`."""
    type_hash: str
    qos: Qos

    @property
    def key(self) -> str:
        """Zenoh key of its messages; of any hash, where that is not known."""
        return f"{self.node.domain_id}/{self.topic.strip('/')}/{dds_type(self.type)}/{self.type_hash or '*'}"

    @property
    def token(self) -> str:
        """Key of the liveliness token that shows it in the graph."""
        parts = (
            self.node.part(self.kind, self.number),
            mangled(self.topic),
            dds_type(self.type),
            self.type_hash or NO_HASH,
            qos_text(self.qos),
        )
        return "/".join(parts)


def key_of(token: str) -> str:
    """Return the key of the messages of an endpoint, by its token; empty if it is none of rmw_zenoh."""
    chunks = token.split("/")
    if len(chunks) < TOKEN_CHUNKS:
        return ""
    domain_id, topic = chunks[1], chunks[9].replace("%", "/").strip("/")
    return "/".join([domain_id, topic, *chunks[10:12]])


def mangled(name: str) -> str:
    """Return a name as one chunk of a key: `/agent_7/odom` -> `%agent_7%odom`."""
    return name.replace("/", "%")


def dds_type(name: str) -> str:
    """Return the name of a message type in DDS: `std_msgs/msg/String` -> `std_msgs::msg::dds_::String_`."""
    package, *kind, message = name.split("/")
    return "::".join([package, *kind, "dds_", f"{message}_"])


def qos_text(qos: Qos) -> str:
    """Return a QoS profile as in a token: what rmw_zenoh has by default is left out.

    In order: reliability, durability, history and depth, and the deadline, lifespan and liveliness, which are
    always those by default here.
    """
    depth = "" if qos.depth in {0, DEFAULT_DEPTH} else str(qos.depth)
    history = f"{HISTORY[qos.history]},{depth}"
    return f"{RELIABILITY[qos.reliability]}:{DURABILITY[qos.durability]}:{history}:,:,:,,"


def gid(token: str) -> bytes:
    """Return the GID of an endpoint: the XXH3-128 of its token, its lower half first."""
    return xxhash.xxh3_128_intdigest(token.encode()).to_bytes(GID_BYTES, "little")


def attachment(form: str, source: bytes) -> Attachment:
    """Return the function that makes the attachments of a publisher.

    Args:
        form: `binary`, of rmw_zenoh from 0.2.4 on, or `keyed`, of those before.
        source: GID of the publisher.
    """
    return _keyed(source) if form == "keyed" else _binary(source)


def _binary(source: bytes) -> Attachment:
    """33 bytes: sequence number, time, length of the GID, GID."""
    pack, end = struct.Struct("<qq").pack, bytes([GID_BYTES]) + source
    return lambda number, time_ns: pack(number, time_ns) + end


def _keyed(source: bytes) -> Attachment:
    """77 bytes: each of the three values after its name."""
    pack = struct.Struct("<16sq17sq").pack
    names = (_text("sequence_number"), _text("source_timestamp"))
    end = _text("source_gid") + bytes([GID_BYTES]) + source
    return lambda number, time_ns: pack(names[0], number, names[1], time_ns) + end


def _text(name: str) -> bytes:
    return bytes([len(name)]) + name.encode()
