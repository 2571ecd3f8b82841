"""Links, forms and buttons of the console by role: none leads to a refusal, and what a role may it sees."""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.db import transaction
from django.test import Client
from django.urls import resolve

from accounts.choices import Role
from accounts.models import User
from tests.api.test_console_access import PAGES, actions_of, admitted, prefix
from tests.console import rows
from tests.support.seed import FAR

ROOT = "/admin/"
LEFT_OUT = ("/admin/logout/", "/admin/jsi18n/")
MAX_PAGES = 10
"""Rows of one model whose pages are opened, at most; there are as many kinds of executions."""
REFUSED = 403
BULK = "_changelist action="
"""Between model and action in the names of bulk actions."""


@dataclass
class Form:
    """A form that posts: its address, what it sends as it stands, and its buttons and bulk actions."""

    action: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    def sent(self) -> Iterator[tuple[str, dict[str, list[str]]]]:
        """Values that each of its buttons sends, with a name for it."""
        for name, value in self.buttons or [("", "")]:
            yield f"{name}={value}" if name else "", {**self.fields, name: [value]}


class Page(HTMLParser):
    """Addresses of links and frames, and forms of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.forms: list[Form] = []
        self._form: Form | None = None
        self._select = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag in {"a", "iframe"}:
            self.links.add(values.get("href") or values.get("src", ""))
        elif tag == "form":
            is_post = values.get("method", "").lower() == "post"
            self._form = Form(values.get("action", "")) if is_post else None
            if self._form:
                self.forms.append(self._form)
        elif self._form:
            self._read(self._form, tag, values)

    def _read(self, form: Form, tag: str, values: dict[str, str]) -> None:
        name, value = values.get("name", ""), values.get("value", "")
        if tag == "select":
            self._select = name
        elif tag == "option" and self._select == "action":
            form.buttons += [("action", value)] if value else []
        elif tag == "option" and "selected" in values:
            form.fields.setdefault(self._select, []).append(value)
        elif name and (tag == "button" or values.get("type") == "submit"):
            form.buttons.append((name, value))
        elif tag == "input" and name == "_selected_action":
            form.fields.setdefault(name, [value])  # the first row
        elif tag == "input" and name and ("checked" in values or values.get("type") != "checkbox"):
            form.fields.setdefault(name, []).append(value)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = ""


@dataclass
class Walk:
    """All pages that links lead to from the first, and all that their forms do, as one user."""

    user: User
    pages: dict[str, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    """Names of pages and of what forms do, whatever the row."""

    def run(self) -> None:
        queue = deque([ROOT])
        opened = Counter[str]()
        while queue:
            path = queue.popleft()
            name = str(resolve(path).url_name)
            if path in self.pages or opened[name] == MAX_PAGES:
                continue
            opened[name] += 1
            page = self._open(path, name)
            for link in page.links:
                target = urlsplit(urljoin(path, link)).path
                if target.startswith(ROOT) and not target.startswith(LEFT_OUT):
                    queue.append(target)

    def signed_in(self) -> Client:
        """A new session: some forms end that of their user."""
        client = Client()
        client.force_login(self.user)
        return client

    def _open(self, path: str, name: str) -> Page:
        answer = self.signed_in().get(path, follow=True)
        text = answer.getvalue().decode()
        self.pages[path] = text
        self.seen.add(name)
        if answer.status_code != 200:
            self.refused.append(f"GET {path}: {answer.status_code}")
        page = Page(text)
        for form in page.forms:
            self._post(path, form)
        return page

    def _post(self, path: str, form: Form) -> None:
        """Send a form by each of its buttons, once for each kind of page, and take it back."""
        target = urljoin(path, form.action or path)
        match = resolve(urlsplit(target).path)
        if target.startswith(LEFT_OUT):
            return
        for button, fields in form.sent():
            kind = " ".join(filter(None, [match.url_name, match.kwargs.get("action"), button]))
            if kind not in self.seen:
                self.seen.add(kind)
                with transaction.atomic():
                    answer = self.signed_in().post(target, fields)
                    transaction.set_rollback(True)
                if answer.status_code >= REFUSED:
                    self.refused.append(f"POST {target} {button}: {answer.status_code}")


@pytest.fixture
def walks(
    transactional_db: None, empty_redis: None, settings: Any, tmp_path: Path
) -> dict[Role, Walk]:
    """The walk of each role over rows of every kind."""
    settings.STORAGE_DIR = tmp_path / "objects"
    settings.DATA_DIR = tmp_path / "data"
    rows.fill(str(tmp_path / "bags"))
    made = {}
    for role in Role:
        made[role] = Walk(User.objects.filter(role=role, is_active=True).exclude(pk=FAR)[0])
        made[role].run()
    return made


def test_the_console_by_role(walks: dict[Role, Walk]) -> None:
    offered = {name for name in walks[Role.ADMIN].seen if BULK in name}
    assert len(offered) > 10
    for role, walk in walks.items():
        assert (role, walk.refused) == (role, [])
        assert "login" not in walk.seen
        # What a role may do it sees.
        allowed = {name for name in offered if admitted(role, rights(name))}
        assert (role, {name for name in walk.seen if BULK in name}) == (role, allowed)
    strangers = {f"{other}{n}@example.org" for other in Role for n in (1, 2)}
    for role in (Role.VIEWER, Role.OPERATOR):
        texts = walks[role].pages.values()
        assert {address for address in strangers if any(address in text for text in texts)} == set()


def rights(name: str) -> set[str]:
    """The permissions of a bulk action, given as in `Walk.seen`."""
    model, _bulk, action = name.partition(BULK)
    page = next(page for page in PAGES.values() if prefix(page) == model)
    return dict(actions_of(page))[action]
