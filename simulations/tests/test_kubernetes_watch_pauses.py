"""Pauses of watches: an API that refuses each version is not asked for lists without end."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from simulations.backends.kubernetes.client import OPEN, Cluster
from simulations.backends.kubernetes.errors import GoneError
from simulations.backends.kubernetes.view import View
from simulations.backends.kubernetes.watching import KindWatch


class Waits(threading.Event):
    """Waits that take no time; set after six of them."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def is_set(self) -> bool:
        return len(self.seconds) >= 6

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout or 0.0)
        return False


class AlwaysTooOld(Cluster):
    """A cluster that knows no version to watch from, not even that of its newest list."""

    def __init__(self, *, opens: bool) -> None:
        self.lists = 0
        self._opens = opens

    def list_raw(self, *_where: str, **_selectors: str) -> tuple[list[Any], str]:
        self.lists += 1
        assert self.lists < 100, "in a hurry"
        return [], "1"

    def watch_raw(self, *_where: str, **_selectors: Any) -> Iterator[tuple[str, Any]]:
        if self._opens:
            yield OPEN, {}
        raise GoneError


@pytest.mark.parametrize("opens", [True, False])
def test_pauses_grow_while_each_version_is_too_old(opens: bool) -> None:
    cluster, waits = AlwaysTooOld(opens=opens), Waits()
    watch = KindWatch(cluster, "pods", "robot-agents", View().pods)
    watch._stopped = waits
    watch.run()
    assert cluster.lists == 6
    assert waits.seconds[-1] > 4 * waits.seconds[0]
