"""The Django app of people and programs."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    """Users, roles and idempotency keys."""

    name = "accounts"
    verbose_name = _("accounts")
