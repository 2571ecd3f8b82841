"""The live page of an execution: its agents as they play, their log, and what it says after a sign-out."""

from playwright.sync_api import Page, expect

from tests.console.browsing import Console


def opened(console: Console, name: str, agents: int, seconds: float) -> Page:
    """The page of an execution that has been requested, and begins when the page is there."""
    console.system.kill("controller")
    execution = console.system.call("runs.start", name, agents, seconds)
    page = console.signed_in("operator")
    page.goto(f"/admin/simulations/execution/{execution}/change/")
    console.system.start("controller")
    return page


def test_agents_are_seen_as_they_play_and_end(live_console: Console) -> None:
    page = opened(live_console, "watched", agents=4, seconds=15)
    expect(page.locator("#agents button.running")).to_have_count(4)
    expect(page.locator('[data-stage="1"] [data-value="messages"]')).not_to_have_text("0")
    page.locator("#agents button").nth(2).click()
    expect(page.locator("#log-filter input")).to_have_value("3")
    expect(page.locator("#log")).to_contain_text("running")
    expect(page.locator("#agents button.completed")).to_have_count(4)
    expect(page.locator("#lateness svg")).to_be_visible()
    expect(page.get_by_role("link", name="Run again …")).to_be_visible()


def test_a_stop_is_confirmed_and_a_sign_out_is_said(live_console: Console) -> None:
    page = opened(live_console, "stopped", agents=2, seconds=600)
    stop = page.get_by_role("button", name="Stop")
    stop.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Go on").click()
    expect(dialog).to_be_hidden()
    page.context.clear_cookies()
    expect(page.locator("#connection")).to_contain_text("You were signed out")
    sign_in = page.get_by_role("link", name="Sign in again")
    assert "next=" in str(sign_in.get_attribute("href"))
