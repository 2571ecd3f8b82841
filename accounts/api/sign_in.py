"""Signing up, in and out, and staying signed in."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import cookies
from accounts.api.serializers import (
    MeSerializer,
    RefreshSerializer,
    SignedInSerializer,
    SignInSerializer,
    SignUpSerializer,
    VerifiedSerializer,
    VerifySerializer,
)
from accounts.api.throttles import CallerThrottle
from accounts.exceptions import BearerRefusedError, RefreshMissingError
from accounts.services import sessions, users
from accounts.services.bearers import authenticate_bearer
from common.rest.serializers import StrictSerializer


class Door(APIView):
    """Base of what is called before one is known: a stale token does no harm, and nobody tries fast."""

    authentication_classes = ()
    permission_classes = [AllowAny]
    throttle_classes = [CallerThrottle]
    throttle_scope = "sign_in"


def asked(form: StrictSerializer) -> dict[str, Any]:
    """What a request brings, checked."""
    form.is_valid(raise_exception=True)
    values: dict[str, Any] = form.validated_data
    return values


def answer(signed_in: sessions.SignedIn, *, in_cookie: bool) -> Response:
    """Tokens as an answer, the refresh token in it or in the cookie."""
    told = SignedInSerializer(signed_in).data
    response = Response({**told, "refresh": None} if in_cookie else told)
    response["Cache-Control"] = "no-store"
    if in_cookie:
        cookies.give(response, signed_in.refresh, signed_in.refresh_expires_at)
    return response


class SignUp(Door):
    """Make an account of one's own, where the settings allow it."""

    throttle_scope = "sign_up"

    @extend_schema(
        operation_id="auth_signup",
        request=SignUpSerializer,
        responses={201: MeSerializer, 403: None, 409: None},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        made = users.sign_up(**asked(SignUpSerializer(data=request.data)))
        return Response(MeSerializer(made).data, status=201)


class SignIn(Door):
    """Exchange e-mail and password for an access token and a refresh token."""

    @extend_schema(
        operation_id="auth_signin",
        request=SignInSerializer,
        responses={200: SignedInSerializer, 401: None},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        values = asked(SignInSerializer(data=request.data))
        django_request = request._request  # noqa: SLF001  django-axes marks Django's own
        signed_in = sessions.sign_in(django_request, values["email"], values["password"])
        return answer(signed_in, in_cookie=values["cookie"])


class Refresh(Door):
    """Exchange a refresh token for a new access token and the next refresh token.

    Several at once with the same token all succeed. A token that was exchanged before ends the sign-in:
    somebody else may have it.
    """

    throttle_scope = "refresh"

    @extend_schema(
        operation_id="auth_refresh",
        request=RefreshSerializer,
        responses={200: SignedInSerializer, 401: None, 403: None},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        values = asked(RefreshSerializer(data=request.data))
        token, by_cookie = cookies.shown(request, values.get("refresh"))
        return answer(sessions.refresh(token), in_cookie=by_cookie)


class SignOut(Door):
    """End the sign-in that a refresh token belongs to; one that does not hold is no error."""

    throttle_scope = "refresh"

    @extend_schema(
        operation_id="auth_logout",
        request=RefreshSerializer,
        responses={204: None, 403: None},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        values = asked(RefreshSerializer(data=request.data))
        response = Response(status=204)
        try:
            token, by_cookie = cookies.shown(request, values.get("refresh"))
        except RefreshMissingError:
            return response
        sessions.sign_out(token)
        if by_cookie:
            cookies.take_back(response)
        return response


class Verify(Door):
    """Ask whether a token holds, and for whom; one that does not is an answer, no error."""

    throttle_scope = "refresh"

    @extend_schema(
        operation_id="auth_verify",
        request=VerifySerializer,
        responses={200: VerifiedSerializer},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        token = asked(VerifySerializer(data=request.data))["token"]
        try:
            bearer = authenticate_bearer(token)
        except BearerRefusedError:
            nothing = dict.fromkeys(VerifiedSerializer().fields)
            return Response({**nothing, "valid": False})
        told = {
            "valid": True,
            "id": bearer.user.pk,
            "email": bearer.user.email,
            "role": bearer.user.role,
            "scopes": None if bearer.scopes is None else sorted(bearer.scopes),
            "expires_at": bearer.expires_at,
        }
        return Response(VerifiedSerializer(told).data)
