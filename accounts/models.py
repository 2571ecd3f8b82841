"""Users, tokens of programs and idempotency keys."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import auth
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from accounts.choices import Role, Scope
from accounts.querysets import UserManager
from common.db.leases import Leased


class User(AbstractBaseUser):
    """A person or program that signs in by e-mail; the role says what it may do."""

    email = models.EmailField(_("e-mail address"), unique=True)
    name = models.CharField(_("name"), max_length=150, blank=True)
    role = models.CharField(_("role"), max_length=16, choices=Role, default=Role.VIEWER)
    is_active = models.BooleanField(
        _("active"),
        default=True,
        help_text=_("Switch this off instead of deleting an account: who did what stays known."),
    )
    date_joined = models.DateTimeField(_("date joined"), default=timezone.now, editable=False)
    generation = models.PositiveIntegerField(
        _("generation of sign-ins"),
        default=0,
        editable=False,
        help_text=_("Counted up to end all sign-ins and sessions of before."),
    )

    objects: ClassVar[UserManager] = UserManager()

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        ordering = ["email"]
        constraints = [
            models.CheckConstraint(condition=Q(role__in=Role.values), name="accounts_user_role"),
            models.CheckConstraint(
                condition=Q(email=Lower(F("email"))), name="accounts_user_email_lower"
            ),
        ]

    def __str__(self) -> str:
        return self.email

    def clean(self) -> None:
        super().clean()
        self.email = User.objects.normalize_email(self.email)

    def get_short_name(self) -> str:
        """What the console greets the user with."""
        return self.name or self.email

    @property
    def is_staff(self) -> bool:
        """Whether the console opens: for every active user, rights differ inside."""
        return self.is_active

    @property
    def is_superuser(self) -> bool:
        """Whether every right is granted: for active admins."""
        return self.is_active and self.role == Role.ADMIN

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Django's hash, over the generation too: a sign-in holds while both stay the same."""
        salt = "accounts.models.User.get_session_auth_hash"
        value = f"{self.generation}:{self.password}"
        return salted_hmac(salt, value, secret=secret, algorithm="sha256").hexdigest()

    def has_role(self, needed: Role) -> bool:
        """Whether the user is active and may do what this role may."""
        return self.is_active and Role(self.role).covers(needed)

    def has_perm(self, perm: str, obj: models.Model | None = None) -> bool:
        """Whether an authentication backend grants this right (`app.verb_model`)."""
        return any(backend.has_perm(self, perm, obj) for backend in auth.get_backends())

    def has_perms(self, perm_list: Iterable[str], obj: models.Model | None = None) -> bool:
        """Whether all these rights are granted."""
        return all(self.has_perm(perm, obj) for perm in perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        """Whether the console lists an app."""
        backends: list[Any] = auth.get_backends()  # ours has it, the base class does not
        return any(backend.has_module_perms(self, app_label) for backend in backends)


class ApiToken(models.Model):
    """A long-lived token of a program; only its hash is kept."""

    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="api_tokens", verbose_name=_("user")
    )
    name = models.CharField(_("name"), max_length=100)
    prefix = models.CharField(
        _("beginning"), max_length=16, help_text=_("By which the token is recognized.")
    )
    digest = models.CharField(_("SHA-256 of the token"), max_length=64, unique=True)
    scopes = models.JSONField[list[str]](_("scopes"), default=list)
    expires_at = models.DateTimeField(_("holds until"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    last_used_at = models.DateTimeField(_("last used"), null=True, help_text=_("To the minute."))
    revoked_at = models.DateTimeField(_("revoked"), null=True)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def granted(self) -> frozenset[Scope]:
        """What it may be used for; words that are no scope (any more) grant nothing."""
        return frozenset(Scope(word) for word in self.scopes if word in Scope.values)

    def holds(self) -> bool:
        """Whether it is neither revoked nor expired."""
        expired = self.expires_at is not None and self.expires_at <= timezone.now()
        return self.revoked_at is None and not expired


class IdempotencyKey(Leased):
    """One POST that carried an `Idempotency-Key`, and its answer once there is one."""

    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="idempotency_keys", verbose_name=_("user")
    )
    key = models.CharField(_("key"), max_length=200)
    route = models.CharField(_("route"), max_length=200)
    body_hash = models.CharField(_("SHA-256 of the body"), max_length=64)
    lease_until = models.DateTimeField(
        _("running until"),
        help_text=_("A request without answer by then was lost with its process; the key is free."),
    )
    status_code = models.PositiveSmallIntegerField(_("status of the answer"), null=True)
    answer = models.JSONField[Any](_("answer"), null=True)
    headers = models.JSONField[dict[str, str]](_("headers of the answer"), default=dict)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("idempotency key")
        verbose_name_plural = _("idempotency keys")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "route", "key"], name="accounts_idempotencykey_once"
            ),
        ]
        indexes = [models.Index(fields=["created_at"], name="accounts_idempotency_created")]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"
