"""Roles, scopes and audit actions."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """Roles of users; each includes the permissions of those after it."""

    ADMIN = "admin", _("admin")
    OPERATOR = "operator", _("operator")
    VIEWER = "viewer", _("viewer")

    def includes(self, other: "Role") -> bool:
        """Tell whether this role has all permissions of another."""
        order = list(Role)
        return order.index(self) <= order.index(other)


ROLE_RIGHTS = {
    Role.ADMIN: _(
        "All that operators may, and people, systems under test, audit, permanent deletion."
    ),
    Role.OPERATOR: _(
        "Uploads rosbags, designs templates and simulations, starts and stops executions."
    ),
    Role.VIEWER: _("Sees everything but people and the audit, and changes nothing."),
}
"""Rights of each role in words."""


class Scope(models.TextChoices):
    """Scopes of API tokens; a token never allows more than its owner's role."""

    READ = "read", _("read everything")
    UPLOAD = "upload", _("upload, change and delete rosbags")
    DESIGN = "design", _("create and change templates and simulations")
    RUN = "run", _("start and stop executions")
    ADMIN = "admin", _("everything that only admins may do")


class Theme(models.TextChoices):
    """Themes of the console."""

    LIGHT = "light", _("light")
    DARK = "dark", _("dark")


class AuditAction(models.TextChoices):
    """Audited actions: the four of django-auditlog, and ours."""

    CREATE = "create", _("created")
    UPDATE = "update", _("changed")
    DELETE = "delete", _("deleted")
    ACCESS = "access", _("viewed")
    START = "start", _("started")
    START_AGAIN = "start_again", _("started again")
    STOP = "stop", _("stopped")
    TEST = "test", _("tested")
    SIGN_OUT = "sign_out", _("signed out on all devices")
    UNLOCK = "unlock", _("unlocked")


ACTION_NUMBERS = {
    AuditAction.CREATE: 0,
    AuditAction.UPDATE: 1,
    AuditAction.DELETE: 2,
    AuditAction.ACCESS: 3,
    AuditAction.START: 100,
    AuditAction.START_AGAIN: 101,
    AuditAction.STOP: 102,
    AuditAction.TEST: 103,
    AuditAction.SIGN_OUT: 104,
    AuditAction.UNLOCK: 105,
}
"""Stored values of actions; the library's are the first four, and it may add some after them."""
