"""Texts that the scripts of the page show, in the language of the request."""

from django.utils.translation import gettext as _

from simulations.choices import AgentStatus


def texts() -> dict[str, str]:
    """Texts by name; words in braces are filled in by the script."""
    return {
        "lost": _(
            "The live connection is lost. What you see is as of {time}; this page tries again by itself."
        ),
        "back": _("The live connection is back; the page is up to date."),
        "signedOut": _("You were signed out, so this page is no longer live."),
        "signIn": _("Sign in again"),
        "gone": _("This execution was deleted."),
        "left": _("about {time} left"),
        "hours": _("{h} h {min} min"),
        "minutes": _("{min} min {s} s"),
        "seconds": _("{s} s"),
        "overdue": _("expected to end any moment"),
        "expected": _("expected end {time}"),
        "now": _("now"),
        "none": _("none"),
        "resources": _("{cores} cores, {memory}"),
        "timeline": _("Time line"),
        "agent": _("Agent {number}: {state}"),
        "block": _("Agents {first} to {last}: {states}"),
        "all": _("All agents"),
        "squares": _("one square each; choose one to read its log"),
        "blocks": _("a square for {count} agents each; choose one to see them"),
        "noLines": _("No lines yet."),
        "noMeasures": _("Nothing has been measured yet."),
        "above": _("{count} above {value}"),
        "worst": _("worst {value}"),
        "bin": _("{from} to {to}: {count}"),
        "paused": _("Paused: scroll to the end to follow again."),
    } | {f"state.{status}": str(status.label) for status in AgentStatus}
