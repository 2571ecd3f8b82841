"""QoS that replaying publishers offer and recording subscriptions request."""

from typing import Any

import pytest

from rosbag2.formats.qos_rules import Policies, offered, requested

ORDINARY = Policies("reliable", "volatile", "keep_last", 10)
FOREVER = "{sec: 2147483647, nsec: 4294967295}"


def profile(**changed: str) -> str:
    values = {
        "history": "3",
        "depth": "0",
        "reliability": "1",
        "durability": "2",
        "deadline": "{sec: 0, nsec: 0}",
        "lifespan": "{sec: 0, nsec: 0}",
        "liveliness": "1",
        "liveliness_lease_duration": "{sec: 0, nsec: 0}",
        "avoid_ros_namespace_conventions": "false",
    }
    lines = [f"{name}: {value}" for name, value in (values | changed).items()]
    return "- " + "\n  ".join(lines) + "\n"


@pytest.mark.parametrize("text", ["", "[]", "no yaml: [", "- history: 1\n"])
def test_without_profiles_both_are_the_default(text: str) -> None:
    assert offered(text) == requested(text) == ORDINARY


@pytest.mark.parametrize(
    ("recorded", "wanted"),
    [
        ({"reliability": "2"}, {"reliability": "best_effort"}),
        ({"reliability": "best_effort", "durability": "volatile"}, {"reliability": "best_effort"}),
        ({"durability": "1"}, {"durability": "transient_local"}),
        ({"history": "1", "depth": "1"}, {"depth": 1}),
        ({"history": "keep_last", "depth": "1000"}, {"depth": 1000}),
        ({"history": "1", "depth": "99999999999"}, {}),
        ({"history": "2", "depth": "5"}, {"history": "keep_all"}),
        ({"history": "3", "depth": "7"}, {}),
        ({"reliability": "0", "durability": "0", "history": "0"}, {}),
        ({"reliability": "unknown", "durability": "3"}, {}),
        ({"reliability": "best_available", "durability": "4"}, {"durability": "transient_local"}),
    ],
)
def test_one_profile_is_offered_as_recorded(recorded: Any, wanted: Any) -> None:
    assert offered(profile(**recorded)) == ORDINARY._replace(**wanted)


def test_several_are_offered_where_they_do_not_differ_in_what_subscribers_need() -> None:
    latched = {"durability": "1"}
    first = profile(**latched, history="1", depth="1", lifespan="{sec: 1, nsec: 0}")
    second = profile(**latched, history="2")
    assert offered(first + second) == ORDINARY._replace(durability="transient_local")
    assert offered(first + profile()) == ORDINARY
    assert offered(profile(reliability="2") + profile(reliability="1")) == ORDINARY
    deadlines = [profile(reliability="2", deadline=time) for time in (FOREVER, "{sec: 1, nsec: 0}")]
    assert offered("".join(deadlines)) == ORDINARY
    connext = FOREVER.replace("4294967295", "2147483647")
    forever = [profile(reliability="2", deadline=time) for time in (FOREVER, connext)]
    assert offered("".join(forever)) == ORDINARY._replace(reliability="best_effort")


def test_a_request_hears_all_publishers() -> None:
    latched, plain = profile(durability="1", history="1", depth="1"), profile()
    assert requested(latched + latched) == ORDINARY._replace(durability="transient_local")
    assert requested(latched + plain) == ORDINARY
    assert requested(plain + profile(reliability="2")).reliability == "best_effort"
