"""The few pictures of the guide and the README, on the lab of `demo`."""

from dataclasses import dataclass
from pathlib import Path

from robotsim_project.environment import BASE_DIR
from tests.console.browsing import LOCALES, Console, Theme, a_browser
from tests.console.system import ConsoleSystem, a_console

FOLDER = BASE_DIR / "docs" / "pictures"
MAX_BYTES = 200_000
QUIET_MS = 1500
"""Time for what a page fetches and draws after it was loaded."""


@dataclass(frozen=True)
class Shot:
    """One picture: where, as whom and in which theme."""

    name: str
    path: str
    """Address, or a function of `demo` that knows it."""
    theme: Theme = "light"
    width: int = 1280


SHOTS = (
    Shot("dashboard", "/admin/"),
    Shot("quick-run", "/admin/simulations/simulation/quick-run/?rosbag=1"),
    Shot("simulation", "/admin/simulations/simulation/2/change/"),
    Shot("execution", "demo.fleet"),
    Shot("failure", "demo.failure"),
    Shot("rosbag", "/admin/storage/rosbag/1/change/"),
)


def take(folder: Path = FOLDER) -> list[str]:
    """Take the pictures in each language; return those that are too large, and what went wrong."""
    folder.mkdir(parents=True, exist_ok=True)
    with a_console("web", prepare=_fill) as system, a_browser(system) as console:
        paths = [path for shot in SHOTS for path in _shoot(console, shot, folder)]
        large = [
            f"{path}: more than {MAX_BYTES} bytes" for path in paths if _size(path) > MAX_BYTES
        ]
        return large + console.problems


def _fill(system: ConsoleSystem) -> None:
    system.call("demo.fill", str(system.world.folder / "bags"))


def _shoot(console: Console, shot: Shot, folder: Path) -> list[Path]:
    path = shot.path if shot.path.startswith("/") else console.system.call(shot.path)
    files = []
    for language in LOCALES:
        console.system.call("demo.pass_by")
        page = console.signed_in("operator", language=language, theme=shot.theme, width=shot.width)
        page.goto(path)
        page.wait_for_timeout(QUIET_MS)
        files.append(folder / f"{shot.name}{'' if language == 'en' else f'.{language}'}.png")
        page.screenshot(path=files[-1], animations="disabled")
        page.context.close()
    return files


def _size(path: Path) -> int:
    return path.stat().st_size
