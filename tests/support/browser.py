"""Pytest plugin: pages of the console in a real Chromium, driven by Playwright.

Each test has a browser of its own, which starts in half a second: while Playwright runs, its thread has a
running event loop, and tests that follow would find it (`asyncio.run` and `async_to_sync` refuse then).
"""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Error,
    Page,
    Playwright,
    Request,
    expect,
    sync_playwright,
)

NO_CHROMIUM = (
    "No Chromium starts here: install one by `apt-get install chromium`, "
    "or Playwright's own by `.venv/bin/playwright install chromium`."
)
TIMEOUT_MS = 120_000

SignIn = Callable[[Any], None]


def launch(playwright: Playwright) -> Browser:
    """Start the Chromium on PATH, or else Playwright's own."""
    path = shutil.which("chromium")
    try:
        return playwright.chromium.launch(executable_path=path)
    except Error:
        if path:
            raise
        pytest.fail(NO_CHROMIUM, pytrace=False)


@pytest.fixture
def page(
    transactional_db: None, live_server: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Page]:
    """A page on the live server; the test fails on console errors, exceptions and failed requests."""
    # Playwright's event loop runs in this thread, where Django's ORM would refuse to work.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright, launch(playwright) as browser:
        page = browser.new_page(
            base_url=live_server.url, locale="en-US", viewport={"width": 1200, "height": 900}
        )
        page.set_default_timeout(TIMEOUT_MS)
        problems: list[str] = []
        watch(page, problems.append)
        yield page
        page.close()  # no request of the page may meet the end of the test's database
        connections.close_all()  # in an event loop Django has connections of its own
    assert problems == []


def watch(page: Page, report: Callable[[str], None]) -> None:
    """Report console errors, uncaught exceptions and failed requests of a page."""

    def on_console(line: ConsoleMessage) -> None:
        if line.type == "error" and not line.location["url"].endswith("/favicon.ico"):
            report(line.text)

    def on_request_failed(request: Request) -> None:
        # Chromium calls a request aborted as well when its answer has no body, or the page is left.
        if request.failure != "net::ERR_ABORTED":
            report(f"{request.method} {request.url}: {request.failure}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: report(str(error)))
    page.on("requestfailed", on_request_failed)


@pytest.fixture
def sign_in(page: Page, client: Any, live_server: Any, settings: Any) -> SignIn:
    """Sign a user in on the page, without the form."""

    def sign_in(user: Any) -> None:
        client.force_login(user)
        name = settings.SESSION_COOKIE_NAME
        cookie = {"name": name, "value": client.cookies[name].value, "url": live_server.url}
        page.context.add_cookies([cookie])

    return sign_in
