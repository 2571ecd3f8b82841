"""Verifications, exports and deletions of a tested installation; runs in the shell of its `World`."""

from pathlib import Path
from typing import Any

from simulations.models import Deletion, Simulation
from simulations.services.maintenance import deletion
from storage.models import Export, Rosbag
from storage.services.exports import exports
from storage.services.intake import imports
from tests.support.drives import wait_for
from tests.support.new_bags import write_bag

MESSAGES = 20
ROWS: dict[str, Any] = {"rosbag": Rosbag, "export": Export, "deletion": Deletion}
ENDS = {"rosbag": "ready", "export": "done", "deletion": "COMPLETED"}
FAILED = frozenset({"rejected", "failed", "FAILED", "repaired", "ready_with_warnings"})


def import_new(folder: str) -> int:
    write_bag(Path(folder), MESSAGES, 500_000)
    return imports.import_folder(Path(folder), name="imported").pk


def export(rosbag: int) -> int:
    return exports.request(Rosbag.objects.get(pk=rosbag), exports.ExportOptions("mcap")).pk


def delete_newest_simulation() -> int:
    """Delete the newest simulation permanently, with its recordings."""
    newest = Simulation.objects.filter(deleted_at=None).latest("pk")
    return deletion.request(newest, permanent=True).pk


def await_work(kind: str, pk: int) -> bool:
    """Wait until a worker holds the row; return False when it was too quick to be seen."""
    rows = ROWS[kind].objects.filter(pk=pk)
    wait_for(lambda: bool(rows.exclude(lease_until=None)) or rows.get().status == ENDS[kind])
    return bool(rows.get().status != ENDS[kind])


def await_result(kind: str, pk: int, seconds: float) -> str:
    """Wait for the end of the work; return what is wrong with it."""
    rows = ROWS[kind].objects.filter(pk=pk)
    wait_for(lambda: rows.get().status in {ENDS[kind], *FAILED}, seconds)
    row = rows.get()
    if row.status != ENDS[kind]:
        return f"{kind} {pk} is {row.status}"
    if kind == "export":
        return await_result("rosbag", row.result_id, seconds)
    if kind == "rosbag" and row.message_count != MESSAGES:
        return f"{row.message_count} messages instead of {MESSAGES}"
    return ""
