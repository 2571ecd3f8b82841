"""The C structures of a message's type support, as rmw_fastrtps of ROS 2 Jazzy reads them.

They are those of `rosidl_runtime_c/message_type_support_struct.h`, `rosidl_runtime_c/type_hash.h`,
`rosidl_typesupport_fastrtps_cpp/message_type_support.h` and
`rosidl_typesupport_introspection_c/message_introspection.h`, in the versions of PACKAGES.
"""

import ctypes

PACKAGES = {
    "ros-rclpy": "7.1.",
    "ros-rmw-fastrtps-cpp": "8.4.",
    "ros-rosidl-runtime-c": "4.6.",
    "ros-rosidl-typesupport-fastrtps-c": "3.6.",
    "ros-rosidl-typesupport-introspection-c": "4.6.",
}
"""Wheels that define or read the structures, with the versions that have them as they are here."""

C = b"rosidl_typesupport_c"
FASTRTPS = b"rosidl_typesupport_fastrtps_c"
INTROSPECTION = b"rosidl_typesupport_introspection_c"


class TypeHash(ctypes.Structure):
    """`rosidl_type_hash_t`; version 0 is a hash that is not known."""

    _fields_ = (("version", ctypes.c_uint8), ("value", ctypes.c_uint8 * 32))


class TypeSupport(ctypes.Structure):
    """`rosidl_message_type_support_t`: an identifier, and what the library of that name knows of the type."""

    _fields_ = (
        ("identifier", ctypes.c_char_p),
        ("data", ctypes.c_void_p),
        ("get_handle", ctypes.c_void_p),
        ("get_type_hash", ctypes.c_void_p),
        ("get_type_description", ctypes.c_void_p),
        ("get_type_description_sources", ctypes.c_void_p),
    )


class Callbacks(ctypes.Structure):
    """`message_type_support_callbacks_t`, the data of rosidl_typesupport_fastrtps_c."""

    _fields_ = (
        ("namespace", ctypes.c_char_p),
        ("name", ctypes.c_char_p),
        ("serialize", ctypes.c_void_p),
        ("deserialize", ctypes.c_void_p),
        ("get_serialized_size", ctypes.c_void_p),
        ("max_serialized_size", ctypes.c_void_p),
        ("key_callbacks", ctypes.c_void_p),
    )


class Members(ctypes.Structure):
    """`rosidl_typesupport_introspection_c__MessageMembers`, the data of the introspection."""

    _fields_ = (
        ("namespace", ctypes.c_char_p),
        ("name", ctypes.c_char_p),
        ("count", ctypes.c_uint32),
        ("size", ctypes.c_size_t),
        ("has_key", ctypes.c_bool),
        ("members", ctypes.c_void_p),
        ("initialize", ctypes.c_void_p),
        ("finalize", ctypes.c_void_p),
    )


GetHandle = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)
GetTypeHash = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)

_new_capsule = ctypes.pythonapi.PyCapsule_New
_new_capsule.restype = ctypes.py_object
_new_capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
_capsule_name = ctypes.pythonapi.PyCapsule_GetName
_capsule_name.restype = ctypes.c_char_p
_capsule_name.argtypes = [ctypes.py_object]
_capsule_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_capsule_pointer.restype = ctypes.c_void_p
_capsule_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]


def pack(support: TypeSupport) -> object:
    """Return the capsule by which rclpy passes a type support on."""
    return _new_capsule(ctypes.addressof(support), None, None)


def unpack(capsule: object) -> TypeSupport:
    """Return the type support in a capsule of a message class."""
    return TypeSupport.from_address(_capsule_pointer(capsule, _capsule_name(capsule)))


def handle_of(support: TypeSupport, identifier: bytes) -> TypeSupport | None:
    """Ask a type support for that of one library."""
    address = GetHandle(support.get_handle)(ctypes.addressof(support), identifier)
    return TypeSupport.from_address(address) if address else None


def hash_of(support: TypeSupport) -> TypeHash:
    """Ask a type support for the hash of its type."""
    return TypeHash.from_address(GetTypeHash(support.get_type_hash)(ctypes.addressof(support)))
