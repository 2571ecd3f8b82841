"""Logs and traces of background tasks: each line names the task and its object."""

import sys
from typing import Any

import structlog
from django.dispatch import receiver
from django_tasks import TaskResult
from django_tasks.signals import task_finished, task_started

from common import tracing

SUBJECTS = {"verify_rosbag": "rosbag", "abandon_upload": "rosbag", "delete": "deletion"}
"""Kind of object whose id is the first argument, by task; arguments of other tasks may be personal."""
_BOUND = ("task", "task_id", "rosbag", "deletion")
_spans: dict[str, Any] = {}
"""Spans of the tasks that run in this process, by task id."""


@receiver(task_started, dispatch_uid="robotsim_project.telemetry.task_log.begin")
def begin(task_result: TaskResult[Any], **_kwargs: Any) -> None:
    """Bind the task to all log lines until it ends."""
    function = task_result.task.module_path.rpartition(".")[2]
    bound = {"task": function, "task_id": str(task_result.id)}
    if function in SUBJECTS and task_result.args:
        bound[SUBJECTS[function]] = task_result.args[0]
    structlog.contextvars.bind_contextvars(**bound)
    span = _spans[str(task_result.id)] = tracing.span(f"task {function}", **bound)
    span.__enter__()


@receiver(task_finished, dispatch_uid="robotsim_project.telemetry.task_log.end")
def end(task_result: TaskResult[Any], **_kwargs: Any) -> None:
    """End the span and unbind the task."""
    span = _spans.pop(str(task_result.id), None)
    if span is not None:
        span.__exit__(*sys.exc_info())  # the task's exception, if it failed
    structlog.contextvars.unbind_contextvars(*_BOUND)
