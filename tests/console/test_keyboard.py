"""The console without a mouse: Tab reaches each control and shows it, Escape closes what was opened."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.console.browsing import Console

CONTROLS = """window.controls = () => {
  const wanted = "a[href], button, input, select, textarea, summary, [tabindex='0']";
  const radios = new Set();
  const reachable = (node) => {
    const { width, height } = node.getBoundingClientRect();
    return !node.disabled && node.tabIndex >= 0 && width && height
      && node.checkVisibility({ visibilityProperty: true });
  };
  const counts = (node) => {  // one of a group of radio buttons takes the focus
    const again = node.type === "radio" && radios.has(node.name);
    radios.add(node.name);
    return !again;
  };
  return [...document.querySelectorAll(wanted)].filter((node) => reachable(node) && counts(node));
}"""
DESCRIBED = "() => window.controls().map((node) => node.outerHTML.slice(0, 160))"
FOCUSED = """() => {
  const node = document.activeElement;
  const isMarked = (one) => {
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(one);
    return (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none";
  };
  const frames = [node, node.parentElement, node.closest(".select2-container, label")].filter(Boolean);
  // By place, as parts of a page that is live are replaced meanwhile.
  const number = window.controls().indexOf(node);
  return { number, visible: frames.some(isMarked), html: node.outerHTML.slice(0, 160) };
}"""
PAGES = (
    "/admin/",
    "/admin/simulations/simulation/quick-run/",
    "/admin/simulations/simulation/add/",
    "/admin/simulations/execution/",
    "/admin/storage/rosbag/add/",
    "running execution",
    "rosbag",
)
SPARE = 20
"""Presses beyond the number of controls: the browser's own stops, such as regions that scroll."""


def path_of(console: Console, name: str) -> str:
    if name.startswith("/"):
        return name
    return str(console.system.call("rows.path", name))


def walk(page: Page) -> tuple[list[str], list[str]]:
    """Press Tab through a page; again, if parts that came into view have brought more controls.

    Returns:
        The controls that were not reached, and those that do not show that they have the focus.
    """
    page.evaluate(CONTROLS)
    while True:
        controls: list[str] = page.evaluate(DESCRIBED)
        result = walk_once(page, controls)
        if len(page.evaluate(DESCRIBED)) == len(controls):
            return result


def walk_once(page: Page, controls: list[str]) -> tuple[list[str], list[str]]:
    reached: set[int] = set()
    unseen: list[str] = []
    for _press in range(len(controls) + SPARE):
        page.keyboard.press("Tab")
        focus: dict[str, Any] = page.evaluate(FOCUSED)
        if focus["number"] >= 0 and focus["number"] not in reached:
            reached.add(focus["number"])
            unseen += [] if focus["visible"] else [focus["html"]]
    return [html for number, html in enumerate(controls) if number not in reached], unseen


@pytest.mark.parametrize("width", [1440, 390])
def test_tab_reaches_each_control_and_shows_it(console: Console, width: int) -> None:
    page = console.signed_in("admin", width=width)
    for name in PAGES:
        page.goto(path_of(console, name))
        missed, unseen = walk(page)
        assert (name, missed) == (name, [])
        assert (name, unseen) == (name, [])


def test_escape_closes_a_dialog(console: Console) -> None:
    page = console.signed_in("operator")
    page.goto(path_of(console, "running execution"))
    stop = page.get_by_role("button", name="Stop").first
    stop.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(stop).to_be_focused()


def test_escape_closes_the_drawer_of_phones(console: Console) -> None:
    page = console.signed_in("viewer", width=390)
    page.goto("/admin/")
    menu, drawer = page.get_by_role("button", name="Menu"), page.locator("#side")
    expect(drawer).to_be_hidden()
    menu.press("Enter")
    expect(drawer).to_be_visible()
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(menu).to_be_focused()


def test_a_part_that_is_refreshed_keeps_the_focus(console: Console) -> None:
    page = console.signed_in("admin")
    page.goto(path_of(console, "rosbag"))
    cancel = page.get_by_role("button", name="Cancel").first
    cancel.focus()
    for _refresh in range(2):
        with page.expect_response("**/exports/"):
            pass
    expect(cancel).to_be_focused()


def test_a_row_is_searched_and_chosen(console: Console) -> None:
    page = console.signed_in("operator")
    page.goto("/admin/simulations/simulation/quick-run/")
    box = page.get_by_role("combobox", name="Rosbag")
    box.press("Enter")
    expect(page.get_by_role("searchbox", name="Rosbag")).to_be_focused()
    page.keyboard.type("warned")
    expect(page.locator(".select2-results__option")).to_have_text(["warned"])
    page.keyboard.press("Enter")
    expect(box).to_contain_text("warned")


def test_nothing_moves_for_those_who_do_not_want_it(console: Console) -> None:
    page = console.signed_in("viewer", reduced_motion=True)
    for name in ("/admin/", "running execution", "rosbag"):
        page.goto(path_of(console, name))
        assert page.evaluate("document.getAnimations().length") == 0
