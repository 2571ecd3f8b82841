"""Accounts, roles and tokens, for admins."""

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
from accounts.api.sign_in import asked
from accounts.choices import Role
from accounts.models import ApiToken, User
from accounts.permissions import table
from accounts.services import api_tokens, users
from common.rest.filters import IdFilter


class UserFilter(django_filters.FilterSet):
    """What the list of accounts can be narrowed by."""

    class Meta:
        model = User
        fields = ["role", "is_active"]


class UserViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[User]):
    """Accounts."""

    queryset = User.objects.all()
    serializer_class = UserSerializer
    filterset_class = UserFilter
    search_fields = ["email", "name"]
    ordering_fields = ["id", "email", "name", "role", "date_joined"]
    lookup_value_regex = "[0-9]{1,18}"

    @extend_schema(responses={201: UserSerializer, 409: None})
    @idempotent
    def create(self, request: Request) -> Response:
        """Make an account, of any role; without a password its owner chooses one by a reset mail."""
        made = users.create(**asked(UserSerializer(data=request.data)))
        place = reverse("user-detail", args=[made.pk])
        return Response(UserSerializer(made).data, status=201, headers={"Location": place})

    @extend_schema(responses={200: UserSerializer, 409: None})
    def partial_update(self, request: Request, **_kwargs: Any) -> Response:
        """Change an account; the last active admin stays one.

        A new password, and being switched off, end all sign-ins. Role and activity count from the next
        request on.
        """
        user = self.get_object()
        values = asked(UserSerializer(user, data=request.data, partial=True))
        return Response(UserSerializer(users.change(user, values)).data)

    @extend_schema(responses={204: OpenApiResponse(description="It is gone."), 409: None})
    def destroy(self, request: Request, **_kwargs: Any) -> Response:
        """Delete an account that has done nothing yet.

        One that has is refused (409): switch it off with PATCH, so that who did what stays known.
        """
        users.remove(self.get_object())
        return Response(status=204)


class Roles(APIView):
    """The roles, from the one that may most."""

    @extend_schema(operation_id="roles_list", responses={200: RoleSerializer(many=True)})
    def get(self, request: Request) -> Response:
        return Response(RoleSerializer([described(role) for role in Role], many=True).data)


def described(role: Role) -> dict[str, Any]:
    """A role with what the table of rules grants it."""
    grants = [
        {"address": address, "method": method, "scope": rule.scope}
        for address, methods in table().items()
        for method, rule in methods.items()
        if rule.role is None or role.covers(rule.role)
    ]
    return {"role": role, "title": role.label, "grants": grants}


class TokenFilter(django_filters.FilterSet):
    """What the list of tokens can be narrowed by."""

    revoked = django_filters.BooleanFilter("revoked_at", lookup_expr="isnull", exclude=True)

    user = IdFilter("user_id", label=_("Id of its owner"))


class TokenViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[ApiToken]):
    """The tokens of all programs."""

    queryset = ApiToken.objects.select_related("user")
    serializer_class = ApiTokenSerializer
    filterset_class = TokenFilter
    search_fields = ["name", "prefix", "user__email"]
    ordering_fields = ["id", "created_at"]
    lookup_value_regex = "[0-9]{1,18}"

    @extend_schema(responses={204: OpenApiResponse(description="It does not hold any more.")})
    def destroy(self, request: Request, **_kwargs: Any) -> Response:
        """Revoke a token at once and for good."""
        api_tokens.revoke(ApiToken.objects.filter(pk=self.get_object().pk))
        return Response(status=204)
