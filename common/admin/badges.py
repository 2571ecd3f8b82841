"""Coloured badges of states: a colour, a shape and a word."""

from django.utils.html import format_html


def badge(tone: str, text: object) -> str:
    """Return a badge; `tone` is run, ok, bad, warn or idle."""
    return format_html('<span class="tag {}">{}</span>', tone, text)
