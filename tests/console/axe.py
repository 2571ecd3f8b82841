"""axe-core on a page: violations of accessibility that people feel."""

from functools import cache
from importlib.resources import files
from typing import Any

from playwright.sync_api import Page

FELT = frozenset({"serious", "critical"})
RUN = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"], preload: false });
  return violations.flatMap(({ id, impact, help, nodes }) => nodes.map((node) => (
    { id, impact, help, target: node.target.join(" "), html: node.html, why: node.failureSummary }
  )));
}"""


@cache
def source() -> str:
    """The script, of the wheel."""
    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


def violations(page: Page) -> list[dict[str, Any]]:
    """Each element that breaks a rule seriously or critically.

    The script is evaluated by the browser's tools, which the page's Content-Security-Policy does not
    concern; style sheets are not preloaded, as axe would copy them into the page.
    """
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(source())
    found: list[dict[str, Any]] = page.evaluate(RUN)
    return [violation for violation in found if violation["impact"] in FELT]


def sentences(found: list[dict[str, Any]]) -> list[str]:
    """One line for each violation."""
    return [f"{v['id']}: {v['target']}: {v['html'][:200]}" for v in found]
