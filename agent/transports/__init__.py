"""Transports to the system under test; each is imported only when a plan needs it."""

from agent.protocol import Link
from agent.transports.base import NotInstalledError, Transport, TransportError

__all__ = ["Transport", "TransportError", "create"]


def create(link: Link) -> Transport:
    """Create the transport of a link, not yet open.

    Raises:
        TransportError: The transport is unknown.
    """
    # Imported late: fifty units start at once, and most need only one of these libraries.
    if link.transport == "null":
        from agent.transports.null import NullTransport  # noqa: PLC0415

        return NullTransport()
    if link.transport == "zenoh-raw":
        from agent.transports.zenoh.raw import RawTransport  # noqa: PLC0415

        return RawTransport()
    if link.transport == "zenoh":
        from agent.transports.zenoh.rmw import RmwTransport  # noqa: PLC0415

        return RmwTransport()
    if link.transport == "ros2":
        return _ros2()
    raise TransportError(
        f"This agent has no transport '{link.transport}'. "
        "Choose null, ros2, zenoh or zenoh-raw for the system under test."
    )


def _ros2() -> Transport:
    try:
        from agent.transports.ros2.transport import Ros2Transport  # noqa: PLC0415
    except ImportError as error:
        raise NotInstalledError(
            f"ROS 2 is not installed here ({error}). Run `pip install -r requirements-ros2.txt` "
            "where the agents run, or choose the transport zenoh, which needs none of it."
        ) from error
    return Ros2Transport()
