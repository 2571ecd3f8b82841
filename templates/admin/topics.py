"""The table of a rosbag's topics in the form of a template; of very many only a part is shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q

from agent.topic_names import NAMES_CARRIED, carries
from common.admin.fields import is_id
from storage.admin.rosbags.verdict import status_badge
from storage.models import Rosbag, RosbagTopic
from storage.querysets import IS_PLAYABLE, RosbagTopicQuerySet

MAX_SHOWN = 200
COLUMNS = ("name", "type", "message_count", "mean_rate_hz", "offered_qos_profiles")


@dataclass(frozen=True)
class TopicRow:
    """A topic, or the name of one that the rosbag does not have."""

    name: str
    topic: RosbagTopic | None
    is_chosen: bool

    @property
    def not_carried_by(self) -> list[str]:
        """The transports that do not carry its name."""
        return [name for name in NAMES_CARRIED if not carries(name, self.name)]


@dataclass(frozen=True)
class TopicTable:
    """Topics that can be played, the chosen ones first; `hidden` are chosen and have no row."""

    rosbag: Rosbag | None = None
    rows: Sequence[TopicRow] = ()
    hidden: Sequence[str] = ()
    total: int = 0
    matches: int = 0
    skipped: int = 0

    @property
    def unshown(self) -> int:
        """Number of matching topics that have no row."""
        return self.matches - sum(row.topic is not None for row in self.rows)


def table_context(rosbag_id: Any, chosen: Sequence[str] = (), search: str = "") -> dict[str, Any]:
    """Return what the table's fragment shows; its checkboxes are the field `topics`."""
    table = topic_table(rosbag_id, chosen, search)
    rosbag = table.rosbag
    nanoseconds = rosbag.duration_ns if rosbag else None
    return {
        "table": table,
        "status": status_badge(rosbag) if rosbag else "",
        "seconds": None if nanoseconds is None else nanoseconds / 1e9,
        "search": search,
        "name": "topics",
    }


def topic_table(rosbag_id: Any, chosen: Sequence[str] = (), search: str = "") -> TopicTable:
    """Return the topics whose name or type has the text, and those that are chosen."""
    rosbag = rosbag_of(rosbag_id)
    names = list(dict.fromkeys(name for name in chosen if name and "\0" not in name))
    if rosbag is None:
        return TopicTable(rows=[TopicRow(name, None, is_chosen=True) for name in names])
    playable = RosbagTopic.objects.playable().filter(rosbag=rosbag).order_by("name")
    stored = set(playable.filter(name__in=names).values_list("name", flat=True)) if names else set()
    matching = _matching(playable, search.replace("\0", "")).only(*COLUMNS)
    rows = [TopicRow(name, None, is_chosen=True) for name in names if name not in stored]
    if stored:
        rows += [TopicRow(t.name, t, is_chosen=True) for t in matching.filter(name__in=stored)]
    rows = rows[:MAX_SHOWN]
    others = matching.exclude(name__in=stored)[: MAX_SHOWN - len(rows)]
    rows += [TopicRow(topic.name, topic, is_chosen=False) for topic in others]
    shown = {row.name for row in rows}
    counts = rosbag.topics.order_by().aggregate(
        all=Count("pk"), total=Count("pk", filter=IS_PLAYABLE)
    )
    total = counts["total"]
    return TopicTable(
        rosbag=rosbag,
        rows=rows,
        hidden=[name for name in names if name not in shown],
        total=total,
        matches=matching.count() if search else total,
        skipped=counts["all"] - total,
    )


def _matching(topics: RosbagTopicQuerySet, search: str) -> RosbagTopicQuerySet:
    if not search:
        return topics
    return topics.filter(Q(name__icontains=search) | Q(type__icontains=search))


def rosbag_of(rosbag_id: Any) -> Rosbag | None:
    """Return the rosbag of an id from a form or a link; None if there is none."""
    text = str(rosbag_id or "")
    if not is_id(text):
        return None
    return Rosbag.objects.filter(pk=text).first()
