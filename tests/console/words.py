"""English words left on the Korean pages of the console; runs in the shell of a `World`."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from zoneinfo import available_timezones

from django.apps import apps
from django.conf import settings
from django.db.models import CharField, EmailField, TextField
from django.test import Client

from accounts.models import User
from simulations.models import Event
from storage.models import Rosbag
from tests.console.addresses import NO_ROW, pages
from tests.console.people import ensure

WORD = re.compile(r"[A-Za-z]{3,}")
CODE = re.compile(
    r"`[^`]*`|ros2 bag \w+|\{\w*\}|%\(\w+\)[sd]|\[?\{\".*?\}|\[\".*?\]"
    r"|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|DBTaskResult object"
    r"|\S*[/_@.:=\\]\S*|(?<![A-Za-z])[A-Z][A-Z0-9_]{2,}(?![A-Za-z0-9_])|--\w+|[0-9a-f]{8,}…?"
)
"""Commands, places for values, JSON, ids, names of topics, files, settings and codes, addresses, digests.

They are the same in any language.
"""
QUOTED = frozenset({"code", "pre", "kbd", "samp", "style", "title-en"})
"""Elements whose text is quoted, not said."""
TEXT_ATTRIBUTES = ("title", "aria-label", "placeholder", "data-label", "alt")
STRANGERS = ("/admin/login/", "/nothing/")
"""Pages for those who have not signed in."""
_TERMS = """
    robotsim rosbag rosbags bag MEC ROS Zenoh zenoh MCAP mcap sqlite SQLite PostgreSQL Redis MinIO Foxglove
    Kubernetes DDS QoS API JWT JSON CSV UTC KiB MiB GiB TiB English Asia Seoul Ctrl Esc Enter Python Django
    GitHub Authorization Bearer token metadata yaml null max zip tar msg std nav sensor geometry SHA
    Jazzy Humble Iron Rolling Kilted Rosbag TurtleBot LDAP Single Sign-On best effort reliable volatile
    latched Secret username password
"""
TERMS = frozenset(_TERMS.split())
"""Proper terms, which Korean engineers write in Latin letters."""


class Texts(HTMLParser):
    """Collects what a page says: its text, the texts of its attributes and those for its scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        quoted = tag in QUOTED or values.get("lang") == "en" or values.get("translate") == "no"
        quoted |= "mono" in (values.get("class") or "").split() or values.get("class") == "log"
        is_script = tag == "script" and values.get("type") != "application/json"
        if tag not in {"input", "br", "img", "link", "meta", "hr", "use", "path", "rect", "line"}:
            self._open.append((tag, quoted or is_script))
        if not quoted:
            self.texts += [values[name] or "" for name in TEXT_ATTRIBUTES if name in values]
            if tag == "input" and values.get("type") in {"submit", "button"}:
                self.texts.append(values.get("value") or "")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if any(quoted for _tag, quoted in self._open):
            return
        if self._open and self._open[-1][0] == "script":
            self.texts += list(strings(texts_of(json.loads(data))))
        else:
            self.texts.append(data)


def texts_of(values: Any) -> Any:
    """The texts of the values for a script, which may have addresses and names beside them."""
    return values.get("texts", values) if isinstance(values, dict) else values


def strings(value: Any) -> Iterator[str]:
    """All texts of a JSON value, without its keys."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from strings(part)


def stored() -> list[str]:
    """Texts that people and bags have put into the database, the longest first."""
    found: set[str] = set()
    for model in apps.get_models():
        fields = model._meta.concrete_fields
        names = [f.attname for f in fields if isinstance(f, CharField | EmailField | TextField)]
        names = [name for name in names if not model._meta.get_field(name).choices]
        if names and model._meta.app_label not in {"contenttypes", "sessions", "migrations"}:
            for row in model._default_manager.values_list(*names):
                found |= {text for text in row if isinstance(text, str) and len(text) > 2}
    found |= {text for row in said_by_units() for text in strings(row) if " " in text}
    return sorted(found | available_timezones(), key=len, reverse=True)


def said_by_units() -> Iterator[Any]:
    """Values that contain what a unit or a reader of bags said, as a log does."""
    yield from Event.objects.values_list("payload", flat=True)
    yield from Rosbag.objects.values_list("details", flat=True)


def english() -> list[list[str]]:
    """English words of the Korean pages, each with some of the pages."""
    paths = [path for _name, path in pages()]
    client = Client(headers={"host": "localhost"})
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "ko"
    answers = {path: client.get(path) for path in STRANGERS}
    client.force_login(User.objects.get(email=ensure("admin", "ko")))
    answers |= {path: client.get(path) for path in (*paths, "/admin/nothing/")}
    data = re.compile("|".join(map(re.escape, [*stored(), NO_ROW])))
    found: dict[str, set[str]] = {}
    for path, answer in answers.items():
        for word in words(answer.content.decode(), data):
            found.setdefault(word, set()).add(path)
    return [[word, *sorted(places)[:3]] for word, places in sorted(found.items())]


def words(page: str, data: re.Pattern[str]) -> Iterator[str]:
    """English words of a page that are no proper terms."""
    parser = Texts()
    parser.feed(page)
    for text in parser.texts:
        said = CODE.sub(" ", data.sub(" ", text))
        for word in WORD.findall(said):
            if word not in TERMS:
                yield f"{word}: {' '.join(text.split())[:100]}"
