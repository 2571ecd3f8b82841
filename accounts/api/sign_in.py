"""Sign-up, sign-in, refresh, sign-out and token verification."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import cookies
from accounts.api.idempotency import idempotent
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
from accounts.models import User
from accounts.services import sessions, users
from accounts.services.bearers import authenticate_bearer
from common.rest.serializers import validated


class PublicView(APIView):
    """Base of views without authentication: an expired token is ignored, requests are throttled."""

    authentication_classes = ()
    permission_classes = [AllowAny]
    throttle_classes = [CallerThrottle]
    throttle_scope = "sign_in"


def token_response(signed_in: sessions.SignedIn, *, in_cookie: bool) -> Response:
    """Return both tokens, the refresh token in the body or in the cookie."""
    data = SignedInSerializer(signed_in).data
    response = Response({**data, "refresh": None} if in_cookie else data)
    response["Cache-Control"] = "no-store"
    if in_cookie:
        cookies.set_refresh_token(response, signed_in.refresh, signed_in.refresh_expires_at)
    return response


def account_of_form(request: Request) -> User | None:
    """Find the account that a sign-up names; before the first one there is none."""
    return users.find(validated(SignUpSerializer(data=request.data))["email"])


@contextmanager
def own_account(request: Request) -> Iterator[User]:
    """Make the account that somebody requests for themselves."""
    yield users.new_own_account(**validated(SignUpSerializer(data=request.data)))


class SignUp(PublicView):
    """Create one's own account, if self sign-up is enabled."""

    throttle_scope = "sign_up"

    @extend_schema(
        operation_id="auth_signup",
        request=SignUpSerializer,
        responses={201: MeSerializer, 403: None, 409: None},
        auth=[],
    )
    @idempotent(prepare=own_account, owner=account_of_form)
    def post(self, request: Request, user: User) -> Response:
        account = MeSerializer(users.insert(user)).data
        return Response(account, status=201, headers={"Location": reverse("me")})


class SignIn(PublicView):
    """Exchange e-mail and password for an access token and a refresh token."""

    @extend_schema(
        operation_id="auth_signin",
        request=SignInSerializer,
        responses={200: SignedInSerializer, 401: None},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        values = validated(SignInSerializer(data=request.data))
        django_request = request._request  # noqa: SLF001  django-axes sets attributes on it
        signed_in = sessions.sign_in(django_request, values["email"], values["password"])
        return token_response(signed_in, in_cookie=values["cookie"])


class Refresh(PublicView):
    """Exchange a refresh token for a new access token and a new refresh token.

    Parallel requests with the same token all succeed. Reusing an exchanged token later ends the sign-in, as
    the token may be stolen.
    """

    throttle_scope = "refresh"

    @extend_schema(
        operation_id="auth_refresh",
        request=RefreshSerializer,
        responses={200: SignedInSerializer, 401: None, 403: None},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        values = validated(RefreshSerializer(data=request.data))
        token, from_cookie = cookies.get_refresh_token(request, values.get("refresh"))
        return token_response(sessions.refresh(token), in_cookie=from_cookie)


class SignOut(PublicView):
    """End the sign-in of a refresh token; an invalid token is no error."""

    throttle_scope = "refresh"

    @extend_schema(
        operation_id="auth_logout",
        request=RefreshSerializer,
        responses={204: None, 403: None},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        values = validated(RefreshSerializer(data=request.data))
        response = Response(status=204)
        try:
            token, from_cookie = cookies.get_refresh_token(request, values.get("refresh"))
        except RefreshMissingError:
            return response
        sessions.sign_out(token)
        if from_cookie:
            cookies.delete_refresh_token(response)
        return response


class Verify(PublicView):
    """Check a token and return its owner; an invalid token is not an error."""

    throttle_scope = "refresh"

    @extend_schema(
        operation_id="auth_verify",
        request=VerifySerializer,
        responses={200: VerifiedSerializer},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        token = validated(VerifySerializer(data=request.data))["token"]
        try:
            bearer = authenticate_bearer(token)
        except BearerRefusedError:
            empty = dict.fromkeys(VerifiedSerializer().fields)
            return Response({**empty, "valid": False})
        data = {
            "valid": True,
            "id": bearer.user.pk,
            "email": bearer.user.email,
            "role": bearer.user.role,
            "scopes": None if bearer.scopes is None else sorted(bearer.scopes),
            "expires_at": bearer.expires_at,
        }
        return Response(VerifiedSerializer(data).data)
