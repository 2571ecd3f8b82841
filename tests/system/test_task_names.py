"""Tasks are named by dotted names, in the code and in the queue: each of them has to be there."""

import ast
from pathlib import Path

import pytest
from django.conf import settings
from django.utils.module_loading import import_string
from django_tasks.base import Task

BY_NAME = {"enqueue_on_commit", "enqueue", "register"}
STORED = {
    "accounts.tasks.send_reset",
    "simulations.tasks.delete",
    "storage.tasks.abandon_upload",
    "storage.tasks.make_export",
    "storage.tasks.verify_rosbag",
}
"""Names that may stand in queues of today: one that goes needs a version that still carries them out."""


def names_in(file: Path) -> set[str]:
    calls = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
    return {
        call.args[0].value
        for call in calls
        if getattr(call.func, "attr", getattr(call.func, "id", "")) in BY_NAME
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
        and ".tasks." in call.args[0].value
    }


def used() -> set[str]:
    rooms = [Path(settings.BASE_DIR, app) for app in ("accounts", "storage", "templates")]
    rooms += [Path(settings.BASE_DIR, app) for app in ("simulations", "robotsim_project")]
    files = [file for room in rooms for file in room.rglob("*.py") if "tests" not in file.parts]
    return {name for file in files for name in names_in(file)}


def test_the_code_names_all_tasks_and_no_others() -> None:
    assert used() == STORED


@pytest.mark.parametrize("name", sorted(STORED))
def test_each_name_leads_to_its_task(name: str) -> None:
    task = import_string(name)
    assert isinstance(task, Task)
    assert task.module_path == name
