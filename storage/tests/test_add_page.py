"""The page "Add rosbag" in a real browser, with the real API."""

import base64
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from accounts.choices import Role
from accounts.models import User
from storage.choices import Status
from storage.models import Rosbag
from storage.objects import object_store
from storage.services.verification import verifier
from storage.tests.conftest import MakeBag
from tests.support.browser import SignIn

ADD = "/admin/storage/rosbag/add/"


@pytest.fixture(params=["folder", "s3"])
def stored(
    request: pytest.FixtureRequest, own_folders: None, live_server: Any, settings: Any
) -> None:
    """Storage of the parts: this server, or the S3 server with CORS rules for the console."""
    if request.param == "s3":
        request.getfixturevalue("s3_settings")
        settings.CORS_ALLOWED_ORIGINS = [live_server.url]
        object_store().check()


@pytest.fixture
def add_page(page: Page, sign_in: SignIn, settings: Any) -> Page:
    if not settings.MINIO_ENDPOINT:  # S3 takes no parts below 5 MiB but the last
        settings.UPLOAD_PART_BYTES = 4096
    sign_in(User.objects.create(email="o@example.org", role=Role.OPERATOR))
    page.goto(ADD)
    return page


def uploaded(page: Page) -> Rosbag:
    """The rosbag, once all its parts are sent and joined."""
    shows(page, "Verifying")
    return Rosbag.objects.get(status=Status.VERIFYING)


def shows(page: Page, text: str) -> None:
    expect(page.locator("#add-rosbag")).to_contain_text(text, use_inner_text=True)


def drop(page: Page, *files: Path) -> None:
    """Drop files, and folders by their files, as the browser's own entries."""
    page.evaluate(
        """(files) => {
        const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
        const entryOf = (name, value) => typeof value === "string"
          ? {name, isFile: true, file: (done) => done(new File([bytes(value)], name))}
          : {name, isFile: false, createReader: () => {
              const batches = Object.entries(value).map(([inner, deep]) => [entryOf(inner, deep)]);
              return {readEntries: (done) => done(batches.shift() || [])};
            }};
        const entries = Object.entries(files).map(([name, value]) => entryOf(name, value));
        const items = entries.map((entry) => ({webkitGetAsEntry: () => entry}));
        const event = new Event("drop", {bubbles: true, cancelable: true});
        Object.defineProperty(event, "dataTransfer", {value: {items}});
        document.getElementById("add-zone").dispatchEvent(event);
        }""",
        {path.name: _content(path) for path in files},
    )


def _content(path: Path) -> Any:
    if path.is_dir():
        return {inner.name: _content(inner) for inner in path.iterdir()}
    return base64.b64encode(path.read_bytes()).decode()


@pytest.mark.parametrize("folder", [True, False])
def test_a_bundle_is_uploaded_in_parts(
    stored: None, add_page: Page, make_bag: MakeBag, folder: bool
) -> None:
    bag = make_bag("drive", messages=3000)
    if folder:
        add_page.set_input_files("#add-folder", bag)
    else:
        add_page.set_input_files("#add-files", list(bag.iterdir()))
    rosbag = uploaded(add_page)
    assert {file.path for file in rosbag.files.all()} == {path.name for path in bag.iterdir()}
    assert rosbag.name == ("drive" if folder else "drive_0.db3")
    assert verifier.run(rosbag.pk).message_count == 3000
    shows(add_page, "It plays in full.")
    add_page.get_by_role("link", name="Open the rosbag").click()
    expect(add_page).to_have_url(re.compile(rf"/{rosbag.pk}/change/$"))
    add_page.wait_for_load_state("networkidle")  # its preview, too


def test_files_beside_the_bundle_are_said(add_page: Page, make_bag: MakeBag) -> None:
    bag = make_bag("drive")
    (bag / "payload.sh").write_text("rm -rf /")
    add_page.set_input_files("#add-folder", bag)
    rosbag = verifier.run(uploaded(add_page).pk)
    assert {file.path for file in rosbag.files.all()} == {"metadata.yaml", "drive_0.db3"}
    shows(add_page, "payload.sh is no part of the bag and is not stored")


def test_damaged_archive_links_to_the_repaired_rosbag(
    add_page: Page, make_bag: MakeBag, tmp_path: Path
) -> None:
    bag = make_bag()
    (bag / "metadata.yaml").unlink()
    archive = tmp_path / "drive.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in bag.iterdir():
            packed.write(path, f"deep/{path.name}")
    add_page.set_input_files("#add-files", archive)
    original = verifier.run(uploaded(add_page).pk)
    assert original.status == Status.REPAIRED
    shows(add_page, "made anew with all 5 messages")
    link = add_page.get_by_role("link", name="Open the rosbag").get_attribute("href")
    assert str(link).endswith(f"/{original.repaired_id}/change/")


def test_upload_resumes_after_a_reload(add_page: Page, make_bag: MakeBag, live_server: Any) -> None:
    bag = make_bag("drive", messages=3000)
    # The network goes away after the third part, and nothing is tried again.
    add_page.evaluate(
        """() => {
        const real = window.fetch;
        let sent = 0;
        window.setTimeout = (work) => queueMicrotask(work);
        window.fetch = (address, options) => {
          if (options && options.method === "PUT" && ++sent > 3) return Promise.reject(new TypeError("gone"));
          return real(address, options);
        };
        }"""
    )
    add_page.set_input_files("#add-folder", bag)
    shows(add_page, "Choose the same files again")
    begun = Rosbag.objects.get()
    add_page.goto(ADD)
    shows(add_page, "resumes where it stopped")
    add_page.set_input_files("#add-folder", bag)
    assert uploaded(add_page).pk == begun.pk
    assert verifier.run(begun.pk).message_count == 3000


def test_cancelling_removes_the_sent_parts(add_page: Page, make_bag: MakeBag) -> None:
    add_page.evaluate(
        """() => {
        const real = window.fetch;
        window.fetch = (address, options) =>
          options && options.method === "PUT" ? new Promise(() => {}) : real(address, options);
        }"""
    )
    add_page.set_input_files("#add-folder", make_bag("drive"))
    shows(add_page, "Sending")
    add_page.get_by_role("button", name="Cancel: drive").click()
    shows(add_page, "cancelled")
    assert not Rosbag.objects.living().exists()


def test_folders_and_files_are_dropped_together(
    add_page: Page, make_bag: MakeBag, tmp_path: Path
) -> None:
    trip = tmp_path / "trip"
    trip.mkdir()
    for name in ("한강", "campus"):
        make_bag(name).rename(trip / name)
    (trip / "notes.txt").write_text("sunny")
    alone = make_bag("alone", messages=7) / "alone_0.db3"
    drop(add_page, trip, alone)
    expect(add_page.get_by_text("Verifying")).to_have_count(2)  # two at once, the third waits
    while add_page.locator(".why:not(.run):visible").count() < 3:
        for rosbag in Rosbag.objects.filter(status=Status.VERIFYING):
            verifier.run(rosbag.pk)
        add_page.wait_for_timeout(200)
    names = set(Rosbag.objects.exclude(origin="repaired").values_list("name", flat=True))
    assert names == {"한강", "campus", "alone_0"}
    assert Rosbag.objects.usable().count() == 3


def test_what_is_no_recording_is_said(add_page: Page, tmp_path: Path) -> None:
    folder = tmp_path / "holiday"
    folder.mkdir()
    (folder / "photo.jpg").write_bytes(b"jpeg")
    drop(add_page, folder)
    shows(add_page, "There is no recording among these")
    assert not Rosbag.objects.exists()


def test_a_popup_fills_the_field_of_its_form(add_page: Page, make_bag: MakeBag) -> None:
    """The form's page opens the popup, whose script calls Django's own function in it."""
    add_page.evaluate(
        """() => {
        window.dismissAddRelatedObjectPopup = (popup, ...chosen) => { window.chosen = chosen; };
        }"""
    )
    with add_page.expect_popup() as opened:
        add_page.evaluate(f"() => window.open('{ADD}?_popup=1')")
    popup = opened.value
    popup.set_input_files("#add-folder", make_bag("drive"))
    rosbag = uploaded(popup)
    verifier.run(rosbag.pk)
    add_page.wait_for_function("() => window.chosen")
    assert add_page.evaluate("() => window.chosen") == [str(rosbag.pk), "drive"]


def test_only_operators_add(client: Client, db: None) -> None:
    client.force_login(User.objects.create(email="v@example.org", role=Role.VIEWER))
    assert client.get(ADD).status_code == 403


def test_the_page_needs_no_inline_script(client: Client, db: None) -> None:
    client.force_login(User.objects.create(email="o@example.org", role=Role.OPERATOR))
    page = client.get(ADD).content.decode()
    inline = [part for part in page.split("<script")[1:] if "src=" not in part.split(">")[0]]
    assert all('type="application/json"' in part.split(">")[0] for part in inline)
