"""Password change, and password reset by e-mail."""

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
from accounts.api.sign_in import PublicView
from accounts.api.throttles import CallerThrottle
from accounts.models import User
from accounts.services import passwords
from common.rest.serializers import validated


class PasswordChange(APIView):
    """Change one's own password; all sign-ins end, including this one."""

    throttle_classes = [CallerThrottle]
    throttle_scope = "sign_in"

    @extend_schema(
        operation_id="auth_password_change",
        request=PasswordChangeSerializer,
        responses={204: None, 429: None},
    )
    def post(self, request: Request) -> Response:
        values = validated(PasswordChangeSerializer(data=request.data))
        passwords.change(
            request._request,  # noqa: SLF001  django-axes sets attributes on Django's request
            cast(User, request.user),
            values["current_password"],
            values["password"],
        )
        return Response(status=204)


class PasswordReset(PublicView):
    """Request an e-mail with a reset link; the response is the same for unknown addresses."""

    throttle_scope = "password_reset"

    @extend_schema(
        operation_id="auth_password_reset",
        request=PasswordResetSerializer,
        responses={204: None},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        passwords.request_reset(validated(PasswordResetSerializer(data=request.data))["email"])
        return Response(status=204)


class PasswordResetConfirm(PublicView):
    """Set a new password with the link from the e-mail; all sign-ins end."""

    @extend_schema(
        operation_id="auth_password_reset_confirm",
        request=PasswordResetConfirmSerializer,
        responses={204: None},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        values = validated(PasswordResetConfirmSerializer(data=request.data))
        passwords.reset(values["uid"], values["token"], values["password"])
        return Response(status=204)
