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
from templates.admin.topic_table import TopicEntries
from templates.services.topic_choice import CLOCK

MAX_SHOWN = 200
NOTHING = TopicEntries()
COLUMNS = ("name", "type", "message_count", "mean_rate_hz", "offered_qos_profiles")


@dataclass(frozen=True)
class TopicRow:
    """A topic, or the name of one that the rosbag does not have, with what is set for it."""

    name: str
    topic: RosbagTopic | None
    entries: TopicEntries

    @property
    def is_played(self) -> bool:
        return self.entries.plays(self.name)

    @property
    def new_name(self) -> str:
        """The other name under which it is published; empty: its own."""
        return self.entries.renames.get(self.name, "")

    @property
    def is_required(self) -> bool:
        """Tell whether somebody must subscribe to it."""
        return self.name in self.entries.required

    @property
    def is_clock(self) -> bool:
        """Tell whether it is published as the clock."""
        return self.entries.published_name(self.name) == CLOCK

    @property
    def not_carried_by(self) -> list[str]:
        """The transports that do not carry its published name."""
        name = self.entries.published_name(self.name)
        return [transport for transport in NAMES_CARRIED if not carries(transport, name)]


@dataclass(frozen=True)
class TopicTable:
    """Topics that can be played, first those for which anything is set; `hidden` of these have no row."""

    entries: TopicEntries
    rosbag: Rosbag | None = None
    rows: Sequence[TopicRow] = ()
    hidden: Sequence[TopicRow] = ()
    total: int = 0
    matches: int = 0
    skipped: int = 0

    @property
    def unshown(self) -> int:
        """Number of matching topics that have no row."""
        return self.matches - sum(row.topic is not None for row in self.rows)


def table_context(rosbag_id: Any, entries: TopicEntries, search: str = "") -> dict[str, Any]:
    """Return what the table's fragment shows; its inputs are the fields of the entries."""
    table = topic_table(rosbag_id, entries, search)
    rosbag = table.rosbag
    nanoseconds = rosbag.duration_ns if rosbag else None
    return {
        "table": table,
        "status": status_badge(rosbag) if rosbag else "",
        "seconds": None if nanoseconds is None else nanoseconds / 1e9,
        "search": search,
    }


def topic_table(rosbag_id: Any, entries: TopicEntries = NOTHING, search: str = "") -> TopicTable:
    """Return the topics whose name or type has the text, and those for which anything is set."""
    rosbag = rosbag_of(rosbag_id)
    names = [name for name in entries.named if "\0" not in name]
    if rosbag is None:
        return TopicTable(entries, rows=[TopicRow(name, None, entries) for name in names])
    playable = RosbagTopic.objects.playable().filter(rosbag=rosbag).order_by("name")
    stored = set(playable.filter(name__in=names).values_list("name", flat=True)) if names else set()
    # A topic that the rosbag does not have is not played anyway.
    names = [name for name in names if name in stored or entries.needs(name)]
    matching = _matching(playable, search.replace("\0", "")).only(*COLUMNS)
    rows = [TopicRow(name, None, entries) for name in names if name not in stored]
    if stored:
        rows += [TopicRow(t.name, t, entries) for t in matching.filter(name__in=stored)]
    rows = rows[:MAX_SHOWN]
    others = matching.exclude(name__in=stored)[: MAX_SHOWN - len(rows)]
    rows += [TopicRow(topic.name, topic, entries) for topic in others]
    shown = {row.name for row in rows}
    counts = rosbag.topics.order_by().aggregate(
        all=Count("pk"), total=Count("pk", filter=IS_PLAYABLE)
    )
    total = counts["total"]
    return TopicTable(
        entries,
        rosbag=rosbag,
        rows=rows,
        hidden=[TopicRow(name, None, entries) for name in names if name not in shown],
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
