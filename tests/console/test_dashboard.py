"""The dashboard and the search, live: what changes is seen without reload, outages are said and over."""

import re

from playwright.sync_api import expect

from tests.console import axe
from tests.console.browsing import Console

EXECUTION = re.compile(r"/admin/simulations/execution/\d+/change/")


def test_a_run_is_seen_from_its_start_to_its_stop(live_console: Console) -> None:
    page = live_console.signed_in("operator")
    page.goto("/admin/")
    live_console.system.call("started_runs.start", "rush hour", 2, 600)
    row = page.get_by_role("row").filter(has_text="rush hour #1")
    expect(row).to_contain_text("running 2")
    button = row.get_by_role("button", name="Stop rush hour #1")
    button.focus()
    progress = row.get_by_role("progressbar")
    first = progress.get_attribute("value")
    expect(progress).not_to_have_attribute("value", first or "")
    expect(button).to_be_focused()
    assert axe.sentences(axe.violations(page)) == []
    button.click()
    expect(page).to_have_url(EXECUTION)  # else the form may not have been sent
    page.goto("/admin/")
    expect(page.get_by_text("Nothing runs now.")).to_be_visible()
    expect(page.get_by_text("1 stopped")).to_be_visible()


def test_an_outage_of_the_server_is_said_and_over(live_console: Console) -> None:
    page = live_console.signed_in("viewer")
    page.goto("/admin/")
    status = page.locator("[data-live]")
    expect(status).to_have_text("live")
    with live_console.outage():
        live_console.system.kill("web")
        page.evaluate("dispatchEvent(new Event('online'))")
        expect(status).to_contain_text("The server does not answer")
        live_console.system.start("web")
        expect(status).to_have_text("live")


def test_search_by_keyboard(live_console: Console) -> None:
    live_console.system.call("started_runs.start", "night patrol", 1, 1)
    page = live_console.signed_in("viewer")
    page.goto("/admin/")
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox")
    expect(field).to_be_focused()
    field.press_sequentially("night patrol #1")
    option = page.get_by_role("option", name="night patrol #1")
    expect(option).to_have_attribute("aria-selected", "true")
    assert axe.sentences(axe.violations(page)) == []
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/simulations/execution/*/change/")


def test_enter_ends_a_syllable_and_opens_nothing(live_console: Console) -> None:
    page = live_console.signed_in("viewer", language="ko")
    page.goto("/admin/")
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox")
    field.fill("상태")
    expect(page.get_by_role("option").first).to_have_attribute("aria-selected", "true")
    field.dispatch_event("keydown", {"key": "Enter", "isComposing": True, "bubbles": True})
    field.press("Escape")
    expect(page.locator("#find")).not_to_be_visible()
    assert page.url.endswith("/admin/")


def test_search_without_scripts(live_console: Console) -> None:
    page = live_console.signed_in("viewer")
    page.goto("/admin/search/?q=health")
    expect(page.get_by_role("link", name="Health").last).to_be_visible()
    assert axe.sentences(axe.violations(page)) == []
