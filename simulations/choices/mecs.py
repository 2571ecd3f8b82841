"""Transports, their options, and results of tests of systems under test."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


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
        _("The test had no result in time: check the network and the DNS."),
    )
    LINK_INVALID = "LINK_INVALID", _("Agents cannot use this endpoint: check protocol and port.")
    PROBE_FAILED = "PROBE_FAILED", _("The test itself failed: the detail says why.")
