"""Registration of a unit, and its part of the plan."""

from typing import Annotated, Literal

import msgspec

from agent.protocol.message import Message
from rosbag2.messages.layouts import Layout


class Registration(Message, frozen=True, kw_only=True):
    """Registration of a unit that has started, with its part of the plan."""

    protocol: int
    stage_run: int
    unit: int
    """Index of the unit within its stage run, from 0."""
    host: str
    pid: int
    process: Annotated[str, msgspec.Meta(max_length=64)] = ""
    """Unique name of the process, of a pod its uid: when it registers again, as no answer came, it keeps
    its attempt."""


class AgentSlot(Message, frozen=True, kw_only=True):
    """One agent of the unit."""

    number: int
    """Unique within the execution, from 1."""
    namespace: str
    """With leading slash, such as `/agent_7`."""


class BagFile(Message, frozen=True, kw_only=True):
    """One file of the bundle to replay."""

    path: str
    """Relative to the bundle's folder."""
    size: int
    sha256: str
    url: str
    """Signed; a path without host is relative to the server that the unit registered with."""


class Qos(Message, frozen=True, kw_only=True):
    """QoS profile of a publisher or subscription, in the words of rosbag2."""

    reliability: Literal["reliable", "best_effort"] = "reliable"
    durability: Literal["volatile", "transient_local"] = "volatile"
    history: Literal["keep_last", "keep_all"] = "keep_last"
    depth: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] = 10
    """Messages that are kept with `keep_last`."""

    @property
    def kept(self) -> int | None:
        """Messages that are kept; none: all."""
        return max(self.depth, 1) if self.history == "keep_last" else None


class PlayedTopic(Message, frozen=True, kw_only=True):
    """A topic of the bag to play, and what its publishers must know of it."""

    name: str
    """Name in the bag."""
    publish_as: str = ""
    """Name within the agent's namespace; empty: that in the bag."""
    type: str = ""
    """Such as `sensor_msgs/msg/Imu`; empty in plans of version 1."""
    type_hash: str = ""
    """`RIHS01_` and 64 hexadecimal digits; empty where the transport does not need it."""
    qos: Qos = Qos()
    subscriber_required: bool = False
    """True: READY waits until somebody subscribes to it."""
    layout: Layout | None = None
    """Layout of its messages, only where they are changed on the way; none: they have no header."""

    @property
    def published_name(self) -> str:
        """Name within the agent's namespace."""
        return self.publish_as or self.name


class RecordTopic(Message, frozen=True, kw_only=True):
    """A topic to record, named relative to the agent's namespace."""

    name: str
    type: str
    type_hash: str = ""
    definition: str = ""
    definition_encoding: str = ""
    """`ros2msg` or `ros2idl`; empty without a definition."""
    qos: Qos = Qos()
    """Of publishers of the topic in the bag; for others the default."""


SECRET_NAME = "[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"  # noqa: S105  the form of a name
"""Names of Secrets in Kubernetes, which are no paths."""


class Link(Message, frozen=True, kw_only=True):
    """How agents reach the system under test."""

    transport: str
    """`null`, `zenoh-raw`, `zenoh` or `ros2`."""
    endpoint: str = ""
    """Zenoh: such as `tcp/127.0.0.1:7447`; empty: none."""
    discovery: str = "none"
    """`none` or `multicast`; for `ros2` also `peers` or `server`."""
    domain_id: int = 0
    addresses: tuple[str, ...] = ()
    """`ros2`: hosts of static peers, or `host:port` of discovery servers."""
    zenoh_mode: str = "client"
    """`client` or `peer`, towards an endpoint."""
    attachment: str = "binary"
    """`zenoh`: `binary`, of rmw_zenoh from 0.2.4 on, or `keyed`, of those before."""
    secret: str = ""
    """Name of a folder under MEC_SECRETS_DIR with `ca.crt`, `tls.crt`, `tls.key`, `username`, `password`."""

    @property
    def leads_somewhere(self) -> bool:
        """False for a link with neither endpoint nor discovery: publications would reach nobody."""
        by_multicast = self.discovery == "multicast"
        match self.transport:
            case "zenoh" | "zenoh-raw":
                return by_multicast or bool(self.endpoint)
            case "ros2":
                return by_multicast or (self.discovery != "none" and bool(self.addresses))
        return True


class Assignment(Message, frozen=True, kw_only=True):
    """Everything a unit needs to run its part."""

    attempt: int
    """Fencing token: every later message has it, an older one is answered `stop`."""
    execution: int
    unit_name: str
    agents: tuple[AgentSlot, ...]
    bag: tuple[BagFile, ...]
    bag_digest: str
    topics: tuple[PlayedTopic, ...]
    """Never empty."""
    rate: float
    """Factor on recorded time; 0: unpaced."""
    max_gap_seconds: float | None = None
    """Longest recorded time without a message of these topics that is kept; none: all of it is kept."""
    start_offset: float = 0.0
    """Seconds of recorded time after the first message of these topics, from which on they are played."""
    end_offset: float | None = None
    """Seconds of recorded time up to which they are played; none: to the end."""
    passes: int
    """Full passes of the bag, at least 1."""
    pass_gap: float = 0.0
    """Seconds between two passes, in addition to the mean time between two messages (`agent.pass_times`)."""
    clock_hz: float = 0.0
    """Rate of `/clock`; 0: none. `topics` then has no `/clock` of the bag."""
    publishes_clock: bool = False
    """True for the unit that publishes `/clock` for the stage."""
    restamp: bool = False
    """True to set the stamp of headers to the time of publication; with `/clock` to its time."""
    prefix_frames: bool = False
    """True to prefix the frame ids of headers with the agent's name, such as `agent_7/base_link`."""
    match_seconds: float = 30.0
    """Time that required subscribers have to appear."""
    execution_time: float
    """Seconds after the release at which replay ends; 0: no limit."""
    link: Link
    record: tuple[RecordTopic, ...]
    record_own: bool
    """True to record own publications of these topics too (always done with `null`)."""
    record_scope: Literal["unit", "agent"] = "unit"
    """One recording for all agents of the unit, or one for each."""
    record_storage: Literal["mcap", "sqlite3"] = "mcap"
    segment_seconds: float = 30.0
    """Time after which a segment of a recording is closed and uploaded."""
    segment_bytes: int = 64 * 2**20
    lost_messages_allowed: int = 0
    """Messages of each agent that may be lost with the link before its attempt counts as failed."""
    heartbeat_seconds: float
    upload_limit_seconds: float
    """Time for retries of an upload before the unit gives up (its files are kept)."""
