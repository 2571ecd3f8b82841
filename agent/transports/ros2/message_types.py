"""Message classes for rclpy, made at run time: of a type only its name and hash are needed.

rclpy creates publishers and raw subscriptions from a structure that the package of the message brings: names,
hash, and functions that convert messages. What is published and received here is serialized already, so the
functions are never called, and those of any other type will do. A class is therefore made of the type support
of PATTERN, which is part of rclpy, with the names and the hash of the type.

It stands on structures that are not promised to stay. They are compared at the start with what is known of
PATTERN; where they differ only types play whose packages are installed.
"""

import ctypes
import importlib
import re
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from agent.transports.base import TypeNotSupportedError
from agent.transports.ros2.structures import (
    FASTRTPS,
    INTROSPECTION,
    PACKAGES,
    C,
    Callbacks,
    GetHandle,
    GetTypeHash,
    Members,
    TypeHash,
    TypeSupport,
    handle_of,
    hash_of,
    pack,
    unpack,
)

PATTERN = ("type_description_interfaces", "msg", "KeyValue")
"""Two strings without limit: Fast DDS then expects messages of any length."""
PATTERN_HASH = "RIHS01_274fe56bf14f33c7512e34c646a37579ee36779f745f049a9760763e817f0c42"
PATTERN_MEMBERS = 2
STRING_SIZE = 24
"""Of `rosidl_runtime_c__String`: a pointer and two sizes."""
HASH_PREFIX = "RIHS01_"
TYPE_HASH = re.compile(r"RIHS01_[0-9a-f]{64}")
KEPT: list[object] = []
"""Objects that C points to: Fast DDS may look at them until the process ends."""


class MessageTypes:
    """The message classes of one process."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], type] = {}
        self._fastrtps: TypeSupport
        self._introspection: TypeSupport
        self._callbacks: Callbacks
        self._members: Members
        self.difference = self._find_difference()
        """The assumption that does not hold; empty: classes can be made."""

    def get(self, name: str, type_hash: str) -> type:
        """Return the class of a type such as `sensor_msgs/msg/Imu`.

        Raises:
            TypeNotSupportedError: It cannot be made, and no package of it is installed.
        """
        key = (name, type_hash)
        if key not in self._made:
            self._made[key] = self._import(name) if self.difference else self._make(name, type_hash)
        return self._made[key]

    def _import(self, name: str) -> type:
        package, kind, message = _split(name)
        try:
            found: type = getattr(importlib.import_module(f"{package}.{kind}"), message)
        except (ImportError, AttributeError) as error:
            raise TypeNotSupportedError(self.difference, name) from error
        return found

    def _make(self, name: str, type_hash: str) -> type:
        """Make a class with the names and the hash of a type."""
        package, kind, message = _split(name)
        raw_hash = _parse_hash(name, type_hash)
        get_hash = GetTypeHash(lambda _support: ctypes.addressof(raw_hash))
        callbacks = Callbacks.from_buffer_copy(self._callbacks)
        callbacks.namespace, callbacks.name = f"{package}::{kind}".encode(), message.encode()
        members = Members.from_buffer_copy(self._members)
        members.namespace, members.name = f"{package}__{kind}".encode(), message.encode()
        fastrtps = _support(self._fastrtps, callbacks, get_hash)
        introspection = _support(self._introspection, members, get_hash)
        addresses = {
            FASTRTPS: ctypes.addressof(fastrtps),
            INTROSPECTION: ctypes.addressof(introspection),
        }
        get_handle = GetHandle(lambda _support, identifier: addresses.get(identifier))
        for support in (fastrtps, introspection):
            support.get_handle = ctypes.cast(get_handle, ctypes.c_void_p).value
        KEPT.extend([raw_hash, get_hash, callbacks, members, fastrtps, introspection, get_handle])
        return _message_class(message, pack(fastrtps))

    def _find_difference(self) -> str:
        """Compare versions first, as the structures of others cannot be read without danger."""
        for package, expected in PACKAGES.items():
            try:
                installed = version(package)
            except PackageNotFoundError:
                return f"{package} is not installed"
            if not installed.startswith(expected):
                return f"{package} is {installed}, not {expected}*"
        return self._read_pattern()

    def _read_pattern(self) -> str:
        """Read the type support of PATTERN; the result is the first thing that is not as expected."""
        package, kind, message = PATTERN
        pattern: Any = type(getattr(importlib.import_module(f"{package}.{kind}"), message))
        pattern.__import_type_support__()
        support = unpack(pattern._TYPE_SUPPORT)  # noqa: SLF001 - there is no other way to it
        fastrtps, introspection = handle_of(support, FASTRTPS), handle_of(support, INTROSPECTION)
        if support.identifier != C or fastrtps is None or introspection is None:
            return "rclpy has other type supports"
        self._fastrtps, self._introspection = fastrtps, introspection
        self._callbacks = Callbacks.from_address(fastrtps.data)
        self._members = Members.from_address(introspection.data)
        return _first_difference(
            (fastrtps.identifier, FASTRTPS),
            (introspection.identifier, INTROSPECTION),
            (self._callbacks.namespace, f"{package}::{kind}".encode()),
            (self._callbacks.name, message.encode()),
            (self._callbacks.key_callbacks, None),
            (self._members.namespace, f"{package}__{kind}".encode()),
            (self._members.name, message.encode()),
            (self._members.count, PATTERN_MEMBERS),
            (self._members.size, PATTERN_MEMBERS * STRING_SIZE),
            (bytes(hash_of(fastrtps)).hex(), f"01{PATTERN_HASH.removeprefix(HASH_PREFIX)}"),
        )


def _split(name: str) -> list[str]:
    parts = name.split("/")
    if len(parts) != len(PATTERN) or not all(parts):
        raise TypeNotSupportedError("that is no name of a message type", name)
    return parts


def _parse_hash(name: str, type_hash: str) -> TypeHash:
    """Convert a hash; an empty one stays unset, by which subscribers are matched as well."""
    if not type_hash:
        return TypeHash()
    if not TYPE_HASH.fullmatch(type_hash):
        raise TypeNotSupportedError(f"the hash is {type_hash}", name)
    value = bytes.fromhex(type_hash.removeprefix(HASH_PREFIX))
    return TypeHash(1, (ctypes.c_uint8 * 32)(*value))


def _support(pattern: TypeSupport, data: ctypes.Structure, get_hash: Any) -> TypeSupport:
    """Copy a type support; its description stays that of PATTERN, as rclpy refuses none at all."""
    support = TypeSupport.from_buffer_copy(pattern)
    support.data = ctypes.addressof(data)
    support.get_type_hash = ctypes.cast(get_hash, ctypes.c_void_p).value
    return support


def _message_class(name: str, capsule: object) -> type:
    """Return a class that has what rclpy asks of one of a message package."""
    unused = ("_CREATE_ROS_MESSAGE", "_CONVERT_FROM_PY", "_CONVERT_TO_PY", "_DESTROY_ROS_MESSAGE")
    attributes = dict.fromkeys(unused, capsule) | {"_TYPE_SUPPORT": capsule}
    metaclass: Any = type(f"Metaclass_{name}", (type,), attributes)
    made: type = metaclass(name, (), {"__slots__": ()})
    return made


def _first_difference(*pairs: tuple[object, object]) -> str:
    return next((f"{seen!r} instead of {known!r}" for seen, known in pairs if seen != known), "")
