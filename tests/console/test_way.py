"""The way from a bag to a fleet: quick run, and the popup that adds a rosbag to a template."""

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from rosbag2.formats.metadata import Topic
from rosbag2.writing.sqlite_writer import BagWriter
from tests.console.browsing import Console

EXECUTION = re.compile(r"/admin/simulations/execution/\d+/change/")
MAX_CLICKS = 6
IN_DIALOG = 2
"""Clicks in the system's dialog: the folder, and its button."""


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    """A bundle of a minute."""
    folder = tmp_path / f"drive-{tmp_path.name}"
    with BagWriter(folder) as writer:
        odom = writer.add_topic(Topic("/odom", "nav_msgs/msg/Odometry"))
        writer.add_topic(Topic("/scan", "sensor_msgs/msg/LaserScan"))
        for number in range(600):
            data = bytes([0, 1, 0, 0, number % 256, len(tmp_path.name) % 256])
            writer.write(odom, 10**9 + number * 100_000_000, data)
    return folder


class Clicks:
    """Clicks on a page, counted."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.count = 0

    def on(self, locator: Locator) -> None:
        self.count += 1
        locator.click()

    def choose(self, locator: Locator, folder: Path) -> None:
        with self.page.expect_file_chooser() as chooser:
            self.on(locator)
        self.count += IN_DIALOG
        chooser.value.set_files(folder)


def start(page: Page) -> Locator:
    return page.locator("#quick-run").get_by_role("button", name="Start", exact=True)


def test_from_a_bag_on_the_disk_to_twenty_running_agents(live_console: Console, bag: Path) -> None:
    page = live_console.signed_in("operator")
    page.goto("/admin/")
    clicks = Clicks(page)
    clicks.on(page.get_by_role("link", name="Quick run").first)
    page.wait_for_load_state("load")  # earlier, files are chosen that no script sends
    clicks.choose(page.locator("#quick-run-folder"), bag)
    clicks.on(start(page))  # neither upload nor verification is waited for
    expect(page).to_have_url(EXECUTION)
    assert clicks.count <= MAX_CLICKS
    deadline = time.monotonic() + 300
    while live_console.system.call("runs.running_agents") < 20:
        assert time.monotonic() < deadline, "not all agents ran"
        time.sleep(0.5)


def test_a_rosbag_that_is_rejected_is_said_and_the_input_is_kept(
    live_console: Console, tmp_path: Path
) -> None:
    broken = tmp_path / "noise.mcap"
    broken.write_bytes(b"\x89MCAP0\r\n" + bytes(range(256)) * 20)
    page = live_console.signed_in("operator")
    page.goto("/admin/simulations/simulation/quick-run/")
    page.locator("#id_agents").fill("7")
    page.set_input_files("#quick-run-files", broken)
    start(page).click()
    expect(page.locator("#quick-run-summary .tag.bad")).to_be_visible()
    expect(page.locator("#id_agents")).to_have_value("7")
    expect(start(page)).to_be_enabled()
    assert not EXECUTION.search(page.url)


def test_the_popup_fills_the_field_and_the_topics_follow(live_console: Console, bag: Path) -> None:
    page = live_console.signed_in("operator")
    page.goto("/admin/templates/template/add/")
    with page.expect_popup() as popup:
        page.locator("#add_id_rosbag").click()
    live_console.watch.add(popup.value)
    popup.value.set_input_files("#add-folder", bag)
    expect(page.locator("#id_rosbag option:checked")).to_have_text(bag.name)
    topics = page.locator("#id_topics")
    expect(topics).to_contain_text("/odom")
    scan = topics.get_by_role("checkbox", name="/scan", exact=True)
    expect(topics).to_contain_text("Topics played: all 2")
    topics.get_by_role("checkbox", name="/odom", exact=True).uncheck()
    expect(topics).to_contain_text("Topics played: 1 of 2")
    topics.get_by_label("Published name of /scan").fill("/front/scan")
    topics.get_by_role("searchbox").fill("odometry")
    expect(scan).to_have_count(0)
    topics.get_by_role("searchbox").fill("")
    expect(scan).to_be_checked()
    expect(topics.get_by_label("Published name of /scan")).to_have_value("/front/scan")
    expect(topics).to_contain_text("Topics played: 1 of 2")
    page.locator("#id_name").fill("scanner")
    page.locator("input[name=_save]").click()
    message = page.locator(".messagelist")
    message.get_by_role("link", name="Simulate").click()
    expect(page.locator("#id_stages-0-template option:checked")).to_have_text("scanner")
