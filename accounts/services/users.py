"""Making and finding accounts."""

import secrets

from django.contrib.auth import authenticate
from django.db import transaction

from accounts.choices import Role
from accounts.exceptions import SignInRefusedError
from accounts.models import User

PASSWORD_BYTES = 12


def sign_in(email: str, password: str) -> User:
    """Find the active user with this address and password.

    Raises:
        SignInRefusedError: there is none; which of the two is wrong is not told.
    """
    user = authenticate(username=email, password=password)
    if not isinstance(user, User):
        raise SignInRefusedError
    return user


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
