"""The browser of the tests: what fails a test, and the message where there is no Chromium."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.support.browser import Watch, launch

BROKEN = """
<img src="/missing"><img src="http://127.0.0.1:1/closed-port">
<script>console.error("printed")</script><script>throw new Error("thrown")</script>
"""


def test_errors_of_a_page_are_reported(page: Page) -> None:
    broken = page.context.browser.new_page()
    watch = Watch()
    watch.add(broken)
    broken.route("**/missing", lambda route: route.fulfill(status=404))
    broken.route("**/broken", lambda route: route.fulfill(body=BROKEN, content_type="text/html"))
    broken.goto("http://localhost/broken")
    text = "\n".join(watch.problems)
    for problem in ("printed", "thrown", "404", "closed-port: net::ERR_"):
        assert problem in text


def test_without_a_chromium_both_commands_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    commands = "apt-get install chromium.*playwright install chromium"
    with sync_playwright() as playwright, pytest.raises(pytest.fail.Exception, match=commands):
        launch(playwright)
