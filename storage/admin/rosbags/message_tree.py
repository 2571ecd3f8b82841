"""Decoded messages as trees of HTML: nested `details` with names, values and types; values are escaped."""

import json
import re
from itertools import islice
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from common.admin.numbers import size
from common.exceptions import DomainError
from storage.admin.recorded_times import offset, recorded
from storage.models import Rosbag
from storage.services.previews import previews
from storage.services.previews.previews import MessageSelection

MAX_MESSAGES = 10
MAX_ITEMS = 16
STAMP = {"sec", "nanosec"}
CUT = {"length", "first"}
Types = dict[str, str]


def message_rows(rosbag: Rosbag, topic: str, *, start: str, end: str) -> dict[str, Any]:
    """Return the first messages of a topic in a range, and where the next ones start."""
    selection = MessageSelection(topic, start, end, limit=MAX_MESSAGES + 1, items=MAX_ITEMS)
    _etag, begin = previews.messages(rosbag, selection)
    lines = [json.loads(line) for line in islice(begin(), MAX_MESSAGES + 1)]
    types = _types(rosbag, topic)
    rows = [_row(rosbag, line, types) for line in lines[:MAX_MESSAGES]]
    following = lines[MAX_MESSAGES].get("time_ns") if len(lines) > MAX_MESSAGES else None
    return {"messages": rows, "following": following}


def _row(rosbag: Rosbag, line: dict[str, Any], types: Types) -> dict[str, Any]:
    time_ns, message = line.get("time_ns"), line.get("message")
    return {
        "type": line.get("type", ""),
        "at": "" if time_ns is None else offset(time_ns - (rosbag.start_ns or 0)),
        "recorded": recorded(time_ns, 6),
        "size": size(line.get("size", 0)),
        "error": (line.get("error") or {}).get("detail", ""),
        "tree": _fields(message, "", types) if isinstance(message, dict) else "",
    }


def _types(rosbag: Rosbag, topic: str) -> Types:
    """Types of the numeric fields by path; empty where the type is unknown."""
    try:
        return {field["path"]: field["type"] for field in previews.fields(rosbag, topic)}
    except DomainError:
        return {}


def _fields(message: dict[str, Any], path: str, types: Types) -> SafeString:
    rows = (
        (_node(name, value, f"{path}.{name}" if path else name, types),)
        for name, value in message.items()
    )
    return format_html("<ul>{}</ul>", format_html_join("", "<li>{}</li>", rows))


def _node(name: str, value: Any, path: str, types: Types) -> SafeString:
    if isinstance(value, dict) and set(value) == STAMP:
        text = recorded(int(value["sec"]) * 10**9 + int(value["nanosec"]), 9)
        return _leaf(name, text, "time")
    if isinstance(value, dict) and "length" in value and len(value) == 2:  # noqa: PLR2004
        return _cut(name, value, path, types)
    if isinstance(value, dict):
        count = ngettext("%d field", "%d fields", len(value)) % len(value)
        return _folder(name, count, _fields(value, path, types))
    if isinstance(value, list):
        return _items(name, value, len(value), path, types)
    return _leaf(name, _text(value), types.get(re.sub(r"\[\d+\]", "[0]", path), _kind(value)))


def _cut(name: str, value: dict[str, Any], path: str, types: Types) -> SafeString:
    """A value of which the service sends the beginning only: an array, bytes, or a text."""
    if set(value) == CUT:
        return _items(name, value["first"], value["length"], path, types)
    shown = str(value.get("text", value.get("base64", "")))
    kind = "text" if "text" in value else _("bytes, as base64")
    return _leaf(name, f"{shown}… ({value['length']:,})", kind)


def _items(name: str, items: list[Any], length: int, path: str, types: Types) -> SafeString:
    kind = types.get(re.sub(r"\[\d+\]", "[0]", f"{path}[0]"), "")
    if not any(isinstance(item, (dict, list)) for item in items):
        more = ", …" if length > len(items) else ""
        return _leaf(name, ", ".join(map(_text, items)) + more, f"{kind or _('array')}[{length:,}]")
    rows = ((_node(f"[{at}]", item, f"{path}[{at}]", types),) for at, item in enumerate(items))
    tree = format_html("<ul>{}</ul>", format_html_join("", "<li>{}</li>", rows))
    return _folder(name, f"[{length:,}]", tree)


def _folder(name: str, note: str, inside: SafeString) -> SafeString:
    return format_html(
        '<details><summary><b>{}</b> <span class="quiet">{}</span></summary>{}</details>',
        name,
        note,
        inside,
    )


def _leaf(name: str, text: str, kind: str) -> SafeString:
    return format_html(
        '<b>{}</b> <span class="mono">{}</span> <span class="quiet">{}</span>', name, text, kind
    )


def _text(value: Any) -> str:
    if isinstance(value, str):
        return f"“{value}”"
    return json.dumps(value, ensure_ascii=False)


def _kind(value: Any) -> str:
    kinds = {bool: "bool", int: "int", float: "float", str: "string"}
    return kinds.get(type(value), "")
