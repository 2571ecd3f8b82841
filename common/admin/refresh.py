"""Texts of parts of pages that the open page asks for again and again (`refresh.js`)."""

from django.utils.translation import gettext as _


def script_texts() -> dict[str, str]:
    """Texts of the script, in the current language."""
    return {
        "live": _("live"),
        "lost": _("The server does not answer; what you see is older. Trying again."),
        "signed_out": _("You are signed out: load the page again."),
    }
