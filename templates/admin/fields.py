"""Form fields of topics: a selection of the rosbag's topics, or text with one topic per line."""

from collections.abc import Collection, Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from common.admin.fields import MAX_ID_DIGITS
from storage.models import RosbagTopic
from templates.models import Template
from templates.services.pass_length import INDEX_FIELDS, pass_length
from templates.services.validation import MAX_TOPICS

Choices = list[tuple[str, str]]


def choices_of(rosbag_id: Any, chosen: Collection[str] = ()) -> Choices:
    """The topics of a rosbag as choices, with type, message count and rate.

    Of very many those that are chosen and the first ones, as many as a template may have.
    """
    text = str(rosbag_id or "")
    if not text.isdecimal() or len(text) > MAX_ID_DIGITS:
        return []
    topics = RosbagTopic.objects.playable().filter(rosbag=rosbag_id).order_by("name")
    columns = ("name", "type", "message_count", "mean_rate_hz")
    rows = list(topics.values_list(*columns)[:MAX_TOPICS])
    if len(rows) == MAX_TOPICS:
        further = topics.filter(name__gt=rows[-1][0], name__in=chosen)
        rows += further.values_list(*columns)[:MAX_TOPICS]
    return [(row[0], _label(*row)) for row in rows]


def _label(name: str, kind: str, count: int, rate: float | None) -> str:
    messages = ngettext("%d message", "%d messages", count) % count
    frequency = _("%(rate).1f a second") % {"rate": rate} if rate else ""
    return ", ".join(part for part in (f"{name}  ({kind})", messages, frequency) if part)


def pass_text(template: Template) -> str:
    """Length of one pass over the rosbag, and of the gaps that are left out."""
    if not template.rate:
        return _("as fast as possible")
    topics = RosbagTopic.objects.playable().filter(rosbag=template.rosbag_id).only(*INDEX_FIELDS)
    names = set(template.topics)
    played = [topic for topic in topics if not names or topic.name in names]
    length = pass_length(played, template.max_gap_seconds)
    values = {
        "seconds": f"{length.seconds / template.rate:,.1f}",
        "left_out": f"{length.left_out:,.1f}",
    }
    if not length.is_known:
        text = _("at most %(seconds)s s; the index of the rosbag does not tell all long gaps")
        return text % values
    if length.left_out:
        return _("%(seconds)s s; %(left_out)s s of recorded gaps are left out") % values
    return _("%(seconds)s s") % values


class TopicsField(forms.MultipleChoiceField):
    """Topics to play. The service validates that the rosbag has them."""

    widget = forms.CheckboxSelectMultiple

    def set_choices(self, choices: Choices, chosen: Iterable[str]) -> None:
        """Set the choices; selected topics that are not among them are added, so that they can be removed."""
        names = {name for name, _text in choices}
        missing = [name for name in dict.fromkeys(chosen) if name not in names]
        self.choices = [
            *choices,
            *((name, f"{name}  ({_('not in this rosbag')})") for name in missing),
        ]

    def valid_value(self, value: str) -> bool:
        return True


class TopicTypesField(forms.CharField):
    """Topics to record: name and type per line; the value is a list of `{"name", "type"}`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs, widget=forms.Textarea(attrs={"rows": 4, "cols": 60}))

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, list):
            return "\n".join(f"{topic['name']} {topic['type']}" for topic in value)
        return value

    def clean(self, value: Any) -> list[dict[str, str]]:
        lines = str(super().clean(value)).splitlines()
        rows = [
            (number, line.rsplit(maxsplit=1))
            for number, line in enumerate(lines, 1)
            if line.strip()
        ]
        invalid = [number for number, columns in rows if len(columns) != 2]  # noqa: PLR2004
        if invalid:
            message = _(
                "Line %(number)d: write a name and a type, such as /odom nav_msgs/msg/Odometry."
            )
            raise forms.ValidationError([message % {"number": number} for number in invalid])
        return [{"name": name, "type": kind} for _number, (name, kind) in rows]

    def has_changed(self, initial: Any, data: Any) -> bool:
        before, after = ((self.prepare_value(value) or "").split() for value in (initial, data))
        return bool(before != after)
