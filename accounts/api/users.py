"""Accounts, roles and API tokens, for admins."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import django_filters
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.idempotency import idempotent
from accounts.api.serializers import ApiTokenSerializer, RoleSerializer, UserSerializer
from accounts.choices import Role
from accounts.models import ApiToken, User
from accounts.permissions import access_table
from accounts.services import api_tokens, users
from common.rest.filters import IdFilter
from common.rest.serializers import validated


class UserFilter(django_filters.FilterSet):
    """Filters of the list of accounts."""

    class Meta:
        model = User
        fields = ["role", "is_active"]


@contextmanager
def requested_account(request: Request) -> Iterator[User]:
    """Make the account that an admin requests."""
    yield users.new_account(**validated(UserSerializer(data=request.data)))


class UserViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[User]):
    """Accounts."""

    queryset = User.objects.all()
    serializer_class = UserSerializer
    filterset_class = UserFilter
    search_fields = ["email", "name"]
    ordering_fields = ["id", "email", "name", "role", "date_joined"]
    lookup_value_regex = "[0-9]{1,18}"

    @extend_schema(responses={201: UserSerializer, 409: None})
    @idempotent(prepare=requested_account)
    def create(self, request: Request, user: User) -> Response:
        """Create an account of any role; without a password its owner sets one by a password reset."""
        users.insert(user)
        location = reverse("user-detail", args=[user.pk])
        return Response(UserSerializer(user).data, status=201, headers={"Location": location})

    @extend_schema(responses={200: UserSerializer, 409: None})
    def partial_update(self, request: Request, **_kwargs: Any) -> Response:
        """Change an account; the last active admin must stay one.

        A new password and deactivation end all sign-ins. A new role applies from the next request on.
        """
        user = self.get_object()
        values = validated(UserSerializer(user, data=request.data, partial=True))
        return Response(UserSerializer(users.change(user, values)).data)

    @extend_schema(
        responses={204: OpenApiResponse(description="The account is deleted."), 409: None}
    )
    def destroy(self, request: Request, **_kwargs: Any) -> Response:
        """Delete an account that has not created or changed anything.

        Others are refused (409): deactivate them with PATCH, so that their history stays complete.
        """
        users.delete(self.get_object())
        return Response(status=204)


class Roles(APIView):
    """The roles, from most to fewest permissions."""

    @extend_schema(operation_id="roles_list", responses={200: RoleSerializer(many=True)})
    def get(self, request: Request) -> Response:
        return Response(RoleSerializer([to_dict(role) for role in Role], many=True).data)


def to_dict(role: Role) -> dict[str, Any]:
    """Return the data of a `RoleSerializer`, from the access table."""
    grants = [
        {"address": address, "method": method, "scope": rule.scope}
        for address, methods in access_table().items()
        for method, rule in methods.items()
        if rule.role is None or role.includes(rule.role)
    ]
    return {"role": role, "title": role.label, "grants": grants}


class TokenFilter(django_filters.FilterSet):
    """Filters of the list of API tokens."""

    revoked = django_filters.BooleanFilter("revoked_at", lookup_expr="isnull", exclude=True)

    user = IdFilter("user_id", label=_("Id of the owner"))


class TokenViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[ApiToken]):
    """The API tokens of all users."""

    queryset = ApiToken.objects.select_related("user")
    serializer_class = ApiTokenSerializer
    filterset_class = TokenFilter
    search_fields = ["name", "prefix", "user__email"]
    ordering_fields = ["id", "created_at"]
    lookup_value_regex = "[0-9]{1,18}"

    @extend_schema(responses={204: OpenApiResponse(description="The token is no longer valid.")})
    def destroy(self, request: Request, **_kwargs: Any) -> Response:
        """Revoke a token immediately and permanently."""
        api_tokens.revoke(ApiToken.objects.filter(pk=self.get_object().pk))
        return Response(status=204)
