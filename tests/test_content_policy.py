"""The Content-Security-Policy: on every answer, and no page of the console or the documentation breaks it."""

from pathlib import Path
from typing import Any
from urllib.parse import urldefrag

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from robotsim_project.content_policy import content_policy
from tests.support.browser import SignIn
from tests.support.seed import seed

HEADER = "Content-Security-Policy"
POLICY = (
    "default-src 'self'; img-src 'self' data:; connect-src 'self'; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
LINKS = "links => links.map(link => link.href)"
LEFT_OUT = ("/logout/", "?", "/archive", "/files/", "/password_change/")
"""Parts of addresses that are not opened: other views of a page, downloads."""


def directives(answer: Any) -> set[str]:
    return set(answer[HEADER].split("; "))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/admin/login/", 200),
        ("/docs", 200),
        ("/nothing", 404),
        ("/api/v1/schema", 200),
        ("/api/v1/me", 401),
        ("/static/storage/rosbag.css", 200),
        ("/storage/objects/x", 403),
    ],
)
def test_every_answer_has_the_policy(client: Client, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert directives(answer) == set(POLICY.split("; "))


@pytest.mark.parametrize(
    ("endpoint", "use_ssl", "origin"),
    [
        ("s3.example.org", True, "https://s3.example.org"),
        ("localhost:9000", False, "http://localhost:9000"),
        ("http://s3:9000", True, "http://s3:9000"),
    ],
)
def test_the_console_may_reach_the_storage(endpoint: str, use_ssl: bool, origin: str) -> None:
    directives = content_policy(endpoint, use_ssl=use_ssl)["DIRECTIVES"]
    assert directives["connect-src"] == ["'self'", origin]


def test_no_page_of_the_console_breaks_it(page: Page, sign_in: SignIn, tmp_path: Path) -> None:
    """Follow the links from the index; the fixture fails on what the browser reports."""
    sign_in(seed(tmp_path).admin)
    opened: set[str] = set()
    waiting = ["/admin/"]
    while waiting:
        answer = page.goto(waiting.pop())
        assert answer is not None
        assert answer.ok, answer.url
        page.wait_for_load_state("networkidle")  # frames, too
        for link in page.eval_on_selector_all("a[href]", LINKS):
            path = urldefrag(link).url.partition("/admin/")[2]
            kind = "".join("0" if char.isdigit() else char for char in path)
            if path and not any(part in link for part in LEFT_OUT) and kind not in opened:
                opened.add(kind)
                waiting.append(f"/admin/{path}")
    assert len(opened) > 40


def test_swagger_ui_works_under_it(page: Page) -> None:
    page.goto("/docs")
    operation = page.locator(".opblock-summary").first
    expect(operation).to_be_visible()
    operation.click()
    page.get_by_role("button", name="Try it out").first.click()
    expect(page.get_by_role("button", name="Execute").first).to_be_visible()
