"""Failure codes, with blame and remedy."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


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
        _("The system under test did not answer: check its endpoint."),
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
        _(
            "The Secret of the system under test or a key in it is missing in the namespace of agents: "
            "create it."
        ),
    )
    START_FAILED = (
        "START_FAILED",
        _(
            "The pod of a unit could not be created or started: the message of the cluster says why."
        ),
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
            "or choose a system under test with the transport zenoh-raw."
        ),
    )
    TYPE_NOT_SUPPORTED = (
        "TYPE_NOT_SUPPORTED",
        _(
            "This installation of ROS 2 cannot publish a message type: "
            "choose a system under test with the transport zenoh."
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

STOPS = frozenset({FailureCode.STOPPED_BY_USER, FailureCode.STOPPED_BY_SYSTEM})
"""Ends that were asked for."""


def blame(code: str) -> Blame:
    """Return the party that caused a failure of this code."""
    if not code:
        return Blame.NOBODY
    return Blame.USER if code in USER_FAILURES else Blame.SYSTEM
