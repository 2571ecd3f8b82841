"""Patterns, statuses, checks and deletions of simulations."""

from datetime import datetime

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Pattern(TextChoices):
    """Order of the stages of a simulation."""

    SEQUENTIAL = "sequential", _("sequential")
    PARALLEL = "parallel", _("parallel")


class PreflightCheck(TextChoices):
    """Checks before a start."""

    DESIGN = "DESIGN", _("design")
    TRANSPORT = "TRANSPORT", _("system under test")
    ROSBAG = "ROSBAG", _("rosbag")
    MESSAGES = "MESSAGES", _("messages a second")
    CPU = "CPU", _("processor")
    MEMORY = "MEMORY", _("memory")
    DISK = "DISK", _("disk")
    UNITS = "UNITS", _("units")


class CheckStatus(TextChoices):
    """Result of a check before a start."""

    OK = "OK", _("in order")
    WARNING = "WARNING", _("warning")
    ERROR = "ERROR", _("error")
    UNKNOWN = "UNKNOWN", _("not known")


class DeletionStatus(TextChoices):
    """Status of the deletion of a simulation, and of its steps."""

    PENDING = "PENDING", _("pending")
    RUNNING = "RUNNING", _("running")
    COMPLETED = "COMPLETED", _("completed")
    FAILED = "FAILED", _("failed")


class DeletionFailure(TextChoices):
    """Reasons why a deletion failed; the label is the remedy."""

    STEP_FAILED = (
        "STEP_FAILED",
        _("A step failed; the log says why. Ask an administrator, then delete again."),
    )


OPEN_DELETION = frozenset({DeletionStatus.PENDING, DeletionStatus.RUNNING})


class DesignStatus(TextChoices):
    """Status of a simulation; whether it runs is read from its executions."""

    DRAFT = "DRAFT", _("draft")
    READY = "READY", _("ready")
    DELETING = "DELETING", _("deleting")
    DELETED = "DELETED", _("deleted")


def design_status(deleted_at: datetime | None, deleting: bool, stages: int) -> DesignStatus:  # noqa: FBT001
    """Derive the status of a simulation; `deleting`: a deletion is open, `stages`: their number."""
    if deleted_at is not None:
        return DesignStatus.DELETING if deleting else DesignStatus.DELETED
    return DesignStatus.READY if stages else DesignStatus.DRAFT
