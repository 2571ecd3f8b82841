"""Look at every page of the console in every mode: a picture of each, and a list of what is wrong.

.venv/bin/python -m tests.console.pictures --only execution --modes ko-dark-390 en-light-1440
"""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "robotsim_project.settings")
os.environ.setdefault("ENVIRONMENT", "test")

from tests.console import guide
from tests.console.browsing import LOCALES, MODES, Console, a_browser
from tests.console.looking import Look, picture, places
from tests.console.system import ConsoleSystem, a_console

FOLDER = Path(__file__).parent / "pictures"
"""Ignored by git."""


def seed(system: ConsoleSystem) -> None:
    system.call("rows.fill", str(system.world.folder / "bags"))


def walk(console: Console, options: argparse.Namespace) -> list[str]:
    """Take pictures of the pages; return what is wrong."""
    wrong: list[str] = []
    chosen = places(console, only=options.only)
    for language in LOCALES:
        modes = [mode for mode in MODES if mode.language == language and str(mode) in options.modes]
        look = Look(console, language)
        for place in chosen if modes else []:
            for page, mode in look.at(place, *modes):
                page.wait_for_timeout(QUIET_MS)
                picture(page, place, mode, options.folder)
                if options.judge:
                    look.examine(page, place, mode)
        wrong += look.wrong
    return wrong + console.problems


QUIET_MS = 250
"""Time for what a page fetches after it was loaded; streams never end, so there is no quiet network."""


def main(words: list[str]) -> int:
    """Take the pictures.

    Returns:
        Exit code: 1 when something is wrong.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", default="", help="pattern of the names of pages")
    parser.add_argument("--modes", nargs="*", default=[str(mode) for mode in MODES])
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--no-judge", dest="judge", action="store_false", help="pictures only")
    parser.add_argument("--guide", action="store_true", help="those of docs/pictures instead")
    options = parser.parse_args(words)
    if options.guide:
        wrong = guide.take()
        sys.stdout.write("".join(f"{line}\n" for line in wrong))
        return 1 if wrong else 0
    with a_console("web", prepare=seed) as system, a_browser(system) as console:
        wrong = walk(console, options)
    sys.stdout.write("".join(f"{line}\n" for line in wrong))
    sys.stdout.write(f"{options.folder}: {len(wrong)} wrong\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
