"""One row by its key is what the ORM finds."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import ApiToken, User
from accounts.querysets import OneRow

pytestmark = pytest.mark.django_db


def test_each_key_has_its_row() -> None:
    users = [User.objects.create_user(f"{n}@example.org", name=str(n)) for n in range(3)]
    one = OneRow(User.objects.values)
    for user in users:
        assert one.get(user.pk) == User.objects.values().get(pk=user.pk)
    assert one.get(users[-1].pk + 1) is None


def test_values_of_all_kinds_and_of_joined_rows_are_as_of_the_orm() -> None:
    user = User.objects.create_user("kim@example.org")
    ends = timezone.now() + timedelta(days=1)
    token = ApiToken.objects.create(user=user, digest="d", scopes=["read", "run"], expires_at=ends)
    paths = ["scopes", "expires_at", "revoked_at", "user__email", "user__is_active"]
    rows = ApiToken.objects.filter(digest="d").values(*paths)
    assert OneRow(lambda: rows).get(token.pk) == rows.get()
    assert OneRow(lambda: rows.filter(name="other")).get(token.pk) is None
