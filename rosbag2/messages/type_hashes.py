"""Hashes of message types, as ROS 2 gives them since Iron: `RIHS01_` and the SHA-256 of their description.

A hash is computed from a definition; a definition that uses types without defining them is completed by
those of a ROS distribution. Defaults and constants do not count. Definitions come from strangers: they are
bounded and resolved before they are hashed, and of the library only tables and arithmetic are used.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, get_typestore
from rosbags.typesys.store import Typestore

from rosbag2.messages.layouts import Layout
from rosbag2.messages.message_types import (
    FieldTable,
    MessageType,
    TypeProblem,
    TypeUnknownError,
    distro_types,
    full_name,
    parsed,
    resolved,
)
from rosbag2.messages.type_layouts import layout_of

TYPE_HASH = re.compile(r"RIHS01_[0-9a-f]{64}")
ENCODINGS = frozenset({"ros2msg", "ros2idl"})


class TypeFacts(NamedTuple):
    """Facts of a type for publishers; the layout is empty where messages have no header."""

    type_hash: str
    layout: Layout


def is_type_hash(text: str) -> bool:
    """Tell whether a text is a hash; recorders that know none write other things."""
    return TYPE_HASH.fullmatch(text) is not None


def facts_of(name: str, definition: str, encoding: str, ros_distro: str) -> TypeFacts:
    """Hash and layout of a type by its definition.

    Raises:
        TypeUnknownError: the definition cannot be used; the text says why.
    """
    if encoding not in ENCODINGS or not definition.strip():
        raise _undefined(name)
    name = full_name(name)
    return _facts(name, _described(parsed(name, definition, encoding), encoding), ros_distro)


@lru_cache(maxsize=4096)
def facts_of_distribution(name: str, ros_distro: str) -> TypeFacts:
    """Hash and layout of a type that a distribution defines.

    Raises:
        TypeUnknownError: it defines no such type.
    """
    return _facts(full_name(name), {}, ros_distro)


def facts_of_uploads(name: str, definitions: Mapping[str, str], ros_distro: str) -> TypeFacts:
    """Hash and layout of a type that is one of some definitions, which may use each other.

    Raises:
        TypeUnknownError: its definition cannot be used; the text says why.
    """
    return _facts(full_name(name), _tables(full_name(name), definitions), ros_distro)


def text_of_uploads(name: str, definitions: Mapping[str, str], ros_distro: str) -> str:
    """Definition of a type that `facts_of_uploads` takes, with those of all types in it."""
    name = full_name(name)
    tables = _tables(name, definitions)
    store = _store(resolved(name, tables, ros_distro), tables, ros_distro)
    text, _md5 = store.generate_msgdef(name, ros_version=2)
    return text


def _tables(name: str, definitions: Mapping[str, str]) -> FieldTable:
    """The fields of all types in definitions; those within the text of the type itself come first."""
    tables = {
        full_name(key): _parsed_upload(full_name(key), text) for key, text in definitions.items()
    }
    if name not in tables:
        raise _undefined(name)
    inner = {key: fields for table in tables.values() for key, fields in table.items()}
    return inner | {key: table[key] for key, table in tables.items()} | tables[name]


@lru_cache(maxsize=256)
def _parsed_upload(name: str, definition: str) -> FieldTable:
    table = _described(parsed(name, definition, "ros2msg"), "ros2msg")
    if name not in table:
        raise _undefined(name)
    return table


def bad_line(definition: str) -> tuple[int, str]:
    """Number (from 1) and text of the first line that cannot be parsed; at worst the last."""
    number, line = 0, ""
    for number, line in enumerate(definition.splitlines(), 1):  # noqa: B007
        if not line.startswith(("=" * 80, "MSG: ")):
            try:
                parsed("a/msg/B", f"{line}\n#", "ros2msg")
            except TypeUnknownError:
                break
    return number, line


def _undefined(name: str) -> TypeUnknownError:
    message = f"there is no definition of {name}"
    return TypeUnknownError(message, TypeProblem.UNDEFINED, name)


def _facts(name: str, embedded: FieldTable, ros_distro: str) -> TypeFacts:
    message_type = resolved(name, embedded, ros_distro)
    type_hash = _store(message_type, embedded, ros_distro).hash_rihs01(name)
    return TypeFacts(type_hash, layout_of(message_type) or ())


def _store(message_type: MessageType, embedded: FieldTable, ros_distro: str) -> Typestore:
    """The library's store of a type and all types in it; it holds tables and no code."""
    distributed = distro_types(ros_distro)
    store = get_typestore(Stores.EMPTY)
    for name in _names_in(message_type):
        fields = embedded[name] if name in embedded else _as_described(distributed[name])
        store.fielddefs[name] = ([], fields)
    return store


def _names_in(message_type: MessageType) -> set[str]:
    names: set[str] = set()
    waiting: list[Any] = [message_type]
    while waiting:
        match waiting.pop():
            case MessageType(name=name, fields=fields) if name not in names:
                names.add(name)
                waiting += fields.values()
            case object(item=item):
                waiting.append(item)
    return names


def _described(table: FieldTable, encoding: str) -> FieldTable:
    """The tables as a description has them: in .msg files, unlike in IDL, `char` is a word for uint8."""
    if encoding != "ros2msg":
        return table
    return {name: _as_described(fields) for name, fields in table.items()}


def _as_described(fields: Any) -> list[Any]:
    return [(name, _without_char(desc)) for name, desc in fields]


def _without_char(desc: Any) -> Any:
    kind, inner = desc
    match kind:
        case Nodetype.BASE:
            return (kind, ("uint8", 0)) if inner[0] == "char" else desc
        case Nodetype.NAME:
            return desc
        case _:
            return (kind, (_without_char(inner[0]), inner[1]))
