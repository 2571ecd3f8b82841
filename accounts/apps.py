"""The Django app of users and API tokens."""

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import pre_save
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    """Users, roles, API tokens and idempotency keys."""

    name = "accounts"
    verbose_name = _("accounts")

    def ready(self) -> None:
        """Connect receivers of signals, and register the OpenAPI extension of our authentication."""
        from auditlog.models import LogEntry  # noqa: PLC0415  models are loaded only now

        from accounts.api import authentication  # noqa: F401, PLC0415
        from accounts.middleware import begin_use  # noqa: PLC0415
        from accounts.services.audit import name_actor  # noqa: PLC0415

        user_logged_in.connect(begin_use, dispatch_uid="accounts.begin_use")
        pre_save.connect(name_actor, sender=LogEntry, dispatch_uid="accounts.name_actor")
