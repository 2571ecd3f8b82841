"""Lists: all columns within 1280 px, cards at 390 px, kept columns, times in the zone of the browser."""

import pytest
from playwright.sync_api import expect

from tests.console.browsing import Console

LISTS = (
    *("simulations/execution", "simulations/simulation", "simulations/mec", "simulations/deletion"),
    *("simulations/agentrun", "simulations/event", "simulations/recording", "simulations/stagerun"),
    *("storage/rosbag", "storage/export"),
    *("templates/template", "accounts/user", "accounts/apitoken", "auditlog/logentry"),
)
TOO_WIDE = """() => [document.documentElement, document.querySelector(".results")]
  .filter((element) => element && element.scrollWidth > element.clientWidth).length"""


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_list_scrolls_sideways(console: Console, width: int, language: str) -> None:
    page = console.signed_in("admin", width=width, language=language)
    wide = []
    for name in LISTS:
        page.goto(f"/admin/{name}/")
        assert page.locator("#result_list").is_visible(), name
        if page.evaluate(TOO_WIDE):
            wide.append(name)
    assert wide == []


def test_rows_are_cards_on_a_phone(console: Console) -> None:
    page = console.signed_in("admin", width=390)
    page.goto("/admin/simulations/execution/")
    cell = page.locator("#result_list tbody .field-status_label").first
    assert cell.evaluate("(cell) => getComputedStyle(cell, '::before').content") == '"Status"'
    expect(page.locator("#result_list thead").get_by_role("link").first).to_be_visible()
    expect(page.locator("#result_list tbody input[type=checkbox]").first).to_be_visible()


def test_exact_times_are_a_click_away(console: Console) -> None:
    page = console.signed_in("viewer")
    page.goto("/admin/storage/rosbag/")
    time = page.locator("#result_list time").first
    exact = (time.get_attribute("title") or "").split(" (")[0]
    expect(time).not_to_have_text(exact)
    page.locator("button.zone").press("Enter")
    expect(time).to_have_text(exact)
