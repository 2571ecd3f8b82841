"""Next steps and related rows of a row, on its pages."""

from typing import Any

from django import template

from common.admin import next_steps, related

register = template.Library()


@register.inclusion_tag("common/console/next_steps.html", takes_context=True)
def next_step_buttons(context: Any, row: Any) -> dict[str, Any]:
    """Show the steps that the user may take with a row."""
    return {"steps": next_steps.next_steps(context["request"].user, row)}


@register.simple_tag(takes_context=True)
def related_rows(context: Any, row: Any) -> list[related.Related]:
    """Return the related rows that the user may see."""
    return related.related_rows(context["request"].user, row)


@register.simple_tag(takes_context=True)
def uses_of(context: Any, row: Any) -> list[related.Related]:
    """Return what the user may see of that which uses a row."""
    return [use for use in related_rows(context, row) if use.is_use]
