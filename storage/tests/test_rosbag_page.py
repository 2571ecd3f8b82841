"""The page of a rosbag in a real browser: range, previews, tables, and what changes while it is open."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from accounts.choices import Role
from accounts.models import User
from rosbag2.writing.sample import make_sample
from storage.choices import Status
from storage.models import Export, Rosbag
from storage.services.verification import verifier
from storage.tests.conftest import MakeBag
from tests.support.bags import stored_bag
from tests.support.browser import SignIn

URL = "/admin/storage/rosbag/"
DRAWN = """canvas => {
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.some(value => value !== 0);
}"""


@pytest.fixture
def operator(page: Page, sign_in: SignIn, own_folders: None) -> Page:
    sign_in(User.objects.create(email="o@example.org", role=Role.OPERATOR))
    return page


@pytest.fixture
def drive(operator: Page, tmp_path: Path) -> Rosbag:
    make_sample(tmp_path / "drive", seconds=4)
    return stored_bag(tmp_path / "drive")


def without_previews(page: Page) -> Page:
    page.route("**/part/preview/", lambda route: route.fulfill(body=""))
    return page


def opened(page: Page, rosbag: Rosbag) -> Page:
    page.goto(f"{URL}{rosbag.pk}/change/")
    return page


def test_a_range_is_chosen_by_keyboard_and_by_mouse(operator: Page, drive: Rosbag) -> None:
    page = opened(without_previews(operator), drive)
    handle = page.get_by_role("slider", name="Start of the range")
    first, last = page.locator("[name=start]"), page.locator("[name=end]")
    most = float(last.input_value())
    handle.focus()
    handle.press("Shift+ArrowRight")
    assert float(first.input_value()) == pytest.approx(most / 10, abs=0.002)
    last.fill("2.5")
    last.press("Tab")
    expect(page.get_by_role("slider", name="End of the range")).to_have_attribute(
        "aria-valuenow", "2.5"
    )
    export = page.get_by_role("link", name="Export this range")
    query = parse_qs(urlsplit(str(export.get_attribute("href"))).query)
    assert query["end"] == ["2.500s"]
    page.get_by_role("button", name="Whole recording").click()
    expect(first).to_have_value("0")
    box = page.locator("[data-plot]").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 5, steps=4)
    page.mouse.up()
    assert float(first.input_value()) == pytest.approx(most / 4, rel=0.05)
    assert float(last.input_value()) == pytest.approx(most / 2, rel=0.05)
    start = f"{float(first.input_value()):.3f}s"
    export.click()
    expect(page.locator("#id_start")).to_have_value(start)


def test_previews_are_drawn(operator: Page, drive: Rosbag) -> None:
    page = opened(operator, drive)
    expect(page.locator(".storage-track polyline")).to_have_count(1)
    canvases = page.locator(".storage-chart canvas")
    expect(canvases).to_have_count(2)
    assert canvases.first.evaluate(DRAWN)
    page.get_by_role("button", name="Remove: pose.pose.position.x").click()
    expect(canvases).to_have_count(1)
    row = page.locator("#topics tr", has_text="/scan")
    row.get_by_role("button", name="Preview").click()
    expect(page.locator(".storage-tree")).to_contain_text("sensor_msgs/msg/LaserScan")
    expect(page.locator(".storage-chart", has_text="/scan").locator("canvas")).to_be_visible()
    page.locator(".storage-tree details details").first.locator("summary").click()
    expect(page.locator(".storage-tree")).to_contain_text("frame_id")
    page.wait_for_load_state("networkidle")


def test_tables_are_searched_on_the_page(
    operator: Page, drive: Rosbag, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.admin.rosbags.contents.PAGE", 2)
    page = opened(without_previews(operator), drive)
    topics = page.locator("#topics")
    expect(topics.locator("tbody tr")).to_have_count(2)
    topics.get_by_role("link", name="Next").click()
    expect(topics.locator("tbody tr")).to_have_count(1)
    topics.get_by_role("searchbox").fill("imu")
    topics.get_by_role("searchbox").press("Enter")
    expect(topics.locator("tbody tr")).to_have_count(1)
    expect(topics).to_contain_text("/imu")
    page.wait_for_load_state("networkidle")


def test_the_page_follows_a_verification(operator: Page, make_bag: MakeBag) -> None:
    rosbag = stored_bag(make_bag())
    Rosbag.objects.filter(pk=rosbag.pk).update(status=Status.VERIFYING)
    page = opened(without_previews(operator), rosbag)
    expect(page.locator(".why.run")).to_contain_text("It is being verified.")
    verifier.run(rosbag.pk)
    expect(page.locator(".why.ok")).to_contain_text("It plays in full.")
    page.wait_for_load_state("networkidle")


def test_a_running_export_is_followed_and_cancelled(operator: Page, drive: Rosbag) -> None:
    fields: Any = {"source": drive, "format": "mcap", "start_ns": 0, "end_ns": 1}
    running = Export.objects.create(name="first", status="running", progress=0.25, **fields)
    Export.objects.create(name="second", **fields)
    page = opened(without_previews(operator), drive)
    row = page.locator("#exports tr", has_text="first")
    expect(row).to_contain_text("25 %")
    Export.objects.filter(pk=running.pk).update(progress=0.5)
    expect(row).to_contain_text("50 %")
    page.locator("#exports tr", has_text="second").get_by_role("button", name="Cancel").click()
    expect(page.locator("#exports tr", has_text="second")).to_contain_text("Cancelled")
    page.goto(f"/admin/storage/export/{running.pk}/change/")
    expect(page.locator(".why.run")).to_contain_text("It is being made.")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".why.idle")).to_contain_text("The export was cancelled.")
    page.wait_for_load_state("networkidle")
