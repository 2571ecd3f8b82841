"""The page of a simulation: stages edited and reordered in place, the preview, and start with edits."""

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.console import axe
from tests.console.browsing import Console

EXECUTION = re.compile(r"/admin/simulations/execution/\d+/change/")


def opened(console: Console, folder: Path, name: str, *agents: int) -> tuple[Page, int]:
    pk = console.system.call("designs.create", str(folder), name, list(agents))
    page = console.signed_in("operator", reduced_motion=True)  # stages do not glide under the mouse
    page.goto(f"/admin/simulations/simulation/{pk}/change/")
    return page, pk


def stage(page: Page, number: int) -> Locator:
    return page.locator(".stage:not(.removed)").nth(number - 1)


def shows_agents(page: Page, *agents: int) -> None:
    fields = page.locator(".stage:not(.removed) [name$=agent_count]")
    expect(fields).to_have_count(len(agents))
    for index, count in enumerate(agents):
        expect(fields.nth(index)).to_have_value(str(count))


def drag(page: Page, card: Locator, place: int) -> None:
    """Drag a stage by its grip to another place, as a hand does: it lets go when the card is seen there."""
    target = stage(page, place)
    target.scroll_into_view_if_needed()
    held = card.element_handle()
    assert held is not None
    card.locator(".grip").hover()
    page.mouse.down()
    for _move in range(100):
        box = target.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 40, box["y"] + box["height"] / 2, steps=8)
        if target.evaluate("(card, held) => card === held", held):
            break
    page.mouse.up()


def test_stages_are_reordered_by_keyboard_and_dragging(
    live_console: Console, tmp_path: Path
) -> None:
    page, pk = opened(live_console, tmp_path, "order", 1, 2, 3)
    stage(page, 3).get_by_role("button", name="Move up").focus()
    page.keyboard.press("Enter")
    shows_agents(page, 1, 3, 2)
    expect(page.locator("#design-status")).to_have_text("Moved to position 2 of 3.")
    page.keyboard.press("Enter")  # the focus stays
    shows_agents(page, 3, 1, 2)
    expect(page.locator(":focus")).to_contain_text("Move down")
    expect(page.locator(".gantt-head b").first).to_be_visible()
    drag(page, stage(page, 1), 3)
    shows_agents(page, 1, 2, 3)
    stage(page, 1).get_by_role("button", name="Duplicate").click()
    shows_agents(page, 1, 1, 2, 3)
    stage(page, 3).get_by_role("button", name="Remove").click()
    shows_agents(page, 1, 1, 3)
    expect(
        page.get_by_role("button", name="Stage 3 is removed when you save: undo")
    ).to_be_focused()
    page.get_by_role("button", name="Save", exact=True).first.click()
    expect(page.locator(".messagelist")).to_be_visible()
    assert live_console.system.call("designs.stored_agents", pk) == [1, 1, 3]
    assert axe.sentences(axe.violations(page)) == []


def test_unsaved_edits_are_previewed_and_run(live_console: Console, tmp_path: Path) -> None:
    page, pk = opened(live_console, tmp_path, "edits", 2)
    start = page.locator("button[name=_start]")
    expect(start).to_have_text("Start")
    agents = stage(page, 1).locator("[name$=agent_count]")
    agents.fill("0")
    expect(page.locator("#preview")).to_contain_text("Stage 1, Agents")
    expect(start).to_have_text("Save and start")
    agents.fill("5")
    expect(page.locator("#preview")).to_contain_text("Ready to start")
    expect(page.locator(".gantt")).to_contain_text("5 agents")
    start.dblclick()
    expect(page).to_have_url(EXECUTION)
    assert live_console.system.call("designs.started_agents", pk) == [[5]]
    assert live_console.system.call("designs.stored_agents", pk) == [5]


def test_a_lost_connection_is_said_and_caught_up(live_console: Console, tmp_path: Path) -> None:
    page, _pk = opened(live_console, tmp_path, "lost", 2)
    with live_console.outage():
        page.context.set_offline(True)
        stage(page, 1).locator("[name$=agent_count]").fill("9")
        expect(page.locator("#preview")).to_contain_text("The connection is lost")
        page.context.set_offline(False)
        expect(page.locator(".gantt")).to_contain_text("9 agents")
    expect(page.locator("#preview")).not_to_contain_text("The connection is lost")
