"""Making, changing and removing accounts; the only door for it, also of the console."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction

from accounts.choices import Role
from accounts.exceptions import (
    EmailTakenError,
    LastAdminError,
    RoleNotGrantedError,
    SignUpOffError,
    UserInUseError,
)
from accounts.models import User
from accounts.services import sessions
from common.exceptions import NotFoundError

PASSWORD_BYTES = 12


def sign_up(email: str, password: str, *, name: str = "") -> User:
    """Make one's own account, of the role that the settings give.

    Raises:
        SignUpOffError: the settings do not allow it.
        RoleNotGrantedError: the role is admin.
        EmailTakenError: there is an account of this address.
        ValidationError: the password is too weak.
    """
    if not settings.SIGN_UP:
        raise SignUpOffError
    granted = Role(settings.SIGN_UP_ROLE)
    if granted == Role.ADMIN:
        raise RoleNotGrantedError
    return create(email=email, password=password, name=name, role=granted)


def create(*, email: str, password: str | None = None, **fields: Any) -> User:
    """Make an account; without a password its owner chooses one by a password reset.

    Raises:
        EmailTakenError: there is an account of this address.
        ValidationError: the password is too weak.
    """
    address = User.objects.normalize_email(email)
    if password is not None:
        check_strength(password, User(email=address, name=fields.get("name", "")))
    if User.objects.filter(
        email=address
    ).exists():  # before the slow hash; the index has the last word
        raise EmailTakenError
    with _taken():
        return User.objects.create_user(address, password, **fields)


def change(user: User, values: Mapping[str, Any]) -> User:
    """Change an account: `email`, `name`, `role`, `is_active`, `password`.

    A new password, and being switched off, end all sign-ins. Other changes count from the next request on.

    Raises:
        LastAdminError: no active admin would be left.
        EmailTakenError: there is an account of this address.
        ValidationError: the password is too weak.
    """
    password = values.get("password")
    if password is not None:
        check_strength(password, user)
    with _taken():
        row = _locked(user)
        for name in {"email", "name", "role", "is_active"} & set(values):
            setattr(row, name, values[name])
        row.email = User.objects.normalize_email(row.email)
        _guard(row)
        ended = password is not None or not row.is_active
        row.generation += int(ended)
        if password is not None:
            row.set_password(password)
        row.save()
    if ended:
        sessions.forget(row.pk)
    user.refresh_from_db()
    return user


def remove(user: User) -> None:
    """Delete an account that has left no trace; others are switched off instead.

    Raises:
        LastAdminError: no active admin would be left.
        UserInUseError: it has made or changed something.
    """
    with transaction.atomic():
        row = _locked(user)
        check_removal(row)
        row.delete()
    sessions.forget(user.pk)


def check_change(user: User, values: Mapping[str, Any]) -> None:
    """Say beforehand what `change` would refuse about admins. Raises LastAdminError."""
    _guard(
        User(
            pk=user.pk,
            role=values.get("role", user.role),
            is_active=values.get("is_active", user.is_active),
        )
    )


def check_removal(user: User) -> None:
    """Say beforehand what `remove` would refuse. Raises LastAdminError, UserInUseError."""
    _guard(User(pk=user.pk, is_active=False))
    if _has_left_traces(user):
        raise UserInUseError


def check_strength(password: str, user: User) -> None:
    """Refuse a weak password. Raises ValidationError, which names the field `password`."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise ValidationError({"password": error.error_list}) from error


def ensure_first_admin(email: str) -> tuple[User, str | None]:
    """Make sure that somebody can administer; with an active admin there is nothing to do.

    Else the account of this address is made, or made an active admin, with a new password.

    Returns:
        The oldest active admin, and the new password (None: nothing was changed).
    """
    with transaction.atomic():
        present = User.objects.admins().first()
        if present is not None:
            return present, None
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        address = User.objects.normalize_email(email)
        user = User.objects.filter(email=address).first() or User(email=address)
        user.role = Role.ADMIN
        user.is_active = True
        user.set_password(password)
        user.save()
    return user, password


@contextmanager
def _taken() -> Iterator[None]:
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise EmailTakenError from error


def _locked(user: User) -> User:
    """Lock all active admins and this row, in one order: two of them may not give up at once.

    The rule spans rows, so that no condition on one of them can hold it. SQLite has no row locks and needs
    none: its transactions that write come one after the other.
    """
    concerned = models.Q(pk=user.pk) | models.Q(role=Role.ADMIN, is_active=True)
    rows = User.objects.select_for_update().filter(concerned).order_by("pk")
    for row in list(rows):
        if row.pk == user.pk:
            return row
    raise NotFoundError  # it was deleted meanwhile


def _guard(changed: User) -> None:
    if changed.is_superuser or not User.objects.admins().filter(pk=changed.pk).exists():
        return
    if not User.objects.admins().exclude(pk=changed.pk).exists():
        raise LastAdminError


def _has_left_traces(user: User) -> bool:
    """Whether rows of other apps name this user; the audit keeps the address, so it does not count."""
    named = [
        field
        for field in User._meta.get_fields(include_hidden=True)  # noqa: SLF001  Django's own name for it
        if isinstance(field, models.ManyToOneRel)
        and field.related_model._meta.app_label not in {"accounts", "auditlog"}  # noqa: SLF001
    ]
    return any(
        field.related_model._base_manager.filter(**{field.field.name: user}).exists()  # noqa: SLF001
        for field in named
    )
