"""Fields for topics: chosen from those of the rosbag, or written one in a line."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from storage.models import RosbagTopic

Choices = list[tuple[str, str]]


def choices_of(rosbag_id: Any) -> Choices:
    """The topics of a rosbag, with their type and how much there is of them."""
    if not str(rosbag_id or "").isdecimal():
        return []
    topics = RosbagTopic.objects.filter(rosbag=rosbag_id).order_by("name")
    rows = topics.values_list("name", "type", "message_count", "mean_rate_hz")
    return [(row[0], _label(*row)) for row in rows]


def _label(name: str, kind: str, count: int, rate: float | None) -> str:
    messages = ngettext("%d message", "%d messages", count) % count
    often = _("%(rate).1f a second") % {"rate": rate} if rate else ""
    return ", ".join(each for each in (f"{name}  ({kind})", messages, often) if each)


class TopicsField(forms.MultipleChoiceField):
    """Topics to play. The service says which of them the rosbag does not have."""

    widget = forms.CheckboxSelectMultiple

    def offer(self, choices: Choices, chosen: Iterable[str]) -> None:
        """Show these topics, and those that are chosen though they are none of them, to be taken off."""
        known = {name for name, _text in choices}
        strange = [name for name in dict.fromkeys(chosen) if name not in known]
        self.choices = [
            *choices,
            *((name, f"{name}  ({_('not in this rosbag')})") for name in strange),
        ]

    def valid_value(self, value: str) -> bool:
        return True


class TopicTypesField(forms.CharField):
    """Topics to record: a name and a type in each line; the value is a list of `{"name", "type"}`."""

    def __init__(self, **words: Any) -> None:
        super().__init__(**words, widget=forms.Textarea(attrs={"rows": 4, "cols": 60}))

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, list):
            return "\n".join(f"{each['name']} {each['type']}" for each in value)
        return value

    def clean(self, value: Any) -> list[dict[str, str]]:
        lines = str(super().clean(value)).splitlines()
        rows = [(number, line.split()) for number, line in enumerate(lines, 1) if line.strip()]
        wrong = [number for number, words in rows if len(words) != 2]  # noqa: PLR2004
        if wrong:
            text = _(
                "Line %(number)d: write a name and a type, such as /odom nav_msgs/msg/Odometry."
            )
            raise forms.ValidationError([text % {"number": number} for number in wrong])
        return [{"name": name, "type": kind} for _number, (name, kind) in rows]

    def has_changed(self, initial: Any, data: Any) -> bool:
        before, after = ((self.prepare_value(each) or "").split() for each in (initial, data))
        return bool(before != after)
