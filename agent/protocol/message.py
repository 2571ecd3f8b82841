"""The base of all messages, and their form on the wire."""

from typing import Annotated, TypeVar

import msgspec

PROTOCOL = 2
"""Version of these messages; a server refuses a unit with another version."""

Time = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""Nanoseconds since 1970."""
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""Largest count in a report: a database can store the sum of some."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the messages."""


MessageType = TypeVar("MessageType", bound=Message)


def encode(message: Message) -> bytes:
    """Serialize a message as JSON."""
    return msgspec.json.encode(message)


def decode(body: bytes | str, kind: type[MessageType]) -> MessageType:
    """Parse a message of a type from JSON.

    Raises:
        ValueError: Invalid JSON, or a field is missing or of a wrong type; the message names it.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error
