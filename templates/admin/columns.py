"""Columns of templates in lists and on their pages."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from common.admin.actions import admin_url
from common.admin.badges import badge
from common.admin.columns import numeric
from common.admin.next_steps import next_steps
from common.admin.numbers import number
from common.admin.times import moment
from storage.admin.rosbags.verdict import status_badge
from templates.admin.fields import pass_text
from templates.models import Template


class TemplateColumns:
    """Mixin before `ModelAdmin`: what lists and pages show of a template besides its fields."""

    @admin.display(description=gettext_lazy("rosbag"), ordering="rosbag__name")
    def bag(self, template: Template) -> str:
        """Link to the rosbag, with its state where it cannot be played."""
        rosbag = template.rosbag
        state = "" if rosbag.usable else status_badge(rosbag)
        url = admin_url(rosbag)
        return format_html('<a href="{}">{}</a> {}', url, rosbag, state)

    @admin.display(description=gettext_lazy("plays"))
    def played(self, template: Template) -> str:
        return _topics(len(template.topics)) or all_topics(template.excluded_topics)

    @admin.display(description=gettext_lazy("speed"), ordering="rate")
    def speed(self, template: Template) -> str:
        return f"× {template.rate:g}" if template.rate else _("as fast as possible")

    @admin.display(description=gettext_lazy("records"))
    def recorded(self, template: Template) -> str:
        return _topics(len(template.record_topics)) or _("nothing")

    @admin.display(description=gettext_lazy("one pass"))
    def one_pass(self, template: Template) -> str:
        return pass_text(template)

    @numeric
    @admin.display(description=gettext_lazy("simulations"))
    def used(self, template: Any) -> str:
        if not template.used:
            return number(0)
        url = reverse("admin:simulations_simulation_changelist")
        return format_html(
            '<a href="{}?template={}">{}</a>', url, template.pk, number(template.used)
        )

    @admin.display(description=gettext_lazy("changed"), ordering="updated_at")
    def changed(self, template: Template) -> str:
        return moment(template.updated_at)

    @admin.display(description=gettext_lazy("topics to play"))
    def topic_names(self, template: Template) -> str:
        """List the topics and what is set for them, for those who may not change them."""
        played = template.topics or [all_topics(template.excluded_topics, named=True)]
        renamed = [f"{topic} → {name}" for topic, name in template.renames.items()]
        required = [
            _("%(topic)s needs a subscriber") % {"topic": topic}
            for topic in template.required_subscribers
        ]
        rows = [(line,) for line in [*played, *renamed, *required]]
        return format_html_join("", "<div>{}</div>", rows)

    @admin.display(description=gettext_lazy("message definitions"))
    def defined_types(self, template: Template) -> str:
        return ", ".join(template.definitions) or _("none")

    @admin.display(description=gettext_lazy("topics to record"))
    def recorded_names(self, template: Template) -> str:
        """List the topics with their types for those who may not change them."""
        rows = [(topic["name"], topic["type"]) for topic in template.record_topics]
        return format_html_join("", '<div>{} <span class="quiet">{}</span></div>', rows) or _(
            "nothing"
        )


def status_of(template: Template) -> str:
    """Return the badge of what keeps a template from being played; empty if nothing does."""
    if template.deleted_at is not None:
        return badge("idle", _("Deleted"))
    return "" if template.rosbag.usable else badge("bad", _("Rosbag not ready"))


def step_column(user: Any) -> Any:
    """Return a column with the next step of each template that this user may take."""

    @admin.display(description=gettext_lazy("next step"))
    def next_step(template: Template) -> str:
        steps = [(step.url, step.text) for step in next_steps(user, template)]
        return format_html_join(" ", '<a class="btn small" href="{}">{}</a>', steps)

    return next_step


def all_topics(excluded: Sequence[str], *, named: bool = False) -> str:
    """Say that all topics are played, and how many or which are not."""
    if not excluded:
        return _("all topics")
    if named:
        return _("all topics but %(topics)s") % {"topics": ", ".join(excluded)}
    count = len(excluded)
    return ngettext("all topics but %d", "all topics but %d", count) % count


def _topics(count: int) -> str:
    return ngettext("%d topic", "%d topics", count) % count if count else ""
