"""Accounts and their addresses, which ignore case."""

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, transaction

from accounts.choices import Role
from accounts.models import User

pytestmark = pytest.mark.django_db


def test_addresses_are_stored_in_lower_case() -> None:
    user = User.objects.create_user(" Kim@Example.ORG ", "pw")
    assert user.email == "kim@example.org"
    assert user.role == Role.VIEWER
    assert User.objects.get_by_natural_key("KIM@example.org") == user


def test_database_refuses_upper_case() -> None:
    User.objects.create_user("kim@example.org")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(email="Kim@example.org")


def test_validation_finds_the_other_account() -> None:
    User.objects.create_user("kim@example.org")
    twin = User(email="KIM@example.org", password="x")  # noqa: S106
    with pytest.raises(ValidationError, match="already exists"):
        twin.full_clean()


def test_an_unknown_role_is_refused_by_the_database() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(email="kim@example.org", role="king")


def test_an_account_needs_an_address() -> None:
    with pytest.raises(ValueError, match="e-mail"):
        User.objects.create_user("  ")


def test_account_without_password_has_no_usable_one() -> None:
    assert not User.objects.create_user("kim@example.org").has_usable_password()


def test_createsuperuser_creates_an_admin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "something long")
    call_command("createsuperuser", email="Root@example.org", interactive=False, verbosity=0)
    user = User.objects.get(email="root@example.org")
    assert (user.role, user.is_superuser, user.is_staff) == (Role.ADMIN, True, True)
