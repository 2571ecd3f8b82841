"""Signing in, and who one is."""

from datetime import UTC, datetime
from typing import Any, cast

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.tokens import AccessToken

from accounts.choices import Role
from accounts.models import User
from accounts.services import users


class SignInSerializer(serializers.Serializer[Any]):
    """What one signs in with."""

    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(
        max_length=1024, trim_whitespace=False, style={"input_type": "password"}
    )


class SignedInSerializer(serializers.Serializer[Any]):
    """The token for `Authorization: Bearer <access>`, and until when it holds."""

    access = serializers.CharField()
    expires_at = serializers.DateTimeField()
    role = serializers.ChoiceField(choices=Role.choices)
    email = serializers.EmailField()


class UserSerializer(serializers.ModelSerializer[User]):
    """An account as its owner sees it."""

    class Meta:
        model = User
        fields = ["id", "email", "name", "role", "date_joined"]
        read_only_fields = fields


class SignIn(APIView):
    """Exchange e-mail and password for an access token."""

    authentication_classes = ()
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="auth_signin",
        request=SignInSerializer,
        responses={200: SignedInSerializer},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        form = SignInSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        user = users.sign_in(form.validated_data["email"], form.validated_data["password"])
        token = AccessToken.for_user(user)
        answer = {
            "access": str(token),
            "expires_at": datetime.fromtimestamp(token["exp"], tz=UTC),
            "role": user.role,
            "email": user.email,
        }
        return Response(SignedInSerializer(answer).data)


class Me(APIView):
    """Who the caller is."""

    @extend_schema(operation_id="me", responses={200: UserSerializer})
    def get(self, request: Request) -> Response:
        return Response(UserSerializer(cast(User, request.user)).data)
