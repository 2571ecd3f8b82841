"""Prepared queries return the same rows as the ORM."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import ApiToken, User
from common.db.prepared import PreparedQuery

pytestmark = pytest.mark.django_db


def test_get_reads_the_row_of_a_key() -> None:
    users = [User.objects.create_user(f"{n}@example.org", name=str(n)) for n in range(3)]
    query = PreparedQuery(User.objects.values)
    for user in users:
        assert query.get(user.pk) == User.objects.values().get(pk=user.pk)
    assert query.get(users[-1].pk + 1) is None


def test_values_equal_those_of_the_orm() -> None:
    user = User.objects.create_user("kim@example.org")
    ends = timezone.now() + timedelta(days=1)
    token = ApiToken.objects.create(user=user, digest="d", scopes=["read", "run"], expires_at=ends)
    paths = ["scopes", "expires_at", "revoked_at", "user__email", "user__is_active"]
    rows = ApiToken.objects.filter(digest="d").values(*paths)
    assert PreparedQuery(lambda: rows).get(token.pk) == rows.get()
    assert PreparedQuery(lambda: rows.filter(name="other")).get(token.pk) is None


def test_all_reads_rows_with_and_without_a_key() -> None:
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
