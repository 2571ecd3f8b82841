"""QoS profiles, as the versions of rosbag2 write them: numbers or words, text or YAML.

Profiles are compared and rewritten by meaning: `reliability: 1` is `reliability: reliable`.
"""

import json

from rosbag2.formats import yaml_loader
from rosbag2.formats.yaml_loader import Node

Profile = dict[str, str | tuple[int, int]]

_POLICIES = {
    "history": ("system_default", "keep_last", "keep_all", "unknown"),
    "reliability": ("system_default", "reliable", "best_effort", "unknown", "best_available"),
    "durability": ("system_default", "transient_local", "volatile", "unknown", "best_available"),
    "liveliness": (
        "system_default",
        "automatic",
        "manual_by_node",
        "manual_by_topic",
        "unknown",
        "best_available",
    ),
}
_TIMES = ("deadline", "lifespan", "liveliness_lease_duration")
_ORDER = (
    "history",
    "depth",
    "reliability",
    "durability",
    "deadline",
    "lifespan",
    "liveliness",
    "liveliness_lease_duration",
    "avoid_ros_namespace_conventions",
)


def as_text(node: Node) -> str:
    """The profiles of a metadata file as YAML text; text stays as it was written."""
    if node is None or isinstance(node, str):
        return node or ""
    return json.dumps(node, ensure_ascii=False)


def profiles(text: str) -> list[Profile] | None:
    """The profiles in a YAML text, enumerations as words; None when it is no list of them."""
    try:
        node = yaml_loader.parse(text)
        items = [] if node is None else node
        if not isinstance(items, list):
            return None
        return [_profile(item) for item in items]
    except (ValueError, KeyError, TypeError):
        return None


def same(one: str, other: str) -> bool:
    """Return whether two QoS texts mean the same."""
    if one == other:
        return True
    first, second = profiles(one), profiles(other)
    return first is not None and first == second


def difference(one: str, other: str) -> tuple[str, str, str]:
    """The first policy in which two QoS texts differ, and its two values; else the number of profiles."""
    first, second = profiles(one), profiles(other)
    for mine, theirs in zip(first or [], second or [], strict=False):
        for name in _ORDER:
            if mine[name] != theirs[name]:
                return name, _shown(mine[name]), _shown(theirs[name])
    mine_count, theirs_count = (
        "?" if items is None else str(len(items)) for items in (first, second)
    )
    return "profiles", mine_count, theirs_count


def _shown(value: str | tuple[int, int]) -> str:
    return f"{{sec: {value[0]}, nsec: {value[1]}}}" if isinstance(value, tuple) else value


def lines(text: str, indent: str, *, numbers: bool = False) -> list[str]:
    """The profiles as lines of block YAML, of version 9 unless with numbers; none without a profile."""
    result: list[str] = []
    for profile in profiles(text) or []:
        bullet = "- "
        for name in _ORDER:
            shown = _shown(profile[name])
            if numbers and name in _POLICIES:
                shown = str(_POLICIES[name].index(shown))
            result.append(f"{indent}{bullet}{name}: {shown}")
            bullet = "  "
    return result


def numbered(text: str) -> str:
    """The profiles as YAML text with numbers, as versions before 9 have it; "" when there are none."""
    return "\n".join(lines(text, "", numbers=True))


def profile_text(*, reliability: str, durability: str, history: str, depth: int) -> str:
    """The YAML text of one profile whose other policies are those of a publisher that sets none."""
    forever = "{sec: 9223372036, nsec: 854775807}"
    values = {
        "history": history,
        "depth": depth,
        "reliability": reliability,
        "durability": durability,
        **dict.fromkeys(_TIMES, forever),
        "liveliness": "automatic",
        "avoid_ros_namespace_conventions": "false",
    }
    return "\n".join(
        f"{' ' if place else '-'} {name}: {values[name]}" for place, name in enumerate(_ORDER)
    )


def _profile(item: Node) -> Profile:
    if not isinstance(item, dict):
        raise ValueError("a profile that is not a mapping")
    profile: Profile = {name: _word(name, item[name]) for name in _POLICIES}
    profile |= {name: _time(item[name]) for name in _TIMES}
    profile["depth"] = str(int(_scalar(item["depth"])))
    plain = _scalar(item["avoid_ros_namespace_conventions"]).lower()
    profile["avoid_ros_namespace_conventions"] = "true" if plain in {"true", "1"} else "false"
    return profile


def _word(name: str, node: Node) -> str:
    value = _scalar(node).lower()
    policies = _POLICIES[name]
    if value.isdecimal() and len(value) == 1 and int(value) < len(policies):
        return policies[int(value)]
    return value if value in policies else "unknown"


def _time(node: Node) -> tuple[int, int]:
    if not isinstance(node, dict):
        raise ValueError("a time that is not a mapping")
    return int(_scalar(node["sec"])), int(_scalar(node["nsec"]))


def _scalar(node: Node) -> str:
    if not isinstance(node, str):
        raise ValueError("a value that is not a word")
    return node
