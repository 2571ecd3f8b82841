"""Badges: a state as a colour, a shape and a word."""

from typing import Literal

from django.utils.html import format_html

Tone = Literal["run", "ok", "warn", "bad", "idle"]


def badge(tone: Tone, text: object) -> str:
    """Return a badge; its colour and shape say whether to worry, its text says why."""
    return format_html('<span class="tag {}">{}</span>', tone, text)
