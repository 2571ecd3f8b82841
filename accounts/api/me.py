"""The caller's own account, sign-ins and API tokens."""

from typing import cast

from django.db.models import QuerySet
from django.http import Http404
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.idempotency import idempotent
from accounts.api.serializers import (
    ApiTokenSerializer,
    DeviceSerializer,
    MeSerializer,
    NewApiTokenSerializer,
)
from accounts.models import ApiToken, User
from accounts.services import api_tokens, preferences, sessions, users
from accounts.services.bearers import api_token
from common.rest.serializers import validated


def caller(request: Request) -> User:
    """Return the user, whom `RolePermission` has admitted."""
    return cast(User, request.user)


class Me(APIView):
    """The caller's account."""

    @extend_schema(operation_id="me", responses={200: MeSerializer})
    def get(self, request: Request) -> Response:
        return Response(MeSerializer(caller(request)).data)

    @extend_schema(
        operation_id="me_change", request=MeSerializer, responses={200: MeSerializer, 422: None}
    )
    def patch(self, request: Request) -> Response:
        """Change one's own name and preferences; lists that are not named stay as they are."""
        values = validated(MeSerializer(caller(request), data=request.data, partial=True))
        chosen = values.pop("preferences", None)
        if chosen is not None:
            preferences.change(caller(request), chosen)
        user = users.change(caller(request), values)
        return Response(MeSerializer(user).data)


class MySessions(APIView):
    """The devices on which the caller is signed in."""

    @extend_schema(operation_id="me_sessions", responses={200: DeviceSerializer(many=True)})
    def get(self, request: Request) -> Response:
        context = {"sign_in": getattr(request.auth, "sign_in", "")}
        sign_ins = sessions.sign_ins(caller(request))
        return Response(DeviceSerializer(sign_ins, many=True, context=context).data)

    @extend_schema(operation_id="me_sessions_end", responses={204: None})
    def delete(self, request: Request) -> Response:
        """Sign out on all devices, including this one; access tokens and console sessions end as well."""
        sessions.end_all(caller(request))
        return Response(status=204)


class MySession(APIView):
    """One device on which the caller is signed in."""

    @extend_schema(operation_id="me_session_end", responses={204: None})
    def delete(self, request: Request, name: str) -> Response:
        """Sign this device out, with its access tokens."""
        if not sessions.end_one(caller(request), name):
            raise Http404
        return Response(status=204)


def with_secret(_request: Request, response: Response) -> Response:
    """Answer with a new token, whose secret is nowhere stored: it is made of its nonce."""
    row = ApiToken.objects.select_related("user").get(pk=response.data["id"])
    secret, _prefix, _digest = api_token(response.data["nonce"])
    response.data = {**ApiTokenSerializer(row).data, "token": secret}
    response["Cache-Control"] = "no-store"
    return response


class MyTokens(ListAPIView[ApiToken]):
    """The caller's API tokens, newest first, including revoked and expired ones."""

    serializer_class = ApiTokenSerializer
    queryset = ApiToken.objects.none()
    filter_backends = ()

    def get_queryset(self) -> QuerySet[ApiToken]:
        user = self.request.user
        if not isinstance(user, User):  # while the OpenAPI schema is made
            return ApiToken.objects.none()
        return ApiToken.objects.filter(user=user).select_related("user")

    @extend_schema(
        operation_id="me_tokens_create",
        request=ApiTokenSerializer,
        responses={201: NewApiTokenSerializer},
    )
    @idempotent(present=with_secret)
    def post(self, request: Request) -> Response:
        """Create an API token; only this response, and its replay with the same key, contains it."""
        nonce = api_tokens.new_nonce()
        values = validated(ApiTokenSerializer(data=request.data))
        row, _secret = api_tokens.create(caller(request), **values, nonce=nonce)
        location = reverse("me-token", args=[row.pk])
        return Response({"id": row.pk, "nonce": nonce}, status=201, headers={"Location": location})


class MyToken(APIView):
    """One of the caller's API tokens."""

    @extend_schema(operation_id="me_tokens_revoke", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """Revoke the token immediately and permanently; repeating this is no error."""
        rows = ApiToken.objects.filter(user=caller(request), pk=pk)
        if not api_tokens.revoke(rows) and not rows.exists():
            raise Http404
        return Response(status=204)
