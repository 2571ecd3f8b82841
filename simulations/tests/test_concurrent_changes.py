"""Doors that are used at the same moment: deleting and restoring, clones, changes of the order."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from django.db import connection, connections, transaction

from simulations.exceptions import DeletionOpenError
from simulations.models import Deletion, Simulation
from simulations.services.designs import simulations as designs
from simulations.services.maintenance import deletion

pytestmark = pytest.mark.django_db(transaction=True)
Design = Callable[..., Simulation]


def closing(do: Callable[..., Any], *words: Any) -> Any:
    """What a thread does, which gives its connection back."""
    try:
        return do(*words)
    finally:
        connections.close_all()


def test_concurrent_clones_get_distinct_names(design: Design) -> None:
    original = design()
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(closing, designs.clone, original) for _ in range(4)]
        names = {clone.result().name for clone in asked}
    assert names == {f"drive ({number})" for number in range(2, 6)}


def test_restore_during_purge_is_refused(design: Design) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite writes one after the other")
    simulation = design()
    deletion.request(simulation)
    simulation.refresh_from_db()
    asked = Event()

    def purge() -> None:
        with transaction.atomic():
            deletion.request(simulation, permanent=True)
            asked.set()
            Event().wait(0.5)  # long enough for the other to come

    with ThreadPoolExecutor(2) as threads:
        purging = threads.submit(closing, purge)
        assert asked.wait(10)
        restoring = threads.submit(closing, deletion.restore, simulation)
        purging.result()
        with pytest.raises(DeletionOpenError):
            restoring.result()
    assert not Simulation.objects.living().exists()
    assert Deletion.objects.filter(permanent=True).count() == 1


def test_update_during_reorder_is_kept(design: Design) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite writes one after the other")
    simulation = design(1, 2)
    changed = Event()

    def change() -> None:
        with transaction.atomic():
            designs.update_simulation(simulation, description="new")
            simulation.stages.filter(position=1).update(agent_count=7)
            changed.set()
            Event().wait(0.5)

    with ThreadPoolExecutor(2) as threads:
        changing = threads.submit(closing, change)
        assert changed.wait(10)
        ordered = threads.submit(closing, designs.reorder, simulation, [2, 1])
        changing.result()
        ordered.result()
    counts = simulation.stages.order_by("position").values_list("agent_count", flat=True)
    assert list(counts) == [2, 7]
