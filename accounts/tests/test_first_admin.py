"""The first admin: created once, with a password that is shown once."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from accounts.choices import Role
from accounts.models import User
from accounts.services.users import ensure_first_admin

pytestmark = pytest.mark.django_db


def test_first_admin_gets_a_password() -> None:
    user, password = ensure_first_admin("Admin@Example.org")
    assert user.email == "admin@example.org"
    assert user.is_superuser
    assert password is not None
    assert user.check_password(password)


def test_a_second_call_changes_nothing() -> None:
    first, password = ensure_first_admin("admin@example.org")
    again, none = ensure_first_admin("other@example.org")
    assert (again, none) == (first, None)
    assert again.check_password(password or "")
    assert User.objects.count() == 1


def test_inactive_account_becomes_an_active_admin() -> None:
    old = User.objects.create_user(
        "admin@example.org", "forgotten", role=Role.VIEWER, is_active=False
    )
    user, password = ensure_first_admin("admin@example.org")
    assert user.pk == old.pk
    assert user.is_superuser
    assert user.check_password(password or "")


def test_the_command_answers_in_json() -> None:
    out = io.StringIO()
    call_command("ensure_admin", "admin@example.org", "--json", stdout=out)
    answer = json.loads(out.getvalue())
    assert User.objects.get(email=answer["email"]).check_password(answer["password"])
    out = io.StringIO()
    call_command("ensure_admin", "admin@example.org", "--json", stdout=out)
    assert json.loads(out.getvalue()) == {"email": "admin@example.org", "password": None}


def test_command_refuses_an_invalid_address() -> None:
    with pytest.raises(CommandError, match="is not an e-mail address"):
        call_command("ensure_admin", "admin")
