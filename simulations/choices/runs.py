"""Statuses of executions and their parts, and kinds of events."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class RunStatus(TextChoices):
    """Status of an execution or a stage run."""

    PENDING = "PENDING", _("pending")
    PREPARING = "PREPARING", _("preparing")
    RUNNING = "RUNNING", _("running")
    STOPPING = "STOPPING", _("stopping")
    FINALIZING = "FINALIZING", _("finalizing")
    COMPLETED = "COMPLETED", _("completed")
    FAILED = "FAILED", _("failed")
    STOPPED = "STOPPED", _("stopped")
    SKIPPED = "SKIPPED", _("skipped")


ENDED = frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.STOPPED, RunStatus.SKIPPED})

ACTIVE = frozenset(RunStatus) - ENDED

STOPPABLE = frozenset({RunStatus.PENDING, RunStatus.PREPARING, RunStatus.RUNNING})

PLAYING = frozenset({RunStatus.PREPARING, RunStatus.RUNNING})
"""Statuses of stage runs whose units may be alive."""


class AgentStatus(TextChoices):
    """Status of one attempt of one agent; `AgentState` of the protocol has the same values."""

    PENDING = "PENDING", _("pending")
    STARTING = "STARTING", _("starting")
    READY = "READY", _("ready")
    RUNNING = "RUNNING", _("running")
    UPLOADING = "UPLOADING", _("uploading")
    COMPLETED = "COMPLETED", _("completed")
    FAILED = "FAILED", _("failed")
    STOPPED = "STOPPED", _("stopped")
    LOST = "LOST", pgettext_lazy("agent or recording", "lost")


AGENT_ENDED = frozenset(
    {AgentStatus.COMPLETED, AgentStatus.FAILED, AgentStatus.STOPPED, AgentStatus.LOST}
)


class DataStatus(TextChoices):
    """Completeness of an execution's recordings in storage."""

    PENDING = "PENDING", _("pending")
    COMPLETE = "COMPLETE", _("complete")
    INCOMPLETE = "INCOMPLETE", _("incomplete")
    NOT_EXPECTED = "NOT_EXPECTED", _("not expected")


class RecordingStatus(TextChoices):
    """Status of one expected recording."""

    EXPECTED = "EXPECTED", _("expected")
    UPLOADING = "UPLOADING", _("uploading")
    VERIFYING = "VERIFYING", _("verifying")
    STORED = "STORED", _("stored")
    PARTIAL = "PARTIAL", _("stored in part")
    EMPTY = "EMPTY", _("no messages received")
    LOST = "LOST", pgettext_lazy("agent or recording", "lost")


class LossReason(TextChoices):
    """Reason why a span of time is missing in a recording."""

    UNIT_ENDED = "UNIT_ENDED", _("its unit ended before it was stored")
    NOT_STORED = "NOT_STORED", _("a segment could not be stored")


RECORDING_GROWING = frozenset({RecordingStatus.EXPECTED, RecordingStatus.UPLOADING})

RECORDING_OPEN = RECORDING_GROWING | {RecordingStatus.VERIFYING}


class Stopper(TextChoices):
    """Stoppers of executions, other than users."""

    INTERRUPT = "interrupt", _("Ctrl-C in the terminal")
    LAUNCHER = "launcher", _("the end of the launcher")
    DEMO = "demo", _("the end of the demo")
    RESTORE = "restore", _("the restore of a backup")
    PROGRAM = "program", _("a program on the server")


class EventKind(TextChoices):
    """Kinds of events in the timeline of an execution."""

    EXECUTION_REQUESTED = "execution.requested", _("execution requested")
    TOPICS_LEFT_OUT = "topics.left_out", _("topics left out")
    EXECUTION_STATUS = "execution.status", _("execution status changed")
    EXECUTION_HEARTBEATS = "execution.heartbeats", _("heartbeats counted")
    STAGE_STATUS = "stage.status", _("stage status changed")
    STAGE_WAITING = "stage.waiting", _("units wait")
    UNIT_LOST = "unit.lost", _("unit lost")
    UNIT_NEVER_REGISTERED = "unit.never_came", _("unit never registered")
    UNIT_RETRIED = "unit.retried", _("unit retried")
    LINK_LOST = "link.lost", _("connection lost")
    LINK_RESTORED = "link.restored", _("connection restored")
    RECORDING_STATUS = "recording.status", _("recording status changed")


BACKEND_TEXTS = {"local": _("this machine"), "kubernetes": "Kubernetes"}


def backend_text(name: str) -> str:
    """Return the name of a backend in words."""
    return str(BACKEND_TEXTS.get(name, name))
