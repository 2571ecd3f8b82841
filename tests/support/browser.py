"""Pytest plugin: pages of the console in a real Chromium, driven by Playwright.

Each test has a browser of its own, which starts in half a second: while Playwright runs, its thread has a
running event loop, and tests that follow would find it (`asyncio.run` and `async_to_sync` refuse then).
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    Response,
    expect,
    sync_playwright,
)

NO_CHROMIUM = (
    "No Chromium starts here: install one by `apt-get install chromium`, "
    "or Playwright's own by `.venv/bin/playwright install chromium`."
)
TIMEOUT_MS = 120_000
BAD = 400

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
        watch = Watch()
        watch.allowed |= {501}  # the live server is no ASGI server and refuses streams
        watch.add(page)
        yield page
        page.close()  # no request of the page may meet the end of the test's database
        connections.close_all()  # in an event loop Django has connections of its own
    assert watch.problems == []


VIOLATIONS = """document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`content policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile ?? ""}`);
});"""
REPEATED = "Failed to load resource"
"""Lines of Chromium about a request; its answer or failure is reported by itself."""


class Watch:
    """Collects the problems of pages.

    Console errors, uncaught exceptions, violations of the content policy, failed and refused requests.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.allowed: set[int] = set()
        """Statuses of answers that are no problem, of pages that say so, such as 404."""
        self._away = False

    def add(self, page: Page) -> None:
        """Watch a page from now on."""
        page.add_init_script(VIOLATIONS)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self._report(page, str(error)))
        page.on("requestfailed", self._on_request_failed)
        page.on("response", self._on_response)

    @contextmanager
    def outage(self, *pages: Page) -> Iterator[None]:
        """Let requests of pages fail meanwhile."""
        self._away = True
        yield
        for page in pages:
            page.evaluate("0")  # what has happened is reported by now
        self._away = False

    def _report(self, page: Page | None, text: str) -> None:
        self.problems.append(f"{page.url if page else ''}: {text}")

    def _on_console(self, line: ConsoleMessage) -> None:
        if line.type == "error" and not line.text.startswith(REPEATED):
            self._report(line.page, line.text)

    def _on_request_failed(self, request: Request) -> None:
        # Chromium calls a request aborted as well when its answer has no body, or the page is left.
        if request.failure != "net::ERR_ABORTED" and not self._away:
            self.problems.append(f"{request.method} {request.url}: {request.failure}")

    def _on_response(self, response: Response) -> None:
        is_bad = response.status >= BAD and response.status not in self.allowed
        if is_bad and not self._away and not response.url.endswith("/favicon.ico"):
            self.problems.append(f"{response.request.method} {response.url}: {response.status}")


@pytest.fixture
def sign_in(page: Page, client: Any, live_server: Any, settings: Any) -> SignIn:
    """Sign a user in on the page, without the form."""

    def sign_in(user: Any) -> None:
        client.force_login(user)
        name = settings.SESSION_COOKIE_NAME
        cookie = {"name": name, "value": client.cookies[name].value, "url": live_server.url}
        page.context.add_cookies([cookie])

    return sign_in
