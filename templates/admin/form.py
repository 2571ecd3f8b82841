"""The form of a template, validated by the service."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from common.admin.errors import DomainErrorFormMixin
from common.exceptions import FieldError
from templates.admin import resources
from templates.admin.definitions import DefinitionsField
from templates.admin.fields import TopicsField, TopicTypesField
from templates.admin.help import HELP_TEXTS
from templates.admin.topic_table import TopicEntries
from templates.models import Template
from templates.services.validation.values import field_errors

OPTIONAL_NUMBERS = ("start_offset", "pass_gap", "clock_hz", "match_seconds")
"""Numbers that have their default when they are left empty."""
CHOICES = ("record_scope", "record_storage", "unsupported_topics")


class TemplateForm(DomainErrorFormMixin, forms.ModelForm[Template]):
    """The fields of a template."""

    topics = TopicsField(
        label=_("Topics to play"),
        required=False,
        help_text=_(
            "Names are those within the namespace of an agent. Where a subscriber is required, agents "
            "start only once somebody subscribes."
        ),
    )
    record_topics = TopicTypesField(
        label=_("Topics to record"),
        required=False,
        help_text=_(
            "What agents subscribe to and record: one topic per line, its name inside the agent's "
            "namespace and its type, such as /odom nav_msgs/msg/Odometry. Empty: nothing is recorded."
        ),
    )

    definitions = DefinitionsField(
        label=_("Message definitions"),
        required=False,
        help_text=_(
            "Only for types that neither the rosbag nor its ROS distribution defines: a line "
            "MSG: my_msgs/msg/Status, and below it the content of Status.msg."
        ),
    )

    class Meta:
        model = Template
        fields = [
            "name",
            "robot_type",
            "description",
            "rosbag",
            "topics",
            *OPTIONAL_NUMBERS,
            "rate",
            "max_gap_seconds",
            "end_offset",
            "restamp",
            "prefix_frames",
            "definitions",
            "record_topics",
            "record_own",
            *CHOICES,
            *resources.FIELDS,
        ]
        widgets = {"description": forms.Textarea(attrs={"rows": 3})}
        help_texts = HELP_TEXTS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["topics"] = TopicEntries.of(self.instance)
        for name in {*OPTIONAL_NUMBERS, *CHOICES} & self.fields.keys():
            self.fields[name].required = False
        if "rosbag" in self.fields:  # users with read-only access have no such field
            rosbag: Any = self.fields["rosbag"].widget
            rosbag.can_change_related = rosbag.can_delete_related = False
            widget: Any = self.fields["topics"].widget
            widget.rosbag = self["rosbag"].value()

    def clean(self) -> Any:
        values: dict[str, Any] = super().clean() or {}
        if "topics" in values:
            values |= values["topics"].values
        for name in OPTIONAL_NUMBERS:
            if name in values and values[name] is None:
                values[name] = getattr(Template(), name)
        for name in CHOICES:  # without them nothing changes
            values[name] = values.get(name) or getattr(self.instance, name)
        if "definitions" not in self.changed_data:  # their text may be divided otherwise
            values["definitions"] = self.instance.definitions
        template = self.instance if self.instance.pk else None
        for error in field_errors(values, template):
            self.add_field_error(error)
        return values

    def add_field_error(self, error: FieldError) -> None:
        """Show an error beside its field; what is set for topics is one table."""
        name = error.pointer.strip("/").partition("/")[0]
        in_table = name in {"excluded_topics", "renames", "required_subscribers"}
        super().add_field_error(FieldError("/topics", error.detail) if in_table else error)
