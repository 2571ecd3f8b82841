"""Changing one's password, and getting a new one by mail."""

from typing import cast

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.serializers import (
    PasswordChangeSerializer,
    PasswordResetConfirmSerializer,
    PasswordResetSerializer,
)
from accounts.api.sign_in import Door, asked
from accounts.api.throttles import CallerThrottle
from accounts.models import User
from accounts.services import passwords


class PasswordChange(APIView):
    """Change one's own password; it ends all sign-ins, this one too."""

    throttle_classes = [CallerThrottle]
    throttle_scope = "sign_in"

    @extend_schema(
        operation_id="auth_password_change",
        request=PasswordChangeSerializer,
        responses={204: None, 429: None},
    )
    def post(self, request: Request) -> Response:
        values = asked(PasswordChangeSerializer(data=request.data))
        passwords.change(
            request._request,  # noqa: SLF001  django-axes marks Django's own
            cast(User, request.user),
            values["current_password"],
            values["password"],
        )
        return Response(status=204)


class PasswordReset(Door):
    """Ask for a mail with a link that sets a new password; the answer never tells who has an account."""

    throttle_scope = "password_reset"

    @extend_schema(
        operation_id="auth_password_reset",
        request=PasswordResetSerializer,
        responses={204: None},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        passwords.request_reset(asked(PasswordResetSerializer(data=request.data))["email"])
        return Response(status=204)


class PasswordResetConfirm(Door):
    """Set a new password by what the mail brought; it ends all sign-ins."""

    @extend_schema(
        operation_id="auth_password_reset_confirm",
        request=PasswordResetConfirmSerializer,
        responses={204: None},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        values = asked(PasswordResetConfirmSerializer(data=request.data))
        passwords.reset(values["uid"], values["token"], values["password"])
        return Response(status=204)
