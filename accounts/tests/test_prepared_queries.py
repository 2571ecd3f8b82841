"""Prepared queries find what the ORM finds."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import ApiToken, User
from common.db.prepared import PreparedQuery

pytestmark = pytest.mark.django_db


def test_each_key_has_its_row() -> None:
    users = [User.objects.create_user(f"{n}@example.org", name=str(n)) for n in range(3)]
    one = PreparedQuery(User.objects.values)
    for user in users:
        assert one.get(user.pk) == User.objects.values().get(pk=user.pk)
    assert one.get(users[-1].pk + 1) is None


def test_values_of_all_kinds_and_of_joined_rows_are_as_of_the_orm() -> None:
    user = User.objects.create_user("kim@example.org")
    ends = timezone.now() + timedelta(days=1)
    token = ApiToken.objects.create(user=user, digest="d", scopes=["read", "run"], expires_at=ends)
    paths = ["scopes", "expires_at", "revoked_at", "user__email", "user__is_active"]
    rows = ApiToken.objects.filter(digest="d").values(*paths)
    assert PreparedQuery(lambda: rows).get(token.pk) == rows.get()
    assert PreparedQuery(lambda: rows.filter(name="other")).get(token.pk) is None


def test_rows_of_a_key_and_rows_of_no_key() -> None:
    users = [User.objects.create_user(f"{n}@example.org") for n in range(3)]
    for user in users[:2] * 2:
        ApiToken.objects.create(user=user, digest=f"{ApiToken.objects.count()}", scopes=["read"])
    by_user = PreparedQuery(
        lambda: ApiToken.objects.order_by("-digest").values("digest"), key="user"
    )
    digests = [[row["digest"] for row in by_user.all(user.pk)] for user in users]
    assert digests == [["2", "0"], ["3", "1"], []]
    newest = PreparedQuery(
        lambda: ApiToken.objects.order_by("-digest").values("digest")[:3], key=None
    )
    assert [row["digest"] for row in newest.all()] == ["3", "2", "1"]
