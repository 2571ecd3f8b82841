"""The form of a template, validated by the service."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from common.admin.errors import DomainErrorFormMixin
from templates.admin.fields import TopicsField, TopicTypesField
from templates.models import Template
from templates.services.validation.values import field_errors


class TemplateForm(DomainErrorFormMixin, forms.ModelForm[Template]):
    """The fields of a template."""

    topics = TopicsField(
        label=_("Topics to play"),
        required=False,
        help_text=_(
            "None selected: all of them, also those of another rosbag that is chosen later."
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

    class Meta:
        model = Template
        fields = [
            "name",
            "robot_type",
            "description",
            "rosbag",
            "topics",
            "rate",
            "max_gap_seconds",
            "record_topics",
            "record_own",
            "unsupported_topics",
        ]
        widgets = {"description": forms.Textarea(attrs={"rows": 3})}
        help_texts = {
            "name": _("What this kind of robot does, such as courier or forklift with a load."),
            "robot_type": _("For searching and filtering only, such as TurtleBot 4."),
            "rosbag": _(
                "The recording that every agent of this template plays, as ros2 bag play does, each in a "
                "namespace of its own."
            ),
            "rate": _(
                "Factor of the recorded speed, as --rate of ros2 bag play; 0: as fast as possible."
            ),
            "max_gap_seconds": _(
                "Longest recorded time without a message of these topics that agents wait for; empty: any."
            ),
            "record_own": _(
                "Also record messages that the agent itself publishes on these topics."
            ),
            "unsupported_topics": _(
                "Transports differ in the names that they carry; over Zenoh no topic is named /a//b or /a*."
            ),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "rosbag" in self.fields:  # users with read-only access have no such field
            self.fields["unsupported_topics"].required = False  # without it nothing changes
            rosbag: Any = self.fields["rosbag"].widget
            rosbag.can_change_related = rosbag.can_delete_related = False
            widget: Any = self.fields["topics"].widget
            widget.rosbag = self["rosbag"].value()

    def clean(self) -> Any:
        values: dict[str, Any] = super().clean() or {}
        if not values.get("unsupported_topics"):
            values["unsupported_topics"] = self.instance.unsupported_topics
        template = self.instance if self.instance.pk else None
        for error in field_errors(values, template):
            self.add_field_error(error)
        return values
