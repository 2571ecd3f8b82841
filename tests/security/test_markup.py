"""Hostile text in each field of each model becomes text on each page of the console, never markup."""

import itertools
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urljoin

import pytest
from django.apps import apps
from django.db import DatabaseError, models, transaction
from django.test import Client

from rosbag2.formats.metadata import Topic
from rosbag2.tests.messages import encoded
from rosbag2.writing.sample import START_NS
from rosbag2.writing.sqlite_writer import BagWriter
from tests.support.bags import stored_bag
from tests.support.seed import seed

TAG, ATTRIBUTE = "xss", "onxss"
BREAKOUT = f"'\"></textarea></script></style></title>--><{TAG} {ATTRIBUTE}=1>{{{{ 7 }}}}"
LEFT_OUT = ("/logout/", "/archive", "/files/", "/api/", "/storage/objects/", "/static/", "/docs")
MADE_BY_US = frozenset({"content_digest", "sha256", "digest", "key", "upload_id", "password"})
"""Columns with names of files, which nobody else writes."""
WORDS_OF_PLANS = frozenset(
    {"reliable", "best_effort", "volatile", "transient_local", "keep_last", "keep_all"}
)
"""Values of a closed set in a frozen plan, which nobody else writes and whose types refuse others."""
SEARCH = f"?q={BREAKOUT}"
CHOICE = f"?topic={BREAKOUT}&field={BREAKOUT}"


class Markup(HTMLParser):
    """Links of a page, and whatever of the hostile text has become markup."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base
        self.links: set[str] = set()
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag.startswith(TAG) or any(name.startswith(ATTRIBUTE) for name, _value in attrs):
            self.wrong.append(str(self.get_starttag_text()))
        self.links |= {
            urldefrag(urljoin(self._base, value)).url
            for name, value in attrs
            if name in {"href", "src"} and value
        }


def rows() -> Iterator[tuple[type[models.Model], Any]]:
    """Each row of each model of ours and of the libraries whose rows the console shows."""
    for model in apps.get_models():
        if model._meta.app_label not in {"sessions", "contenttypes", "auth"}:
            for key in model._base_manager.values_list("pk", flat=True):
                yield model, key


def is_free_text(field: Any) -> bool:
    """True for a column that takes any text."""
    is_text = isinstance(field, models.CharField | models.TextField | models.JSONField)
    is_chosen = getattr(field, "choices", None) or field.primary_key or field.name in MADE_BY_US
    return is_text and not is_chosen


def hostile(value: Any, number: int) -> Any:
    """The same value with hostile texts in it; the number keeps them apart."""
    match value:
        case dict():
            return {key: hostile(item, number) for key, item in value.items()}
        case list():
            return [hostile(item, number) for item in value]
        case str() if value not in WORDS_OF_PLANS:
            return f"{number}{BREAKOUT}"
    return value


def poison() -> set[str]:
    """Put hostile text into each field of each row that takes it; return the names of these fields."""
    numbers = itertools.count(100)
    poisoned = set()
    for model, key in list(rows()):
        for field in filter(is_free_text, model._meta.concrete_fields):
            row = model._base_manager.filter(pk=key)
            old = row.values_list(field.attname, flat=True)[0]
            new = hostile(old, next(numbers))
            if isinstance(new, str) and field.max_length:
                new = new[: field.max_length]
            try:
                with transaction.atomic():
                    row.update(**{field.attname: new})
                poisoned.add(f"{model.__name__}.{field.name}")
            except DatabaseError:
                continue  # a constraint keeps it out
    return poisoned


class Walk:
    """A walk over the pages of the console, along its links."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.opened = 0
        self.hostile = 0
        self.wrong: list[tuple[str, str]] = []

    def run(self, start: str) -> None:
        """Open one page of each kind, and it again with a hostile query."""
        kinds: set[str] = set()
        waiting = [start]
        while waiting:
            page = self.open(waiting.pop())
            for link in sorted(link.split("?")[0] for link in page.links):
                kind = "".join("0" if char.isdigit() else char for char in link)
                is_ours = link.startswith("/admin/") and not any(part in link for part in LEFT_OUT)
                if is_ours and kind not in kinds:
                    kinds.add(kind)
                    waiting.append(link)
                    self.open(link + (CHOICE if link.endswith("/preview/") else SEARCH))

    def open(self, path: str) -> Markup:
        return self.read(path, self._client.get(path, follow=True))

    def read(self, path: str, answer: Any) -> Markup:
        page = Markup(path)
        if answer.status_code >= 500:
            self.wrong.append((path, "an error"))
        if answer["Content-Type"].startswith("text/html"):
            text = answer.content.decode()
            page.feed(text)
            self.opened += 1
            self.hostile += f"&lt;{TAG}" in text
        self.wrong += [(path, text) for text in page.wrong]
        return page


@pytest.fixture
def console(db: None, client: Client, tmp_path: Path) -> Walk:
    admin = seed(tmp_path).admin
    with BagWriter(tmp_path / "hostile") as bag:
        topic = bag.add_topic(Topic(f"/{BREAKOUT}", "std_msgs/msg/String"))
        bag.write(topic, START_NS, encoded("std_msgs/msg/String", data=BREAKOUT))
    stored_bag(tmp_path / "hostile")
    assert len(poison()) > 40
    admin.refresh_from_db()
    client.force_login(admin)
    client.raise_request_exception = False
    return Walk(client)


def test_hostile_text_stays_text(console: Walk) -> None:
    console.run("/admin/")
    assert console.wrong == []
    assert console.opened > 100
    assert console.hostile > 50  # it was there
