"""Signed-in pages in Chromium, and whatever goes wrong on them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.console.system import ConsoleSystem
from tests.support.browser import TIMEOUT_MS, Watch, launch

Theme = Literal["light", "dark"]
LOCALES = {"en": "en-US", "ko": "ko-KR"}
ZONE = "Asia/Seoul"


@dataclass(frozen=True)
class Mode:
    """Language, theme and width in which a page is looked at."""

    language: str = "en"
    theme: Theme = "light"
    width: int = 1440

    def __str__(self) -> str:
        return f"{self.language}-{self.theme}-{self.width}"

    @property
    def height(self) -> int:
        return 844 if self.width < 600 else 900


MODES = [
    Mode(language, theme, width)
    for language in ("en", "ko")
    for theme in ("light", "dark")
    for width in (1440, 390)
]


class Console:
    """The browser of a test."""

    def __init__(self, browser: Browser, system: ConsoleSystem) -> None:
        self.browser = browser
        self.system = system
        self.watch = Watch()

    @property
    def problems(self) -> list[str]:
        """Problems of all pages so far: errors, violations, failed requests, refusals."""
        return self.watch.problems

    def signed_in(
        self,
        role: str | None = "admin",
        *,
        language: str = "en",
        theme: Theme = "light",
        width: int = 1440,
        reduced_motion: bool = False,
    ) -> Page:
        """Open a page whose user has a role; None: nobody has signed in."""
        mode = Mode(language, theme, width)
        context = self.browser.new_context(
            base_url=self.system.url,
            locale=LOCALES[language],
            timezone_id=ZONE,
            color_scheme=theme,
            reduced_motion="reduce" if reduced_motion else "no-preference",
            viewport={"width": width, "height": mode.height},
            has_touch=width < 600,
        )
        context.set_default_timeout(TIMEOUT_MS)
        self._sign_in(context, role, language)
        page = context.new_page()
        self.watch.add(page)
        return page

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Requests may fail meanwhile, as the server or the network is away."""
        with self.watch.outage():
            yield

    def _sign_in(self, context: BrowserContext, role: str | None, language: str) -> None:
        if role is None:
            cookies = {"django_language": language}
        else:
            cookies = self.system.call("people.session", role, language)
        url = self.system.url
        context.add_cookies([{"name": k, "value": v, "url": url} for k, v in cookies.items()])


@contextmanager
def a_browser(system: ConsoleSystem) -> Iterator[Console]:
    """Start Chromium; pages are closed before the end, so that no request of theirs is left."""
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright, launch(playwright) as browser:
        yield Console(browser, system)
        for context in browser.contexts:
            context.close()


def resize(page: Page, mode: Mode) -> None:
    """Give a page that is open another theme and width."""
    page.set_viewport_size({"width": mode.width, "height": mode.height})
    page.emulate_media(color_scheme=mode.theme)
