"""Links from the page of a rosbag to rows of the apps above, which register how to find them."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from django.http import HttpRequest

from storage.models import Rosbag


class Link(NamedTuple):
    """A link; `label` says what the row is to the rosbag."""

    address: str
    text: str
    label: str


Find = Callable[[HttpRequest, Rosbag], Iterable[Link]]
_finders: list[Find] = []


def register(find: Find) -> None:
    """Add links to the pages of rosbags; apps above call this when their admin is loaded."""
    if find not in _finders:
        _finders.append(find)


def links(request: HttpRequest, rosbag: Rosbag) -> list[Link]:
    """Return the links of a rosbag that this user may follow."""
    return [link for find in _finders for link in find(request, rosbag)]
