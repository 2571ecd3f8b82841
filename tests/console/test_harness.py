"""The harness itself: it reports what goes wrong, and its system can be stopped and started."""

from playwright.sync_api import Page, expect

from tests.console import axe
from tests.console.browsing import Console

BROKEN = """<html><body><img src="/static/x.svg"><button></button>
<p style="color: red">inline</p></body></html>"""
POLICY = {"Content-Security-Policy": "default-src 'self'"}


def broken(page: Page) -> Page:
    page.route(
        "**/broken",
        lambda route: route.fulfill(body=BROKEN, content_type="text/html", headers=POLICY),
    )
    page.goto("/broken")
    return page


def test_problems_are_reported(console: Console) -> None:
    page = broken(console.signed_in("viewer"))
    assert {line["id"] for line in axe.violations(page)} >= {"button-name", "image-alt"}
    text = "\n".join(console.problems)
    for problem in ("x.svg: 404", "content policy: style-src"):
        assert problem in text
    console.problems.clear()


def test_a_role_a_language_and_a_theme(console: Console) -> None:
    page = console.signed_in("viewer", language="ko", theme="dark", width=390)
    page.goto("/admin/")
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches && innerWidth") == 390


def test_the_server_can_be_stopped_and_started(live_console: Console) -> None:
    page = live_console.signed_in("viewer")
    with live_console.outage():
        live_console.system.kill("web")
        page.goto("about:blank")
        live_console.system.start("web")
    page.goto("/admin/")
    expect(page.locator("#content")).to_be_visible()
