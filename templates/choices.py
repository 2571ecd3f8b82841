"""Choices of a template."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class UnsupportedTopics(TextChoices):
    """Answers of a start to topics whose names the transport of the mec cannot carry."""

    REFUSE = "refuse", _("refuse to start")
    LEAVE_OUT = "leave_out", _("leave them out")
