"""The ROS distribution of a bag: named in it, else guessed from the version of its metadata."""

_BY_VERSION = {
    1: "dashing",
    2: "dashing",
    3: "eloquent",
    4: "foxy",
    5: "humble",
    6: "iron",
    7: "iron",
}
"""Recorders of version 8 and later name theirs. Galactic wrote version 4 too; its types of messages that are
recorded are those of Foxy."""


def distribution(ros_distro: str, version: int | None) -> str:
    """The distribution whose types a bag holds; empty: the newest one is the best guess."""
    return ros_distro or _BY_VERSION.get(version or 0, "")
