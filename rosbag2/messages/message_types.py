"""Message types, resolved down to primitives.

Types come from the definitions that a bag embeds; without them from those that the ROS distributions
define. Of the library only the parser and the tables are used, none of the code that it generates.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any

from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, get_types_from_idl, get_types_from_msg, get_typestore

from rosbag2.formats.metadata import Topic

FieldTable = dict[str, Any]
"""Fields by type name, as the library writes them."""

MAX_DEFINITION = 1 << 20
"""Longest text of a definition that is parsed."""
MAX_DEPTH = 40
PADDING = "structure_needs_at_least_one_member"
"""The byte that ROS 2 writes for a message without fields."""
_CODES = {
    "bool": ("?", 1),
    "byte": ("B", 1),
    "char": ("B", 1),
    "octet": ("B", 1),
    "int8": ("b", 1),
    "uint8": ("B", 1),
    "int16": ("h", 2),
    "uint16": ("H", 2),
    "int32": ("i", 4),
    "uint32": ("I", 4),
    "int64": ("q", 8),
    "uint64": ("Q", 8),
    "float32": ("f", 4),
    "float64": ("d", 8),
}


class TypeProblem(StrEnum):
    """Reason why a type is unknown."""

    UNDEFINED = "undefined"
    UNPARSED = "unparsed"
    TOO_LONG = "too_long"
    ENDLESS = "endless"
    UNSUPPORTED = "unsupported"


class TypeUnknownError(Exception):
    """A type without a definition, or with one that cannot be used; the text says why.

    `subject` is the type or the field's type that is at fault.
    """

    code = "TYPE_UNKNOWN"

    def __init__(
        self, text: str, problem: TypeProblem = TypeProblem.UNSUPPORTED, subject: str = ""
    ) -> None:
        self.problem = problem
        self.subject = subject
        super().__init__(text)


class NotCdrError(TypeUnknownError):
    """A topic whose messages are not CDR."""

    code = "TYPE_UNSUITABLE"


@dataclass(frozen=True)
class PrimitiveType:
    """A number or a truth value: its name in ROS, its code in `struct`, its size in bytes."""

    name: str
    code: str
    size: int


@dataclass(frozen=True)
class StringType:
    """A string of 8-bit characters."""


@dataclass(frozen=True)
class ArrayType:
    """An array of `length` items, or a sequence of any number where that is None."""

    item: "FieldType"
    length: int | None


@dataclass(eq=False)
class MessageType:
    """A message; `fields` by name in their order."""

    name: str
    fields: dict[str, "FieldType"] = field(default_factory=dict)


FieldType = PrimitiveType | StringType | ArrayType | MessageType


def message_type_of(topic: Topic, ros_distro: str = "") -> MessageType:
    """The type of a topic's messages.

    Raises:
        TypeUnknownError: there is no usable definition of the type.
    """
    if not topic.is_cdr:
        raise NotCdrError(f"its messages are serialized as {topic.serialization_format}")
    name = full_name(topic.type)
    embedded = parsed(name, topic.definition, topic.definition_encoding)
    return resolved(name, embedded, ros_distro)


def resolved(name: str, embedded: FieldTable, ros_distro: str) -> MessageType:
    """The type of a full name, from parsed definitions, else from those of a distribution.

    Raises:
        TypeUnknownError: it or a type in it has no usable definition.
    """
    return _Builder(embedded, distro_types(ros_distro)).struct(name, 0)


def full_name(name: str) -> str:
    """A type's name with the middle part that Crystal did not write yet."""
    parts = name.split("/")
    return f"{parts[0]}/msg/{parts[1]}" if len(parts) == 2 else name  # noqa: PLR2004


def parsed(name: str, definition: str, encoding: str) -> FieldTable:
    """The fields in an embedded definition; none where there is no such.

    Raises:
        TypeUnknownError: it is too long, or no definition.
    """
    text = definition.replace("\r\n", "\n").rstrip("\n") + "\n"
    if not definition.strip() or encoding not in {"ros2msg", "ros2idl"}:
        return {}
    if len(text) > MAX_DEFINITION:
        message = f"the definition of {name} is longer than any that people write"
        raise TypeUnknownError(message, TypeProblem.TOO_LONG, name)
    try:
        parsed = (
            get_types_from_msg(text, name) if encoding == "ros2msg" else get_types_from_idl(text)
        )
    except RecursionError:
        message = f"the definition of {name} is nested too deep"
        raise TypeUnknownError(message, TypeProblem.ENDLESS, name) from None
    except Exception as error:
        # The parser raises whatever a stranger's text leads it to.
        message = f"the definition of {name} cannot be parsed"
        raise TypeUnknownError(message, TypeProblem.UNPARSED, name) from error
    return {key: fields for key, (_constants, fields) in parsed.items()}


@cache
def distro_types(ros_distro: str) -> FieldTable:
    """The fields of the types that a distribution brought; of the newest where it is not known."""
    name = f"ros2_{ros_distro}".lower()
    stores = {store.value: store for store in Stores if store.value.startswith("ros2_")}
    newest = get_typestore(Stores.LATEST).fielddefs
    own = get_typestore(stores[name]).fielddefs if name in stores else {}
    return {key: fields for key, (_constants, fields) in {**newest, **own}.items()}


@dataclass
class _Builder:
    """Turns the library's tables into shapes, each type once."""

    embedded: FieldTable
    distro_types: FieldTable
    built: dict[str, MessageType] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)

    def struct(self, name: str, depth: int) -> MessageType:
        if name in self.built:
            return self.built[name]
        if name.endswith("/wstring"):  # for the parser the name of a message
            raise _unsupported("wstring")
        fields = self.embedded.get(name, self.distro_types.get(name))
        if fields is None:
            message = (
                f"the bag holds no definition of {name}, and no ROS distribution brought it along"
            )
            raise TypeUnknownError(message, TypeProblem.UNDEFINED, name)
        if name in self.open or depth > MAX_DEPTH:
            message = f"the definition of {name} is nested without an end"
            raise TypeUnknownError(message, TypeProblem.ENDLESS, name)
        self.open.add(name)
        message_type = MessageType(
            name, {key: self.field_type(desc, depth + 1) for key, desc in fields}
        )
        if not message_type.fields:
            message_type.fields[PADDING] = _base("uint8")
        self.open.discard(name)
        return self.built.setdefault(name, message_type)

    def field_type(self, desc: Any, depth: int) -> FieldType:
        kind, inner = desc
        match kind:
            case Nodetype.BASE:
                return _base(inner[0])
            case Nodetype.NAME:
                return self.struct(inner, depth)
            case Nodetype.ARRAY:
                return ArrayType(self.field_type(inner[0], depth), int(inner[1]))
            case _:
                return ArrayType(self.field_type(inner[0], depth), None)


def _base(name: str) -> FieldType:
    if name == "string":
        return StringType()
    if name not in _CODES:
        raise _unsupported(name)
    return PrimitiveType(name, *_CODES[name])


def _unsupported(name: str) -> TypeUnknownError:
    message = f"fields of the type {name} are written differently by each middleware"
    return TypeUnknownError(message, TypeProblem.UNSUPPORTED, name)
