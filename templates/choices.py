"""Choices of a template."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class UnsupportedTopics(TextChoices):
    """Answers of a start to topics whose names the transport of the mec cannot carry."""

    REFUSE = "refuse", _("refuse to start")
    LEAVE_OUT = "leave_out", _("leave them out")


class RecordScope(TextChoices):
    """The agents that share a recording."""

    UNIT = "unit", _("one for all agents of a unit")
    AGENT = "agent", _("one for each agent")


class RecordStorage(TextChoices):
    """The storage format of recordings."""

    MCAP = "mcap", "MCAP"
    SQLITE3 = "sqlite3", "SQLite 3"
