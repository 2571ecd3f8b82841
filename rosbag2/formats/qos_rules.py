"""QoS of replaying publishers and of recording subscriptions, by the rules of rosbag2.

As `adapt_offer_to_recorded_offers` and `adapt_request_to_offers` of rosbag2_storage have it, but that a
recorded history is kept where there is one profile and it tells (Fast DDS, for one, does not tell).
"""

from functools import lru_cache
from typing import NamedTuple

from rosbag2.formats import qos
from rosbag2.formats.qos import Profile


class Policies(NamedTuple):
    """The policies that a publisher or subscription is made with; the default of ROS 2."""

    reliability: str = "reliable"
    durability: str = "volatile"
    history: str = "keep_last"
    depth: int = 10


_DEFAULT = Policies()
_COMPARED = ("reliability", "durability", "deadline", "liveliness", "liveliness_lease_duration")
"""Policies that decide whether publisher and subscription are compatible."""
_BEST_AVAILABLE = {"reliability": "reliable", "durability": "transient_local"}
"""Of a publisher, as rmw chooses for it."""
_KNOWN = {
    "reliability": {"reliable", "best_effort"},
    "durability": {"volatile", "transient_local"},
}
_FOREVER = (9223372036, 854775807)
_FOREVER_OF_FOXY = {(2147483647, 4294967295), (2147483647, 2147483647)}
"""As Fast DDS and Connext wrote it."""


@lru_cache(maxsize=1000)  # most topics have one of a few profiles, and parsing takes a millisecond
def offered(profiles: str) -> Policies:
    """The offer of one publisher in place of those recorded; the default where they differ."""
    recorded = qos.profiles(profiles) or []
    if len({_compared(profile) for profile in recorded}) != 1:
        return _DEFAULT
    first = recorded[0]
    policies = Policies(_policy(first, "reliability"), _policy(first, "durability"))
    return _with_history(policies, first) if len(recorded) == 1 else policies


@lru_cache(maxsize=1000)
def requested(profiles: str) -> Policies:
    """The request of a subscription that hears all publishers with these profiles."""
    recorded = qos.profiles(profiles) or []
    if not recorded:
        return _DEFAULT
    reliable = all(_policy(profile, "reliability") == "reliable" for profile in recorded)
    latched = all(_policy(profile, "durability") == "transient_local" for profile in recorded)
    return Policies(
        "reliable" if reliable else "best_effort", "transient_local" if latched else "volatile"
    )


def _policy(profile: Profile, name: str) -> str:
    """A policy that publishers can have; one that was not told is that of the default."""
    value = str(profile[name])
    if value == "best_available":
        return _BEST_AVAILABLE[name]
    return value if value in _KNOWN[name] else str(getattr(_DEFAULT, name))


def _with_history(policies: Policies, profile: Profile) -> Policies:
    depth = int(str(profile["depth"]))
    if profile["history"] == "keep_all":
        return policies._replace(history="keep_all")
    if profile["history"] == "keep_last" and 0 < depth < 2**31:
        return policies._replace(depth=depth)
    return policies


def _compared(profile: Profile) -> tuple[object, ...]:
    values = (profile[name] for name in _COMPARED)
    return tuple(_FOREVER if value in _FOREVER_OF_FOXY else value for value in values)
