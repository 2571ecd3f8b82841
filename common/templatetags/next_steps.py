"""The next steps of a row as buttons of its page."""

from typing import Any

from django import template

from common.admin import next_steps

register = template.Library()


@register.inclusion_tag("common/console/next_steps.html", takes_context=True)
def next_step_buttons(context: Any, row: Any) -> dict[str, Any]:
    """Show the steps that the user may take with a row."""
    return {"steps": next_steps.next_steps(context["request"].user, row)}
