"""Form fields of topics: a table of the rosbag's topics, or text with one topic per line."""

from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from common.admin.times import span
from storage.models import RosbagTopic
from templates.admin.topic_table import TopicEntries
from templates.admin.topics import table_context
from templates.models import Template
from templates.services.pass_length import INDEX_FIELDS, pass_length
from templates.services.topic_choice import TopicChoice


def pass_text(template: Template) -> str:
    """Length of one pass over the rosbag, and of the gaps that are left out."""
    if not template.rate:
        return _("as fast as possible")
    topics = list(
        RosbagTopic.objects.playable().filter(rosbag=template.rosbag_id).only(*INDEX_FIELDS)
    )
    names = set(TopicChoice.of(template).played(topic.name for topic in topics))
    played = [topic for topic in topics if topic.name in names]
    part = (template.start_offset, template.end_offset)
    length = pass_length(played, template.max_gap_seconds, *part)
    values = {"seconds": span(length.seconds / template.rate), "left_out": span(length.left_out)}
    if not length.is_known:
        text = _("at most %(seconds)s; the index of the rosbag does not tell all long gaps")
        return text % values
    if length.left_out:
        return _("%(seconds)s; %(left_out)s of recorded gaps are left out") % values
    return values["seconds"]


class TopicsInput(forms.Widget):
    """A table of topics; `rosbag` is the id of the rosbag whose topics it shows."""

    rosbag: Any = None

    def value_from_datadict(self, data: Any, files: Any, name: str) -> TopicEntries:
        return TopicEntries.submitted(data)

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return False  # nothing ticked is a choice, too

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        context = table_context(self.rosbag, value or TopicEntries())
        return render_to_string("templates/console/topics_field.html", context)


class TopicsField(forms.Field):
    """The topics and what is set for each. The service validates that the rosbag has them."""

    widget = TopicsInput

    def clean(self, value: TopicEntries) -> TopicEntries:
        if not value.is_all and not value.played:
            raise forms.ValidationError(_("Tick a topic to play, or play all."))
        return value


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
