"""First load of each page of the console in Chromium, and the seconds from a rosbag to 20 running agents.

A real system (PostgreSQL, Redis, the web server of `make run`, controller, worker); each page is opened with
an empty cache:

    .venv/bin/python -m benchmarks.console_load [--rounds 3]

Bytes are those of the network, as sent; interactive is the browser's `domInteractive`, complete its `load`,
both in milliseconds from the request.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "robotsim_project.settings")
os.environ.setdefault("ENVIRONMENT", "test")

from benchmarks import _options
from rosbag2.writing.sample import make_sample
from tests.console.browsing import Console, a_browser
from tests.console.system import ConsoleSystem, a_console

AGENTS = 20
PAGES = {
    "sign-in": "/admin/login/",
    "dashboard": "/admin/",
    "quick run": "/admin/simulations/simulation/quick-run/",
    "simulations": "/admin/simulations/simulation/",
    "simulation": "/admin/simulations/simulation/1/change/",
    "executions": "/admin/simulations/execution/",
    "execution": "/admin/simulations/execution/1/change/",
    "rosbags": "/admin/storage/rosbag/",
    "rosbag": "/admin/storage/rosbag/1/change/",
    "template": "/admin/templates/template/1/change/",
    "system under test": "/admin/simulations/mec/1/change/",
    "audit": "/admin/auditlog/logentry/",
    "health": "/admin/system/health/",
    "settings": "/admin/system/settings/",
}
MEASURED = """() => {
  const [page] = performance.getEntriesByType("navigation");
  const parts = performance.getEntriesByType("resource");
  const bytes = [page, ...parts].reduce((sum, part) => sum + part.transferSize, 0);
  return [bytes, 1 + parts.length, page.domInteractive, page.loadEventEnd];
}"""


def seed(system: ConsoleSystem) -> None:
    """Fill the database with rows of every kind."""
    system.call("rows.fill", str(system.world.folder / "bags"))


def load(console: Console, path: str, rounds: int) -> list[float]:
    """Open a page with an empty cache; return the medians of bytes, requests and both times."""
    measured = []
    for _round in range(rounds):
        page = console.signed_in(None if "login" in path else "admin")
        page.goto(path, wait_until="load")
        measured.append(page.evaluate(MEASURED))
        page.context.close()
    return [statistics.median(values) for values in zip(*measured, strict=True)]


def fleet(console: Console, folder: Path) -> tuple[float, float]:
    """Take the way from the dashboard to running agents.

    Returns:
        Seconds from the first click until the execution's page is open, and until all agents run.
    """
    bag = folder / "drive"
    make_sample(bag, seconds=60)
    page = console.signed_in("operator")
    page.goto("/admin/")
    start = time.perf_counter()
    page.get_by_role("link", name="Quick run").first.click()
    page.wait_for_load_state("load")  # earlier, files are chosen that no script sends
    page.set_input_files("#quick-run-folder", bag)
    page.locator("#quick-run").get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url("**/admin/simulations/execution/*/change/")
    opened = time.perf_counter() - start
    while console.system.call("runs.running_agents") < AGENTS:
        time.sleep(0.1)
    return opened, time.perf_counter() - start


def options_of() -> Any:
    """Parse the options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    return _options.parse(parser, rounds=1)


def main() -> int:
    """Measure and print."""
    options = options_of()
    pages = dict(list(PAGES.items())[:3]) if options.tiny else PAGES
    with a_console("web", prepare=seed) as system, a_browser(system) as console:
        print(f"{'page':20}{'KiB':>8}{'requests':>10}{'interactive ms':>16}{'complete ms':>13}")
        for name, path in pages.items():
            size, requests, interactive, complete = load(console, path, options.rounds)
            times = f"{interactive:16.0f}{complete:13.0f}"
            print(f"{name:20}{size / 1024:8.0f}{requests:10.0f}{times}")
    with (
        tempfile.TemporaryDirectory() as folder,
        a_console("web", "controller", "worker") as system,
        a_browser(system) as console,
    ):
        opened, running = fleet(console, Path(folder))
        print(f"from the dashboard to the execution's page: {opened:.1f} s")
        print(f"to {AGENTS} running agents: {running:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
