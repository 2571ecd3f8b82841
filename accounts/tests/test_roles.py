"""Viewers read, operators write, views may ask for more."""

import pytest
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from accounts.choices import Role
from accounts.models import User


class Plain(APIView):
    def get(self, request: Request) -> Response:
        return Response("read")

    def post(self, request: Request) -> Response:
        return Response("written")


class AdminsWrite(Plain):
    write_role = Role.ADMIN


class AdminsOnly(Plain):
    required_role = Role.ADMIN


def call(view: type[APIView], method: str, user: User | None) -> int:
    request = getattr(APIRequestFactory(), method)("/", {})
    if user is not None:
        force_authenticate(request, user)
    return int(view.as_view()(request).status_code)


@pytest.mark.parametrize(
    ("view", "method", "allowed"),
    [
        (Plain, "get", {Role.VIEWER, Role.OPERATOR, Role.ADMIN}),
        (Plain, "post", {Role.OPERATOR, Role.ADMIN}),
        (AdminsWrite, "get", {Role.VIEWER, Role.OPERATOR, Role.ADMIN}),
        (AdminsWrite, "post", {Role.ADMIN}),
        (AdminsOnly, "get", {Role.ADMIN}),
        (AdminsOnly, "post", {Role.ADMIN}),
    ],
)
def test_each_role_may_do_its_part(
    people: dict[Role, User], view: type[APIView], method: str, allowed: set[Role]
) -> None:
    found = {role: call(view, method, user) for role, user in people.items()}
    assert found == {role: 200 if role in allowed else 403 for role in Role}


@pytest.mark.parametrize("view", [Plain, AdminsWrite, AdminsOnly])
def test_a_stranger_is_asked_who_he_is(db: None, view: type[APIView]) -> None:
    assert call(view, "get", None) == 401
    assert call(view, "post", None) == 401
