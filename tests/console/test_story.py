"""The way of an operator: drop a bag, run it, open its recordings, compare two runs, stop another."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from rosbag2.writing.sample import make_sample
from tests.console.browsing import Console
from tests.console.dropping import drop
from tests.console.system import PASSWORD

EXECUTION = re.compile(r"/simulations/execution/\d+/change/$")
ROSBAG = re.compile(r"/storage/rosbag/\d+/change/$")
ADD = "/admin/storage/rosbag/add/"
AGENTS = 3


def sign_in(console: Console) -> Page:
    """Sign in by the form."""
    email = console.system.call("people.ensure", "operator")
    page = console.signed_in(None)
    page.goto("/admin/")
    page.get_by_label("e-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    return page


def uploaded(page: Page, bag: Path) -> None:
    """Drop a bundle and wait for its verdict."""
    page.goto(ADD)
    drop(page.locator("#add-zone"), bag)
    expect(page.locator("#add-list")).to_contain_text(bag.name)
    expect(page.locator("#add-list").get_by_role("link", name="Quick run")).to_be_visible()


def quick_run(page: Page, *, passes: int = 1) -> None:
    """Start the bag that was just dropped; the page of the execution is open."""
    page.locator("#add-list").get_by_role("link", name="Quick run").click()
    page.get_by_label("Agents", exact=True).fill(str(AGENTS))
    page.get_by_label("Passes").fill(str(passes))
    page.get_by_role("button", name="Start").click()
    expect(page).to_have_url(EXECUTION)
    page.evaluate("window.notReloaded = true")


def compare_with_a_repetition(page: Page) -> None:
    """Run the execution again, then look at both side by side."""
    page.get_by_role("link", name="Run again …").click()
    page.get_by_role("button", name="Run exactly this again").click()
    expect(page.locator("h1")).to_contain_text("#2")
    expect(page.locator("h1 .tag")).to_have_text("completed")
    page.get_by_role("link", name="Compare …").click()
    page.get_by_role("link", name="#1", exact=True).click()
    expect(page.locator("section.c6 h2")).to_have_text([re.compile("#2$"), re.compile("#1$")])


def test_from_a_bag_on_the_disk_to_its_recordings(live_console: Console, tmp_path: Path) -> None:
    make_sample(tmp_path / "morning_drive", seconds=3)
    page = sign_in(live_console)
    uploaded(page, tmp_path / "morning_drive")
    quick_run(page)
    expect(page.locator("h1 .tag")).to_have_text("completed")
    expect(page.locator("[data-value=overall]")).to_have_text(re.compile("^100"))
    expect(page.locator("[data-panel=recordings] .tag").first).to_contain_text("stored")
    assert page.evaluate("window.notReloaded")
    page.locator("[data-panel=recordings] a[href*='/storage/rosbag/']").first.click()
    expect(page).to_have_url(ROSBAG)
    expect(page.locator("h1 .tag")).to_be_visible()
    page.go_back()
    compare_with_a_repetition(page)


def test_a_run_is_stopped_although_network_and_server_were_away(
    live_console: Console, tmp_path: Path
) -> None:
    make_sample(tmp_path / "evening_drive", seconds=4)
    page = live_console.signed_in("operator")
    uploaded(page, tmp_path / "evening_drive")
    quick_run(page, passes=1000)
    tag, connection = page.locator("h1 .tag"), page.locator("#connection")
    expect(tag).to_have_text("running")
    with live_console.outage():
        page.context.set_offline(True)
        expect(connection).to_be_visible()
        page.context.set_offline(False)
        expect(connection).to_be_hidden()
        live_console.system.kill("web")
        expect(connection).to_be_visible()
        live_console.system.start("web")
        expect(connection).to_be_hidden()
    published = page.locator("[data-value=messages]").first
    expect(published).not_to_have_text(published.inner_text())
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    expect(tag).to_have_text("stopped")
