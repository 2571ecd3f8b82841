"""The ROS distribution of a bag: named in it, else guessed from the version of its metadata."""

from rosbags.typesys import Stores

_NAMES = {store.value.removeprefix("ros2_") for store in Stores if store.value.startswith("ros2_")}
_BY_VERSION = {
    1: "dashing",
    2: "dashing",
    3: "eloquent",
    4: "foxy",
    5: "humble",
    6: "iron",
    7: "iron",
}
"""Recorders of version 8 and later name theirs. Galactic wrote version 4 too; of its types, two are not those
of Foxy (parameters of nodes)."""


def distribution(ros_distro: str, version: int | None) -> str:
    """The distribution whose types a bag holds; empty: the newest one is the best guess."""
    name = ros_distro.lower()
    return name if name in _NAMES else _BY_VERSION.get(version or 0, "")
