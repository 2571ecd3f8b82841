"""Lists come newest first, by cursor, in pages of 1 to 500."""

import pytest
from rest_framework import generics, serializers
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory

from accounts.models import User

pytestmark = pytest.mark.django_db


class Row(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ["id", "email"]


class Users(generics.ListAPIView[User]):
    permission_classes = [AllowAny]
    serializer_class = Row
    queryset = User.objects.all()
    ordering_fields = ["email"]


def listing(query: str) -> Response:
    response = Users.as_view()(APIRequestFactory().get(f"/users{query}"))
    response.render()
    return response


@pytest.fixture
def users() -> list[int]:
    return [User.objects.create_user(f"user{7 - index}@example.org").pk for index in range(5)]


def test_all_rows_come_once_newest_first(users: list[int]) -> None:
    found: list[int] = []
    page = listing("?page_size=2").data
    while True:
        found += [row["id"] for row in page["results"]]
        if page["next"] is None:
            break
        page = listing("?" + page["next"].split("?", 1)[1]).data
    assert found == users[::-1]


def test_another_order_can_be_asked_for(users: list[int]) -> None:
    found = [row["id"] for row in listing("?ordering=email").data["results"]]
    assert found == users[::-1]
    found = [row["id"] for row in listing("?ordering=-email").data["results"]]
    assert found == users


@pytest.mark.parametrize("size", ["0", "501", "-1", "ten", "", "1e3", "9" * 30])
def test_a_page_size_out_of_bounds_is_refused(size: str) -> None:
    answer = listing(f"?page_size={size}")
    assert answer.status_code == 400
    assert answer.data["code"] == "INVALID"
    assert "1 to 500" in answer.data["detail"]


def test_a_cursor_that_is_none_is_refused() -> None:
    assert listing("?cursor=nonsense").data["code"] == "NOT_FOUND"


def test_the_list_is_not_counted(
    users: list[int], django_assert_num_queries: pytest.FixtureRequest
) -> None:
    with django_assert_num_queries(1):
        listing("?page_size=2")


def test_many_rows_that_are_alike_come_once_each() -> None:
    """More of them than the framework would tell apart by itself."""
    User.objects.bulk_create(User(email=f"user{n}@example.org", name="same") for n in range(1205))
    found: list[int] = []
    view = Users.as_view(ordering_fields=["name"])
    address = "/users?ordering=name&page_size=200"
    for _page in range(7):
        response = view(APIRequestFactory().get(address))
        found += [row["id"] for row in response.data["results"]]
        address = response.data["next"]
    assert address is None
    assert len(found) == len(set(found)) == 1205
