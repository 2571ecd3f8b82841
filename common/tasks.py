"""Background tasks by dotted name, so that services enqueue them without importing them."""

from functools import partial
from typing import Any

from django.db import transaction
from django.utils.module_loading import import_string


def enqueue_on_commit(task: str, *args: Any) -> None:
    """Enqueue a task, such as `storage.tasks.verify_rosbag`, once the current transaction is committed."""
    transaction.on_commit(partial(enqueue, task, *args))


def enqueue(task: str, *args: Any) -> None:
    """Enqueue a task now."""
    import_string(task).enqueue(*args)
