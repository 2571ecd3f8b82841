"""Demands on each page in each mode, and a picture of it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

from tests.console import axe
from tests.console.browsing import Console, Mode, resize

SIDEWAYS = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
WIDEST = """() => [...document.querySelectorAll("body *")]
  .filter((node) => node.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .slice(0, 3).map((node) => node.outerHTML.slice(0, 120))"""


@dataclass(frozen=True)
class Place:
    """A page to look at; role None: nobody has signed in."""

    name: str
    path: str
    role: str | None = "admin"


OUTSIDE = (
    Place("login", "/admin/login/", None),
    Place("password_reset", "/password/reset/a/b", None),
    Place("not_found", "/admin/no-such-page/"),
)
"""Pages that are no part of the site."""


def places(console: Console, share: int = 0, shares: int = 1, only: str = "") -> list[Place]:
    """Every page that the seeded rows offer to an admin, and those outside; or some of them."""
    found = [
        Place(name, path)
        for name, path in console.system.call("addresses.pages", share, shares, only)
    ]
    chosen = [place for place in OUTSIDE if re.search(only, place.name)]
    return found + chosen[share::shares]


class Look:
    """Looks at pages in one language, and keeps what is wrong with them."""

    def __init__(self, console: Console, language: str) -> None:
        console.watch.allowed |= {404}  # of the page that says so
        self._language = language
        self._pages = {  # Without transitions, in the middle of which axe would see colours that nobody does.
            role: console.signed_in(role, language=language, reduced_motion=True)
            for role in ("admin", None)
        }
        self.wrong: list[str] = []

    def at(self, place: Place, *modes: Mode) -> Iterator[tuple[Page, Mode]]:
        """Open a page once and yield it in each mode, which differ in theme and width."""
        page = self._pages[place.role]
        page.goto(place.path)
        for mode in modes:
            resize(page, mode)
            yield page, mode

    def judge(self, place: Place, *modes: Mode) -> None:
        """Look at a page in modes."""
        for page, mode in self.at(place, *modes):
            self.examine(page, place, mode)

    def examine(self, page: Page, place: Place, mode: Mode) -> None:
        """Look at a page that is open in a mode."""
        wrong = axe.sentences(axe.violations(page))
        if (beyond := page.evaluate(SIDEWAYS)) > 0:
            wrong.append(f"scrolls sideways by {beyond} px: {page.evaluate(WIDEST)}")
        self.wrong += [f"{place.name} ({place.path}) {mode}: {line}" for line in wrong]


def picture(page: Page, place: Place, mode: Mode, folder: Path) -> None:
    """Save a picture of the whole page."""
    path = folder / str(mode) / f"{place.name}.png"
    page.screenshot(path=path, full_page=True, animations="disabled")
