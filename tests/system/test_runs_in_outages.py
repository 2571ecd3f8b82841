"""Outages that are longer than units may be silent: no unit is killed at their end, and nothing is lost.

A few cells of the table of `tests.system.outages`, with half the patience with silent units.
"""

from collections.abc import Iterator

import pytest

from tests.support.parts import an_installation
from tests.support.zenoh import CountingRouter
from tests.system.outages import Bench, Cell

pytestmark = [pytest.mark.main_job, pytest.mark.xdist_group("outages")]

HUNG_AFTER_SECONDS = 10


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    router = CountingRouter()
    with an_installation(HUNG_AFTER_SECONDS=str(HUNG_AFTER_SECONDS)) as installation:
        yield Bench(installation, router)
    router.close()


@pytest.mark.parametrize(
    ("part", "way", "share"),
    [("database", "gone", 1.25), ("web", "frozen", 1.1), ("all", "frozen", 1.1)],
)
def test_nothing_is_lost(bench: Bench, part: str, way: str, share: float) -> None:
    result = bench.run(Cell(part, way, share * HUNG_AFTER_SECONDS))
    assert result["lost"] == [], result
