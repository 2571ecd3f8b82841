"""Each page of the console has no error and no violation, is readable by all, and fits the screen.

`python -m tests.console.pictures` looks at each page in each mode. Here each is seen in two opposite
ones, and all modes are seen.
"""

import pytest

from tests.console.browsing import MODES, Console
from tests.console.looking import Look, places

OPPOSITES = [(MODES[0], MODES[3]), (MODES[6], MODES[5]), (MODES[1], MODES[2]), (MODES[7], MODES[4])]
"""Two of one language that differ in theme and width."""


@pytest.mark.parametrize("share", range(2 * len(OPPOSITES)))
def test_pages(console: Console, share: int) -> None:
    modes = OPPOSITES[share % len(OPPOSITES)]
    look = Look(console, modes[0].language)
    for place in places(console, share, 2 * len(OPPOSITES)):
        look.judge(place, *modes)
    assert not look.wrong, "\n".join(look.wrong)
