"""The words of this app."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What a person may do; each role may do all that the ones after it may."""

    ADMIN = "admin", _("admin")
    OPERATOR = "operator", _("operator")
    VIEWER = "viewer", _("viewer")

    def covers(self, needed: "Role") -> bool:
        """Whether someone of this role may do what the needed role may."""
        order = list(Role)
        return order.index(self) <= order.index(needed)


class Scope(models.TextChoices):
    """What the token of a program may be used for; it never allows more than its owner's role."""

    READ = "read", _("read everything")
    UPLOAD = "upload", _("bring, change and delete rosbags")
    DESIGN = "design", _("make and change templates and simulations")
    RUN = "run", _("start and stop executions")
    ADMIN = "admin", _("whatever only admins may do")


class AuditAction(models.TextChoices):
    """What was done to a row, in the order of django-auditlog's numbers."""

    CREATE = "create", _("made")
    UPDATE = "update", _("changed")
    DELETE = "delete", _("deleted")
    ACCESS = "access", _("looked at")
