"""The page "Add rosbag" in a real browser: what people do with it, against the real API."""

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

from accounts.choices import Role
from accounts.models import User
from storage.choices import Status
from storage.models import Rosbag
from storage.objects import object_store
from storage.services.verification import verifier
from storage.tests.conftest import MakeBag

CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
SECONDS = 120
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--lang=en"),
    # A browser at rest: it asks nobody but the page's server.
    *("--no-first-run", "--disable-sync", "--disable-quic", "--disable-component-update"),
    *("--disable-background-networking", "--disable-background-timer-throttling"),
)
ADD = "/admin/storage/rosbag/add/"


@pytest.fixture(scope="module")
def chromium() -> Iterator[WebDriver]:
    if not (os.path.exists(CHROMIUM) and os.path.exists(DRIVER)):
        pytest.fail("Chromium is missing: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for word in FLAGS:
        options.add_argument(word)
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_window_size(1200, 900)
    yield driver
    driver.quit()


@pytest.fixture(params=["folder", "s3"])
def stored(
    request: pytest.FixtureRequest, own_folders: None, live_server: Any, settings: Any
) -> None:
    """Where the parts go: to this server, or to the S3 server, which lets the console's pages PUT."""
    if request.param == "s3":
        request.getfixturevalue("s3_settings")
        settings.CORS_ALLOWED_ORIGINS = [live_server.url]
        object_store().check()


@pytest.fixture
def browser(
    transactional_db: None, chromium: WebDriver, live_server: Any, settings: Any
) -> WebDriver:
    if not settings.MINIO_ENDPOINT:  # S3 takes no parts below 5 MiB but the last
        settings.UPLOAD_PART_BYTES = 4096
    client = Client()
    client.force_login(User.objects.create(email="o@example.org", role=Role.OPERATOR))
    chromium.get(f"{live_server.url}/admin/login/")
    chromium.delete_all_cookies()
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "path": "/"}
    chromium.add_cookie(cookie)
    chromium.execute_script("localStorage.clear()")
    chromium.get(f"{live_server.url}{ADD}")
    return chromium


def choose(browser: WebDriver, field: str, *paths: Path) -> None:
    browser.find_element(By.ID, field).send_keys("\n".join(str(path) for path in paths))


def upload(browser: WebDriver) -> None:
    browser.find_element(By.CSS_SELECTOR, "#add-rosbag input[type=submit]").click()


def arrived(browser: WebDriver) -> Rosbag:
    """The rosbag, once all its parts are sent and joined."""
    waiting = Rosbag.objects.filter(status=Status.VERIFYING)
    WebDriverWait(browser, SECONDS).until(lambda _: waiting.exists())
    return waiting.get()


def said(browser: WebDriver, text: str) -> None:
    def heard(_: WebDriver) -> bool:
        page = browser.find_element(By.ID, "add-rosbag").text
        return text in page

    WebDriverWait(browser, SECONDS).until(heard)


@pytest.mark.parametrize("folder", [True, False])
def test_a_bundle_is_uploaded_in_parts(
    stored: None, browser: WebDriver, make_bag: MakeBag, folder: bool
) -> None:
    bag = make_bag("drive", messages=3000)
    if folder:
        choose(browser, "add-folder", bag)
    else:
        choose(browser, "add-files", *bag.iterdir())
    upload(browser)
    rosbag = arrived(browser)
    assert {file.path for file in rosbag.files.all()} == {path.name for path in bag.iterdir()}
    assert rosbag.name == ("drive" if folder else "drive_0.db3")
    assert verifier.run(rosbag.pk).message_count == 3000
    said(browser, f"{rosbag.name} Open the rosbag")
    browser.find_element(By.CSS_SELECTOR, "#add-status a").click()
    assert browser.current_url.endswith(f"/{rosbag.pk}/change/")


def test_an_archive_of_a_damaged_bundle_ends_at_the_repaired_one(
    browser: WebDriver, make_bag: MakeBag, tmp_path: Path
) -> None:
    bag = make_bag()
    (bag / "metadata.yaml").unlink()
    archive = tmp_path / "drive.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in bag.iterdir():
            packed.write(path, f"deep/{path.name}")
    choose(browser, "add-files", archive)
    upload(browser)
    original = verifier.run(arrived(browser).pk)
    assert original.status == Status.REPAIRED
    said(browser, "made anew from its data")
    link = browser.find_element(By.CSS_SELECTOR, "#add-status a").get_attribute("href")
    assert str(link).endswith(f"/{original.repaired_id}/change/")


def test_a_reload_goes_on_where_the_upload_was(
    browser: WebDriver, make_bag: MakeBag, live_server: Any
) -> None:
    bag = make_bag("drive", messages=3000)
    # The network goes away after the third part, and nothing is tried again.
    browser.execute_script(
        """
        const real = window.fetch;
        let sent = 0;
        window.setTimeout = (work) => queueMicrotask(work);
        window.fetch = (address, options) => {
          if (options && options.method === "PUT" && ++sent > 3) return Promise.reject(new TypeError("gone"));
          return real(address, options);
        };
        """
    )
    choose(browser, "add-folder", bag)
    upload(browser)
    said(browser, "Choose the same files again")
    begun = Rosbag.objects.get()
    browser.get(f"{live_server.url}{ADD}")
    said(browser, "goes on where it was")
    choose(browser, "add-folder", bag)
    upload(browser)
    assert arrived(browser).pk == begun.pk
    assert verifier.run(begun.pk).message_count == 3000


def test_cancelling_removes_what_was_sent(browser: WebDriver, make_bag: MakeBag) -> None:
    browser.execute_script(
        """
        const real = window.fetch;
        window.fetch = (address, options) =>
          options && options.method === "PUT" ? new Promise(() => {}) : real(address, options);
        """
    )
    choose(browser, "add-folder", make_bag("drive"))
    upload(browser)
    said(browser, "Sending")
    browser.find_element(By.ID, "add-cancel").click()
    said(browser, "cancelled")
    assert not Rosbag.objects.living().exists()


def test_what_is_refused_is_said(browser: WebDriver) -> None:
    upload(browser)
    said(browser, "Choose the folder of a bundle")


def test_only_operators_add(client: Client, db: None) -> None:
    client.force_login(User.objects.create(email="v@example.org", role=Role.VIEWER))
    assert client.get(ADD).status_code == 403


def test_the_page_needs_no_inline_script(client: Client, db: None) -> None:
    client.force_login(User.objects.create(email="o@example.org", role=Role.OPERATOR))
    page = client.get(ADD).content.decode()
    inline = [part for part in page.split("<script")[1:] if "src=" not in part.split(">")[0]]
    assert all('type="application/json"' in part.split(">")[0] for part in inline)
