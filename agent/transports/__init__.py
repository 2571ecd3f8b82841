"""Transports to the system under test; each is imported only when a plan needs it."""

from agent.protocol import Link
from agent.transports.base import Transport, TransportError

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
    raise TransportError(
        f"This agent has no transport '{link.transport}'. Choose null, zenoh or zenoh-raw for the MEC."
    )
