"""Users, API tokens, revoked sign-ins and idempotency keys."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import auth
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from accounts.choices import Role, Scope
from accounts.querysets import UserManager
from common.db.leases import Leased


class User(AbstractBaseUser):
    """A user, who signs in by e-mail; the role decides the permissions."""

    email = models.EmailField(_("e-mail address"), unique=True)
    name = models.CharField(_("name"), max_length=150, blank=True)
    role = models.CharField(_("role"), max_length=16, choices=Role, default=Role.VIEWER)
    is_active = models.BooleanField(
        _("active"),
        default=True,
        help_text=_(
            "Deactivate an account instead of deleting it, so that its history stays complete."
        ),
    )
    date_joined = models.DateTimeField(_("date joined"), default=timezone.now, editable=False)
    generation = models.PositiveIntegerField(
        _("generation of sign-ins"),
        default=0,
        editable=False,
        help_text=_("Incremented to end all earlier sign-ins and sessions."),
    )
    preferences = models.JSONField[dict[str, Any]](
        _("preferences"),
        default=dict,
        db_default=Value({}, models.JSONField()),
        blank=True,
        editable=False,
        help_text=_("Language, time zone, theme, and the columns and filters of lists."),
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
        """Return the name that the console greets the user with."""
        return self.name or self.email

    @property
    def is_staff(self) -> bool:
        """True for every active user: all may open the console, permissions differ inside."""
        return self.is_active

    @property
    def is_superuser(self) -> bool:
        """True for active admins, who have all permissions."""
        return self.is_active and self.role == Role.ADMIN

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Return Django's hash, which here covers `generation`: a change of either ends all sign-ins."""
        salt = "accounts.models.User.get_session_auth_hash"
        value = f"{self.generation}:{self.password}"
        return salted_hmac(salt, value, secret=secret, algorithm="sha256").hexdigest()

    def has_role(self, role: Role) -> bool:
        """Tell whether the user is active and has all permissions of this role."""
        return self.is_active and Role(self.role).includes(role)

    def has_perm(self, perm: str, obj: models.Model | None = None) -> bool:
        """Tell whether an authentication backend grants this permission (`app.verb_model`)."""
        return any(backend.has_perm(self, perm, obj) for backend in auth.get_backends())

    def has_perms(self, perm_list: Iterable[str], obj: models.Model | None = None) -> bool:
        """Tell whether all these permissions are granted."""
        return all(self.has_perm(perm, obj) for perm in perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        """Tell whether the console lists an app."""
        backends: list[Any] = auth.get_backends()  # the type of the base class lacks it
        return any(backend.has_module_perms(self, app_label) for backend in backends)


class ApiToken(models.Model):
    """A long-lived token of a program; only its hash is stored."""

    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="api_tokens", verbose_name=_("user")
    )
    name = models.CharField(_("name"), max_length=100)
    prefix = models.CharField(
        _("prefix"), max_length=16, help_text=_("The beginning of the token, to recognize it.")
    )
    digest = models.CharField(_("SHA-256 of the token"), max_length=64, unique=True)
    scopes = models.JSONField[list[str]](_("scopes"), default=list)
    expires_at = models.DateTimeField(_("valid until"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    last_used_at = models.DateTimeField(_("last used"), null=True, help_text=_("To the minute."))
    revoked_at = models.DateTimeField(_("revoked"), null=True)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def granted_scopes(self) -> frozenset[Scope]:
        """Return the scopes, without those that no longer exist."""
        return frozenset(Scope(name) for name in self.scopes if name in Scope.values)

    def is_valid(self) -> bool:
        """Tell whether the token is neither revoked nor expired."""
        expired = self.expires_at is not None and self.expires_at <= timezone.now()
        return self.revoked_at is None and not expired


class RevokedSignIn(models.Model):
    """A sign-in that has ended; its access tokens are refused until they have expired."""

    name = models.CharField(_("name"), max_length=64, primary_key=True)
    revoked_at = models.DateTimeField(_("revoked"), default=timezone.now)

    class Meta:
        verbose_name = _("revoked sign-in")
        verbose_name_plural = _("revoked sign-ins")
        ordering = ["-revoked_at"]

    def __str__(self) -> str:
        return self.name


class IdempotencyKey(Leased):
    """A POST with an `Idempotency-Key`, and its response."""

    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="idempotency_keys", verbose_name=_("user")
    )
    key = models.CharField(_("key"), max_length=200)
    route = models.CharField(_("route"), max_length=200)
    body_hash = models.CharField(_("SHA-256 of the body"), max_length=64)
    # Of the version before, as are rows without a response: there a server claimed the row beforehand.
    lease_until = models.DateTimeField(
        _("running until"),
        help_text=_(
            "Without a response by then the request was lost with its process, and the key is free."
        ),
    )
    status_code = models.PositiveSmallIntegerField(_("response status"), null=True)
    answer = models.JSONField[Any](_("response"), null=True)
    headers = models.JSONField[dict[str, str]](_("response headers"), default=dict)
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
