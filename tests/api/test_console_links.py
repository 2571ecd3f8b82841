"""Links and buttons of the console by role: none leads to a refusal."""

from collections import Counter, deque
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.test import Client
from django.urls import resolve

from accounts.choices import Role
from accounts.models import User
from tests.api.test_console_access import PAGES, actions_of, admitted
from tests.support.seed import seed

ROOT = "/admin/"
LEFT_OUT = ("/admin/logout/", "/admin/jsi18n/")
MAX_PAGES = 10
"""Rows of one model whose pages are opened, at most; there are as many kinds of executions."""


class Page(HTMLParser):
    """Addresses of links, addresses of forms, and names of bulk actions on a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.forms: set[str] = set()
        self.actions: set[str] = set()
        self._in_actions = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag in {"a", "iframe"}:
            self.links.add(values.get("href") or values.get("src", ""))
        elif tag == "form" and values.get("method") == "post":
            self.forms.add(values.get("action", ""))
        elif tag == "select":
            self._in_actions = values.get("name") == "action"
        elif tag == "option" and self._in_actions:
            self.actions.add(values.get("value", ""))


def walk(client: Client) -> dict[str, tuple[int, Page, str]]:
    """Every page that links lead to from the first: status, what is on it, and its text."""
    queue, pages = deque([ROOT]), {}
    opened = Counter[str]()
    while queue:
        path = queue.popleft()
        name = str(resolve(path).url_name)
        if path in pages or opened[name] == MAX_PAGES:
            continue
        opened[name] += 1
        answer = client.get(path, follow=True)
        text = answer.content.decode()
        pages[path] = answer.status_code, Page(text), text
        for link in pages[path][1].links:
            target = urlsplit(urljoin(path, link)).path
            if target.startswith(ROOT) and not target.startswith(LEFT_OUT):
                queue.append(target)
    return pages


@pytest.fixture
def seeded(transactional_db: None, empty_redis: None, settings: Any, tmp_path: Path) -> User:
    """One of everything, made by an admin."""
    settings.STORAGE_DIR = tmp_path / "objects"
    settings.DATA_DIR = tmp_path / "data"
    return seed(tmp_path).admin


@pytest.mark.parametrize("role", list(Role))
def test_no_link_or_button_leads_to_a_refusal(seeded: User, role: Role) -> None:
    client = Client()
    client.force_login(User.objects.filter(role=role).exclude(pk=seeded.pk)[0])
    pages = walk(client)
    assert {path: status for path, (status, _page, _text) in pages.items() if status != 200} == {}
    for path, (_status, page, _text) in pages.items():
        shown = page.actions - {""}
        shown |= {resolve(form).kwargs["action"] for form in page.forms if "/act/" in form}
        if shown:
            rights = dict(actions_of(page_of(path)))
            assert {name for name in shown if not admitted(role, rights[name])} == set()
    if role != Role.ADMIN:
        strangers = {f"{other}{n}@example.org" for other in Role for n in (1, 2)}
        texts = [text for _status, _page, text in pages.values()]
        assert {address for address in strangers if any(address in text for text in texts)} == set()


def page_of(path: str) -> Any:
    """The `ModelAdmin` that an address belongs to."""
    app, model = path.removeprefix(ROOT).split("/")[:2]
    return PAGES[f"{app}.{model}"]
