"""Next steps and uses of a row, on its pages."""

from typing import Any

from django import template

from common.admin import next_steps, uses

register = template.Library()


@register.inclusion_tag("common/console/next_steps.html", takes_context=True)
def next_step_buttons(context: Any, row: Any) -> dict[str, Any]:
    """Show the steps that the user may take with a row."""
    return {"steps": next_steps.next_steps(context["request"].user, row)}


@register.simple_tag(takes_context=True)
def uses_of(context: Any, row: Any) -> list[uses.Use]:
    """Return the uses of a row that the user may see."""
    return uses.uses(context["request"].user, row)
