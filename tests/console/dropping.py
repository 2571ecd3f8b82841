"""Dropping files and folders of this machine onto a page, as a person does from the desktop."""

from pathlib import Path

from playwright.sync_api import Locator

STEPS = ("dragEnter", "dragOver", "drop")
COPY = 1


def drop(zone: Locator, *paths: Path) -> None:
    """Drop files or folders onto an element."""
    box = zone.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": COPY}
    tools = zone.page.context.new_cdp_session(zone.page)
    for step in STEPS:
        tools.send("Input.dispatchDragEvent", {"type": step, "x": x, "y": y, "data": data})
    tools.detach()
