"""Messages for tests, serialized by the library: dictionaries in, bytes out."""

from typing import Any

import numpy as np
from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, get_typestore

STORE = get_typestore(Stores.ROS2_HUMBLE)


def encoded(kind: str, **fields: Any) -> bytes:
    """A message of a type; fields that are left out are zero or empty."""
    return bytes(STORE.serialize_cdr(made(kind, fields), kind))


def made(kind: str, fields: dict[str, Any]) -> Any:
    """The library's object of a type."""
    _constants, table = STORE.fielddefs[kind]
    values = [_value(desc, fields.get(name)) for name, desc in table]
    cls: Any = STORE.types[kind]
    return cls(*values)


def _value(desc: Any, given: Any) -> Any:
    node, what = desc
    if node == Nodetype.NAME:
        return made(what, given or {})
    if node == Nodetype.BASE:
        return ("" if what[0] == "string" else 0) if given is None else given
    (kind, inner), length = what
    size = length if node == Nodetype.ARRAY else 0
    if kind == Nodetype.BASE and inner[0] != "string":
        dtype = {"byte": "uint8", "char": "uint8"}.get(inner[0], inner[0])
        return np.zeros(size, dtype) if given is None else np.array(given, dtype)
    items = [None] * size if given is None else given
    return [_value((kind, inner), item) for item in items]
