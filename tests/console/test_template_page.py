"""The page of a template: its table of topics."""

from pathlib import Path

from playwright.sync_api import Route, expect

from tests.console.browsing import Console


def test_what_is_set_during_a_search_stays(live_console: Console, tmp_path: Path) -> None:
    rosbag = live_console.system.call("designs.store_bag", str(tmp_path), "searched")
    page = live_console.signed_in("operator")
    page.goto(f"/admin/templates/template/add/?rosbag={rosbag}")
    odom = page.get_by_role("checkbox", name="/odom", exact=True)
    expect(odom).to_be_checked()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/template/topics/", hold, times=1)
    with page.expect_request("**/template/topics/"):
        page.get_by_label("Search topics by name or type").fill("odom")
    odom.uncheck()
    with page.expect_response("**/template/topics/"):
        held.pop().continue_()
    expect(page.get_by_role("checkbox", name="/imu", exact=True)).to_have_count(0)
    expect(odom).not_to_be_checked()
