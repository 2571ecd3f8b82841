"""YAML from strangers, read with bounded effort.

Scalars stay text, as rosbag2 itself reads them, so a topic named `on` or `1e3` keeps its name.
Only plain `null` and `~` and nothing at all become None.
"""

from collections.abc import Callable
from typing import Any

import yaml

Node = str | None | list["Node"] | dict[str, "Node"]

MAX_BYTES = 10 * 2**20
MAX_NODES = 300_000
MAX_DEPTH = 32
_CORE = ("str", "int", "float", "bool", "null", "map", "seq")
_CORE_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in _CORE}
_NULLS = {"", "~", "null", "Null", "NULL"}
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class RefusedError(ValueError):
    """No accident but an attack, or close to one: too large, too deep, foreign tags."""


class _Open:
    """A list or mapping that is still being filled; `weight` counts its nodes, aliases expanded."""

    def __init__(self, node: list[Node] | dict[str, Node], anchor: str | None) -> None:
        self.node = node
        self.anchor = anchor
        self.weight = 1
        self.key: str | None = None

    def add(self, node: Node) -> None:
        if isinstance(self.node, list):
            self.node.append(node)
        elif self.key is None:
            self.key = _key(node)
        else:
            self.node[self.key] = node
            self.key = None


class _Builder:
    """Builds the tree from parser events without recursion."""

    def __init__(self) -> None:
        self.root: Node = None
        self.stack: list[_Open] = []
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.documents = 0
        self.handlers: dict[type, Callable[[Any], None]] = {
            yaml.DocumentStartEvent: self.document,
            yaml.ScalarEvent: self.scalar,
            yaml.AliasEvent: self.alias,
            yaml.SequenceStartEvent: lambda event: self.start(event, []),
            yaml.MappingStartEvent: lambda event: self.start(event, {}),
            yaml.SequenceEndEvent: self.end,
            yaml.MappingEndEvent: self.end,
        }

    def document(self, _event: object) -> None:
        self.documents += 1
        if self.documents > 1:
            raise ValueError("more than one YAML document")

    def scalar(self, event: Any) -> None:
        _check_tag(event.tag)
        null = not event.style and event.value in _NULLS
        node = None if null else str(event.value)
        if event.anchor:
            self.anchors[event.anchor] = (node, 1)
        self.place(node, 1)

    def alias(self, event: Any) -> None:
        if event.anchor not in self.anchors:
            raise ValueError("an alias without its anchor")
        self.place(*self.anchors[event.anchor])

    def start(self, event: Any, node: list[Node] | dict[str, Node]) -> None:
        _check_tag(event.tag)
        if len(self.stack) >= MAX_DEPTH:
            raise RefusedError("nested too deeply")
        self.stack.append(_Open(node, event.anchor))

    def end(self, _event: object) -> None:
        done = self.stack.pop()
        if done.anchor:
            self.anchors[done.anchor] = (done.node, done.weight)
        self.place(done.node, done.weight)

    def place(self, node: Node, weight: int) -> None:
        if not self.stack:
            self.root = node
            return
        parent = self.stack[-1]
        parent.weight += weight
        if parent.weight > MAX_NODES:
            raise RefusedError("too many values")
        parent.add(node)


def parse(text: str | bytes) -> Node:
    """The one document of a YAML text: dict, list, str or None.

    Raises:
        ValueError: malformed.
        RefusedError: too large, too deep, with foreign tags, or with aliases that explode.
    """
    if len(text) > MAX_BYTES:
        raise RefusedError(f"larger than {MAX_BYTES // 2**20} MB")
    builder = _Builder()
    try:
        for count, event in enumerate(yaml.parse(text, Loader=_LOADER)):
            if count > 2 * MAX_NODES:
                raise RefusedError("too many values")
            handler = builder.handlers.get(type(event))
            if handler:
                handler(event)
    except yaml.YAMLError as error:
        raise ValueError(_short(error)) from error
    return builder.root


def _key(node: Node) -> str:
    if node is None or isinstance(node, str):
        return node or ""
    raise ValueError("a key that is not a word")


def _check_tag(tag: str | None) -> None:
    if tag not in {None, "!"} and tag not in _CORE_TAGS:
        raise RefusedError("a foreign tag")


def _short(error: yaml.YAMLError) -> str:
    """Where and what, without the parser's quotation of the file."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return "it is no YAML text"
