"""One's own account, sign-ins and tokens of programs."""

from typing import cast

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.serializers import (
    ApiTokenSerializer,
    DeviceSerializer,
    MeSerializer,
    NewApiTokenSerializer,
)
from accounts.api.sign_in import asked
from accounts.models import ApiToken, User
from accounts.services import api_tokens, sessions, users


def owner(request: Request) -> User:
    """The caller, whom the table of rules has let in."""
    return cast(User, request.user)


class Me(APIView):
    """Who the caller is."""

    @extend_schema(operation_id="me", responses={200: MeSerializer})
    def get(self, request: Request) -> Response:
        return Response(MeSerializer(owner(request)).data)

    @extend_schema(operation_id="me_change", request=MeSerializer, responses={200: MeSerializer})
    def patch(self, request: Request) -> Response:
        """Change one's own name."""
        form = MeSerializer(owner(request), data=request.data, partial=True)
        return Response(MeSerializer(users.change(owner(request), asked(form))).data)


class SignIns(APIView):
    """The devices that one is signed in on."""

    @extend_schema(operation_id="me_sessions", responses={200: DeviceSerializer(many=True)})
    def get(self, request: Request) -> Response:
        context = {"sign_in": getattr(request.auth, "sign_in", "")}
        found = sessions.sign_ins(owner(request))
        return Response(DeviceSerializer(found, many=True, context=context).data)

    @extend_schema(operation_id="me_sessions_end", responses={204: None})
    def delete(self, request: Request) -> Response:
        """Sign out everywhere, here too: access tokens and console sessions end as well."""
        sessions.end_all(owner(request))
        return Response(status=204)


class OneSignIn(APIView):
    """One of them."""

    @extend_schema(operation_id="me_session_end", responses={204: None})
    def delete(self, request: Request, name: str) -> Response:
        """Sign out there; its last access token still holds for its few minutes."""
        if not sessions.end_one(owner(request), name):
            raise Http404
        return Response(status=204)


class MyTokens(ListAPIView[ApiToken]):
    """One's tokens for programs, the newest first; those that were revoked or expired stay listed."""

    serializer_class = ApiTokenSerializer
    queryset = ApiToken.objects.none()
    filter_backends = ()

    def get_queryset(self) -> QuerySet[ApiToken]:
        user = self.request.user
        if not isinstance(user, User):  # when the API is described
            return ApiToken.objects.none()
        return ApiToken.objects.filter(user=user).select_related("user")

    @extend_schema(
        operation_id="me_tokens_create",
        request=ApiTokenSerializer,
        responses={201: NewApiTokenSerializer},
    )
    def post(self, request: Request) -> Response:
        """Make a token; the answer is the only one that shows it.

        No Idempotency-Key here: a replay would need the secret to be kept.
        """
        values = asked(ApiTokenSerializer(data=request.data))
        row, secret = api_tokens.create(owner(request), **values)
        told = {**ApiTokenSerializer(row).data, "token": secret}
        return Response(told, status=201, headers={"Cache-Control": "no-store"})


class MyToken(APIView):
    """One of one's tokens."""

    @extend_schema(operation_id="me_tokens_revoke", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """Revoke it at once and for good; again is no error."""
        rows = ApiToken.objects.filter(user=owner(request), pk=pk)
        if not api_tokens.revoke(rows) and not rows.exists():
            raise Http404
        return Response(status=204)
