"""Creating, changing and deleting accounts; also used by the console."""

import secrets
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import models, transaction

from accounts.choices import Role
from accounts.exceptions import (
    EmailTakenError,
    LastAdminError,
    RoleNotGrantedError,
    SignUpDisabledError,
    UserInUseError,
)
from accounts.models import User
from accounts.services import sessions
from common.db.violations import refusing_duplicates
from common.exceptions import NotFoundError

PASSWORD_BYTES = 12


def search(text: str, limit: int) -> list[User]:
    """Accounts by part of their address or name."""
    condition = models.Q(email__icontains=text) | models.Q(name__icontains=text)
    return list(User.objects.filter(condition).order_by("email")[:limit])


def new_own_account(email: str, password: str, *, name: str = "") -> User:
    """Make the row of one's own account, with the role of the settings; `insert` stores it.

    Raises:
        SignUpDisabledError: self sign-up is disabled.
        RoleNotGrantedError: the role is admin.
        EmailTakenError: another account has this address.
        ValidationError: the password is too weak.
    """
    if not settings.SIGN_UP:
        raise SignUpDisabledError
    granted = Role(settings.SIGN_UP_ROLE)
    if granted == Role.ADMIN:
        raise RoleNotGrantedError
    return new_account(email=email, password=password, name=name, role=granted)


def new_account(*, email: str, password: str | None = None, **fields: Any) -> User:
    """Make the row of an account; `insert` stores it. It takes long, as a password is hashed slowly.

    Without a password its owner sets one by a password reset.

    Raises:
        EmailTakenError: another account has this address.
        ValidationError: the password is too weak.
    """
    user = User(email=User.objects.normalize_email(email), **fields)
    if password is not None:
        check_strength(password, user)
    # Saves the slow hash; the unique constraint decides.
    if User.objects.filter(email=user.email).exists():
        raise EmailTakenError
    user.set_password(password)
    return user


def find(email: str) -> User | None:
    """Find the account of an e-mail address."""
    return User.objects.filter(email=User.objects.normalize_email(email)).first()


def insert(user: User) -> User:
    """Store a new account. Raises EmailTakenError."""
    with _unique_email():
        user.save(force_insert=True)
    return user


def change(user: User, values: Mapping[str, Any]) -> User:
    """Change an account: `email`, `name`, `role`, `is_active`, `password`.

    A new password and deactivation end all sign-ins. Other changes apply from the next request on.

    Raises:
        LastAdminError: no active admin would be left.
        EmailTakenError: another account has this address.
        ValidationError: the password is too weak.
    """
    password = values.get("password")
    if password is not None:
        check_strength(password, user)
    with _unique_email():
        row = _lock(user)
        for name in {"email", "name", "role", "is_active"} & set(values):
            setattr(row, name, values[name])
        row.email = User.objects.normalize_email(row.email)
        _require_other_admin(row)
        ends_sign_ins = password is not None or not row.is_active
        row.generation += int(ends_sign_ins)
        if password is not None:
            row.set_password(password)
        row.save()
    if ends_sign_ins:
        sessions.delete_ended(row.pk)
    user.refresh_from_db()
    return user


def delete(user: User) -> None:
    """Delete an account that nothing refers to; others are deactivated instead.

    Raises:
        LastAdminError: no active admin would be left.
        UserInUseError: it has created or changed something.
    """
    with transaction.atomic():
        row = _lock(user)
        check_deletion(row)
        row.delete()
    sessions.delete_ended(user.pk)


def check_change(user: User, values: Mapping[str, Any]) -> None:
    """Check whether `change` would remove the last admin. Raises LastAdminError."""
    _require_other_admin(
        User(
            pk=user.pk,
            role=values.get("role", user.role),
            is_active=values.get("is_active", user.is_active),
        )
    )


def check_deletion(user: User) -> None:
    """Check whether `delete` would be refused. Raises LastAdminError, UserInUseError."""
    _require_other_admin(User(pk=user.pk, is_active=False))
    if _is_referenced(user):
        raise UserInUseError


def check_strength(password: str, user: User) -> None:
    """Refuse a weak password. Raises ValidationError for the field `password`."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise ValidationError({"password": error.error_list}) from error


def ensure_first_admin(email: str) -> tuple[User, str | None]:
    """Make sure that an active admin exists.

    Without one the account of this address is created, or made an active admin, with a new password.

    Returns:
        The oldest active admin, and the new password (None: nothing was changed).
    """
    with transaction.atomic():
        admin = User.objects.admins().first()
        if admin is not None:
            return admin, None
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        address = User.objects.normalize_email(email)
        user = User.objects.filter(email=address).first() or User(email=address)
        user.role = Role.ADMIN
        user.is_active = True
        user.set_password(password)
        user.save()
    return user, password


def _unique_email() -> AbstractContextManager[None]:
    return refusing_duplicates(User, "email", EmailTakenError)


def _lock(user: User) -> User:
    """Lock this row and all active admins, in one order, so that two admins cannot resign at once.

    "One admin remains" spans rows, so no constraint or compare-and-set can enforce it. SQLite has no row
    locks and needs none: its writing transactions are serial.
    """
    condition = models.Q(pk=user.pk) | models.Q(role=Role.ADMIN, is_active=True)
    rows = User.objects.select_for_update().filter(condition).order_by("pk")
    for row in list(rows):
        if row.pk == user.pk:
            return row
    raise NotFoundError  # deleted meanwhile


def _require_other_admin(changed: User) -> None:
    if changed.is_superuser or not User.objects.admins().filter(pk=changed.pk).exists():
        return
    if not User.objects.admins().exclude(pk=changed.pk).exists():
        raise LastAdminError


def _is_referenced(user: User) -> bool:
    """Tell whether other apps refer to this user; the audit does not count, as it keeps the address."""
    relations = [
        field
        for field in User._meta.get_fields(include_hidden=True)  # noqa: SLF001  Django's own name for it
        if isinstance(field, models.ManyToOneRel)
        and field.related_model._meta.app_label not in {"accounts", "auditlog"}  # noqa: SLF001
    ]
    return any(
        field.related_model._base_manager.filter(**{field.field.name: user}).exists()  # noqa: SLF001
        for field in relations
    )
