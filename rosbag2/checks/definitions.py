"""The message types that a bag defines, with what publishers must know of them.

A stranger's definitions are bounded in all: what lies above is treated as if the bag did not define it.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

from rosbag2.formats.metadata import Topic
from rosbag2.messages.distributions import distribution
from rosbag2.messages.message_types import TypeUnknownError, full_name
from rosbag2.messages.type_hashes import ENCODINGS, facts_of

MAX_TEXT = 2**18
"""Characters of one definition; the longest in use have a quarter."""
MAX_TOTAL = 2**19
"""Characters of all definitions that are parsed, which takes about 3 s."""


@dataclass(frozen=True)
class TypeIndex:
    """A type as defined in the bag; hash empty and layout None where the definition cannot be used.

    The layout is that of `rosbag2.messages.layouts` as lists; empty: its messages have no header. `digest`
    identifies all that hash and layout are computed from.
    """

    digest: str
    name: str
    encoding: str
    text: str
    type_hash: str
    layout: list[Any] | None


class TypesOfBag:
    """Collects the types of a bag's topics, each once."""

    def __init__(self, ros_distro: str, version: int | None) -> None:
        self._ros_distro = distribution(ros_distro, version)
        self._types: dict[str, TypeIndex] = {}
        self._left = MAX_TOTAL

    @property
    def types(self) -> tuple[TypeIndex, ...]:
        """The types so far."""
        return tuple(self._types.values())

    def add(self, topic: Topic) -> str:
        """Return the digest of a topic's definition; empty: it has none that is kept."""
        text = topic.definition
        if topic.definition_encoding not in ENCODINGS or not text.strip() or len(text) > MAX_TEXT:
            return ""
        name = full_name(topic.type)
        parts = (name, topic.definition_encoding, self._ros_distro, text)
        digest = sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()
        if digest not in self._types:
            if len(text) > self._left:
                return ""
            self._left -= len(text)
            self._types[digest] = self._indexed(digest, name, topic)
        return digest

    def _indexed(self, digest: str, name: str, topic: Topic) -> TypeIndex:
        type_hash, layout = "", None
        try:
            facts = facts_of(name, topic.definition, topic.definition_encoding, self._ros_distro)
        except TypeUnknownError:
            pass
        else:
            type_hash, layout = facts.type_hash, msgspec.to_builtins(list(facts.layout))
        return TypeIndex(
            digest, name, topic.definition_encoding, topic.definition, type_hash, layout
        )
