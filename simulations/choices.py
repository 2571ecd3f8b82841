"""Statuses, sets of statuses, failure codes with blame and remedy, and kinds of events."""

from datetime import datetime

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Pattern(TextChoices):
    """Order of the stages of a simulation."""

    SEQUENTIAL = "sequential", _("sequential")
    PARALLEL = "parallel", _("parallel")


class Transport(TextChoices):
    """Connection of agents to the system under test."""

    NULL = "null", _("none (counts only)")
    ROS2 = "ros2", _("ROS 2 (DDS)")
    ZENOH = "zenoh", _("ROS 2 over Zenoh (rmw_zenoh)")
    ZENOH_RAW = "zenoh-raw", _("Zenoh, raw messages")


class Discovery(TextChoices):
    """Discovery of peers where no endpoint is given; the last two are of ROS 2 over DDS."""

    NONE = "none", _("none")
    MULTICAST = "multicast", _("multicast")
    PEERS = "peers", _("static peers")
    SERVER = "server", _("discovery server")


class ZenohMode(TextChoices):
    """Mode of a Zenoh session towards an endpoint."""

    CLIENT = "client", _("client of a router")
    PEER = "peer", _("peer")


class Attachment(TextChoices):
    """Form of the attachment that rmw_zenoh expects with each message."""

    BINARY = "binary", _("rmw_zenoh from 0.2.4 on (Jazzy since April 2025, Kilted)")
    KEYED = "keyed", _("older rmw_zenoh")


class MecTestResult(TextChoices):
    """Results of testing a mec, those of `ProbeCode`; the label says what to do."""

    REACHED = "REACHED", _("The router answers, and test messages came back.")
    PEER_FOUND = "PEER_FOUND", _("Somebody was found: a Zenoh peer, or nodes of ROS 2.")
    NO_SYSTEM = (
        "NO_SYSTEM",
        _("There is nothing to test: this transport has no system, agents only count."),
    )
    NOT_FORWARDED = (
        "NOT_FORWARDED",
        _(
            "The router accepts connections, but no test message came back: check its access control."
        ),
    )
    NAME_UNKNOWN = (
        "NAME_UNKNOWN",
        _("The name of the host does not resolve: check its spelling and the DNS."),
    )
    HOST_UNREACHABLE = (
        "HOST_UNREACHABLE",
        _("The host does not answer: check the address, the network and firewalls."),
    )
    PORT_CLOSED = (
        "PORT_CLOSED",
        _("Nothing listens on the port: check it, and that the router is running."),
    )
    NOT_ZENOH = (
        "NOT_ZENOH",
        _(
            "No Zenoh router answers there: check protocol and port, and that the router is running."
        ),
    )
    NOT_ACCEPTED = (
        "NOT_ACCEPTED",
        _(
            "The port is open, but no connection with these certificates and credentials came about: "
            "check them, the protocol, and that the router is running."
        ),
    )
    SECRET_INVALID = (
        "SECRET_INVALID",
        _("The secret of the system under test cannot be read: the detail names the file."),
    )
    NO_PEER = (
        "NO_PEER",
        _(
            "Nobody was found: check that the system under test is running, its discovery, and the "
            "domain of ROS 2; for Zenoh an endpoint needs no discovery."
        ),
    )
    NOWHERE = "NOWHERE", _("There is neither endpoint nor discovery: give one of them.")
    NOT_INSTALLED = (
        "NOT_INSTALLED",
        _(
            "ROS 2 is not installed where agents run: run “pip install -r requirements-ros2.txt” there, "
            "or choose the transport “ROS 2 over Zenoh”, which needs none of it."
        ),
    )
    NO_ANSWER_IN_TIME = (
        "NO_ANSWER_IN_TIME",
        _("The test took longer than ten seconds: check the network and the DNS."),
    )
    LINK_INVALID = "LINK_INVALID", _("Agents cannot use this endpoint: check protocol and port.")
    PROBE_FAILED = "PROBE_FAILED", _("The test itself failed: the detail says why.")


class PreflightCheck(TextChoices):
    """Checks before a start."""

    DESIGN = "DESIGN", _("design")
    TRANSPORT = "TRANSPORT", _("system under test")
    ROSBAG = "ROSBAG", _("rosbag")
    MESSAGES = "MESSAGES", _("messages a second")
    CPU = "CPU", _("processor")
    MEMORY = "MEMORY", _("memory")
    DISK = "DISK", _("disk")
    UNITS = "UNITS", _("units")


class CheckStatus(TextChoices):
    """Result of a check before a start."""

    OK = "OK", _("in order")
    WARNING = "WARNING", _("warning")
    ERROR = "ERROR", _("error")
    UNKNOWN = "UNKNOWN", _("not known")


class RunStatus(TextChoices):
    """Status of an execution or a stage run."""

    PENDING = "PENDING", _("pending")
    PREPARING = "PREPARING", _("preparing")
    RUNNING = "RUNNING", _("running")
    STOPPING = "STOPPING", _("stopping")
    FINALIZING = "FINALIZING", _("finalizing")
    COMPLETED = "COMPLETED", _("completed")
    FAILED = "FAILED", _("failed")
    STOPPED = "STOPPED", _("stopped")
    SKIPPED = "SKIPPED", _("skipped")


ENDED = frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.STOPPED, RunStatus.SKIPPED})
ACTIVE = frozenset(RunStatus) - ENDED
STOPPABLE = frozenset({RunStatus.PENDING, RunStatus.PREPARING, RunStatus.RUNNING})
PLAYING = frozenset({RunStatus.PREPARING, RunStatus.RUNNING})
"""Statuses of stage runs whose units may be alive."""


class AgentStatus(TextChoices):
    """Status of one attempt of one agent; `AgentState` of the protocol has the same values."""

    PENDING = "PENDING", _("pending")
    STARTING = "STARTING", _("starting")
    READY = "READY", _("ready")
    RUNNING = "RUNNING", _("running")
    UPLOADING = "UPLOADING", _("uploading")
    COMPLETED = "COMPLETED", _("completed")
    FAILED = "FAILED", _("failed")
    STOPPED = "STOPPED", _("stopped")
    LOST = "LOST", pgettext_lazy("agent or recording", "lost")


AGENT_ENDED = frozenset(
    {AgentStatus.COMPLETED, AgentStatus.FAILED, AgentStatus.STOPPED, AgentStatus.LOST}
)


class DataStatus(TextChoices):
    """Completeness of an execution's recordings in storage."""

    PENDING = "PENDING", _("pending")
    COMPLETE = "COMPLETE", _("complete")
    INCOMPLETE = "INCOMPLETE", _("incomplete")
    NOT_EXPECTED = "NOT_EXPECTED", _("not expected")


class RecordingStatus(TextChoices):
    """Status of one expected recording."""

    EXPECTED = "EXPECTED", _("expected")
    UPLOADING = "UPLOADING", _("uploading")
    VERIFYING = "VERIFYING", _("verifying")
    STORED = "STORED", _("stored")
    PARTIAL = "PARTIAL", _("stored in part")
    EMPTY = "EMPTY", _("no messages received")
    LOST = "LOST", pgettext_lazy("agent or recording", "lost")


class LossReason(TextChoices):
    """Reason why a span of time is missing in a recording."""

    UNIT_ENDED = "UNIT_ENDED", _("its unit ended before it was stored")
    NOT_STORED = "NOT_STORED", _("a segment could not be stored")


RECORDING_GROWING = frozenset({RecordingStatus.EXPECTED, RecordingStatus.UPLOADING})
RECORDING_OPEN = RECORDING_GROWING | {RecordingStatus.VERIFYING}


class Blame(TextChoices):
    """The party that caused a failure."""

    NOBODY = "", "-"
    USER = "user", _("user")
    SYSTEM = "system", _("system")


class FailureCode(TextChoices):
    """Stable names of failures; the label is the remedy."""

    NONE = "", "-"
    BAG_DOWNLOAD_FAILED = (
        "BAG_DOWNLOAD_FAILED",
        _("The rosbag could not be fetched: check storage."),
    )
    BAG_INVALID = "BAG_INVALID", _("The rosbag cannot be replayed: verify it again or replace it.")
    TRANSPORT_UNREACHABLE = (
        "TRANSPORT_UNREACHABLE",
        _("The system under test did not answer: check the endpoint of the mec."),
    )
    TRANSPORT_LOST = (
        "TRANSPORT_LOST",
        _(
            "The connection to the system under test was lost: check its network, "
            "or allow lost messages in the stage."
        ),
    )
    DEADLINE_EXCEEDED = (
        "DEADLINE_EXCEEDED",
        _("The agent exceeded its time limit and was killed: check the load of its machine."),
    )
    DISK_FULL = (
        "DISK_FULL",
        _("The disk of the unit's machine is full: free some space, then start again."),
    )
    REGISTRATION_REFUSED = (
        "REGISTRATION_REFUSED",
        _("The server refused the unit: its log says why; both must be of the same version."),
    )
    AGENT_CRASHED = "AGENT_CRASHED", _("The agent's process ended: read its last log lines.")
    AGENT_HUNG = "AGENT_HUNG", _("The agent was alive but silent, and was killed: check the load.")
    AGENT_LOST = (
        "AGENT_LOST",
        _("The agent disappeared without a report: check memory and the machine."),
    )
    RECORDING_LOST = "RECORDING_LOST", _("A recording is missing: see the list of recordings.")
    UPLOAD_FAILED = (
        "UPLOAD_FAILED",
        _("A recording could not be stored; it is kept in the unit's folder: check storage."),
    )
    BACKEND_UNAVAILABLE = "BACKEND_UNAVAILABLE", _("Units could not be started: check the backend.")
    IMAGE_PULL_FAILED = (
        "IMAGE_PULL_FAILED",
        _("A node could not fetch the image of the agents: check AGENT_IMAGE and the registry."),
    )
    OUT_OF_MEMORY = (
        "OUT_OF_MEMORY",
        _(
            "The unit used more memory than its limit: raise the memory of its agents in the template."
        ),
    )
    EVICTED = (
        "EVICTED",
        _("The unit's pod was evicted from its node: check the disk and memory of nodes and pods."),
    )
    UNSCHEDULABLE = (
        "UNSCHEDULABLE",
        _("No node has room for a unit: add nodes, ask for less, or check the node selector."),
    )
    NODE_LOST = (
        "NODE_LOST",
        _("The node of the unit stopped answering: check it, then start again."),
    )
    QUOTA_EXCEEDED = (
        "QUOTA_EXCEEDED",
        _("The quota of the namespace leaves no room for a unit: raise it, or start fewer agents."),
    )
    NOT_ADMITTED = (
        "NOT_ADMITTED",
        _("The queue of the cluster has not admitted the units: see its quota, and what runs now."),
    )
    SECRET_MISSING = (
        "SECRET_MISSING",
        _("The Secret of the mec or a key in it is missing in the namespace of agents: create it."),
    )
    TERMINATED = (
        "TERMINATED",
        _("The unit was told to end by its machine or cluster, not by robotsim: check these."),
    )
    TOO_FEW_COMPLETED = (
        "TOO_FEW_COMPLETED",
        _("Fewer agents completed than the stage requires: see the failures of its agents."),
    )
    NO_MESSAGES = (
        "NO_MESSAGES",
        _("The stage published no messages: check the topics, the rosbag and the time limit."),
    )
    TOPIC_NOT_CARRIED = (
        "TOPIC_NOT_CARRIED",
        _(
            "The transport cannot carry the name of a topic: choose other topics, "
            "or let the template leave such topics out."
        ),
    )
    TYPE_UNKNOWN = (
        "TYPE_UNKNOWN",
        _(
            "The transport needs the definition of a message type: add it to the template, "
            "or choose a MEC with the transport zenoh-raw."
        ),
    )
    TYPE_NOT_SUPPORTED = (
        "TYPE_NOT_SUPPORTED",
        _(
            "This installation of ROS 2 cannot publish a message type: "
            "choose a MEC with the transport zenoh."
        ),
    )
    NOBODY_LISTENS = (
        "NOBODY_LISTENS",
        _(
            "Nobody subscribes to a topic that must have a subscriber: start the system under test, "
            "or check topic names, QoS and ROS domain."
        ),
    )
    STOPPED_BY_USER = "STOPPED_BY_USER", _("It was stopped by a user.")
    STOPPED_BY_SYSTEM = "STOPPED_BY_SYSTEM", _("It was stopped by the system.")


USER_FAILURES = frozenset(
    {
        FailureCode.BAG_INVALID,
        FailureCode.TRANSPORT_UNREACHABLE,
        FailureCode.NO_MESSAGES,
        FailureCode.TOPIC_NOT_CARRIED,
        FailureCode.TYPE_UNKNOWN,
        FailureCode.TYPE_NOT_SUPPORTED,
        FailureCode.NOBODY_LISTENS,
        FailureCode.TRANSPORT_LOST,
        FailureCode.STOPPED_BY_USER,
    }
)


def blame(code: str) -> Blame:
    """Return the party that caused a failure of this code."""
    if not code:
        return Blame.NOBODY
    return Blame.USER if code in USER_FAILURES else Blame.SYSTEM


class Stopper(TextChoices):
    """Stoppers of executions, other than users."""

    INTERRUPT = "interrupt", _("Ctrl-C in the terminal")
    LAUNCHER = "launcher", _("the end of the launcher")
    DEMO = "demo", _("the end of the demo")
    RESTORE = "restore", _("the restore of a backup")
    PROGRAM = "program", _("a program on the server")


class EventKind(TextChoices):
    """Kinds of events in the timeline of an execution."""

    EXECUTION_REQUESTED = "execution.requested", _("execution requested")
    TOPICS_LEFT_OUT = "topics.left_out", _("topics left out")
    EXECUTION_STATUS = "execution.status", _("execution status changed")
    EXECUTION_HEARTBEATS = "execution.heartbeats", _("heartbeats counted")
    STAGE_STATUS = "stage.status", _("stage status changed")
    STAGE_WAITING = "stage.waiting", _("units wait")
    UNIT_LOST = "unit.lost", _("unit lost")
    UNIT_NEVER_REGISTERED = "unit.never_came", _("unit never registered")
    UNIT_RETRIED = "unit.retried", _("unit retried")
    LINK_LOST = "link.lost", _("connection lost")
    LINK_RESTORED = "link.restored", _("connection restored")
    RECORDING_STATUS = "recording.status", _("recording status changed")


class DeletionStatus(TextChoices):
    """Status of the deletion of a simulation, and of its steps."""

    PENDING = "PENDING", _("pending")
    RUNNING = "RUNNING", _("running")
    COMPLETED = "COMPLETED", _("completed")
    FAILED = "FAILED", _("failed")


class DeletionFailure(TextChoices):
    """Reasons why a deletion failed; the label is the remedy."""

    STEP_FAILED = (
        "STEP_FAILED",
        _("A step failed; the log says why. Ask an administrator, then delete again."),
    )


BACKEND_TEXTS = {"local": _("this machine"), "kubernetes": "Kubernetes"}


def backend_text(name: str) -> str:
    """Return the name of a backend in words."""
    return str(BACKEND_TEXTS.get(name, name))


OPEN_DELETION = frozenset({DeletionStatus.PENDING, DeletionStatus.RUNNING})


class DesignStatus(TextChoices):
    """Status of a simulation; whether it runs is read from its executions."""

    DRAFT = "DRAFT", _("draft")
    READY = "READY", _("ready")
    DELETING = "DELETING", _("deleting")
    DELETED = "DELETED", _("deleted")


def design_status(deleted_at: datetime | None, deleting: bool, stages: int) -> DesignStatus:  # noqa: FBT001
    """Derive the status of a simulation; `deleting`: a deletion is open, `stages`: their number."""
    if deleted_at is not None:
        return DesignStatus.DELETING if deleting else DesignStatus.DELETED
    return DesignStatus.READY if stages else DesignStatus.DRAFT
