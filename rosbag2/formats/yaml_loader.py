"""YAML from strangers: PyYAML's C loader, with limits on size, nesting and aliases.

Scalars stay text, as rosbag2 itself reads them, so a topic named `on` or `1e3` keeps its name.
Only plain `null`, `~` and an empty value become None.
"""

import re
from typing import NoReturn

import yaml

Node = str | None | list["Node"] | dict[str, "Node"]

MAX_BYTES = 10 * 2**20
MAX_NODES = 300_000
"""Values of a document, with aliases expanded."""
MAX_DEPTH = 32
_TAG = "tag:yaml.org,2002:"


class RefusedError(ValueError):
    """An attack rather than an accident: too large, too deep, or with foreign tags."""


def _refuse(_loader: object, _node: object) -> NoReturn:
    raise RefusedError("a foreign tag")


class _TextLoader(yaml.CBaseLoader):
    """The loader that leaves scalars as text, without its tolerance for tags of any kind."""

    yaml_constructors = {
        **{
            _TAG + kind: yaml.CBaseLoader.construct_scalar
            for kind in ("str", "int", "float", "bool")
        },
        _TAG + "seq": yaml.CBaseLoader.construct_sequence,
        _TAG + "map": yaml.CBaseLoader.construct_mapping,
        _TAG + "null": lambda _loader, _node: None,
        None: _refuse,
    }
    yaml_implicit_resolvers = {
        first: [(_TAG + "null", re.compile("^(?:~|null|Null|NULL|)$"))]
        for first in ("~", "n", "N", "")
    }


def parse(text: str | bytes) -> Node:
    """Read the one document of a YAML text.

    Raises:
        RefusedError: too large, too deep, with foreign tags, or with aliases that explode.
        ValueError: malformed.
    """
    if len(text) > MAX_BYTES:
        raise RefusedError(f"larger than {MAX_BYTES // 2**20} MB")
    try:
        _check(text)
        node: Node = yaml.load(text, Loader=_TextLoader)  # noqa: S506 - makes text, lists and dicts
    except yaml.YAMLError as error:
        raise ValueError(_reason(error)) from error
    return node


def _check(text: str | bytes) -> None:
    """Refuse documents that are too large for the loader, which has no limits."""
    nodes = 0
    weights: dict[str | None, int] = {}
    parents: list[tuple[str | None, int]] = []
    for event in yaml.parse(text, Loader=yaml.CBaseLoader):
        if isinstance(event, yaml.NodeEvent):
            nodes += weights.get(event.anchor, 1) if isinstance(event, yaml.AliasEvent) else 1
        if isinstance(event, yaml.CollectionStartEvent):
            parents.append((event.anchor, nodes - 1))
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = parents.pop()
            weights[anchor] = nodes - before
        if nodes > MAX_NODES:
            raise RefusedError("too many values")
        if len(parents) > MAX_DEPTH:
            raise RefusedError("nested too deeply")


def _reason(error: yaml.YAMLError) -> str:
    """The line and the problem, without the parser's quotation of the file."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return "it is no YAML text"
