"""Authentication by access tokens and API tokens, sent as `Authorization: Bearer …`."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.exceptions import BearerRefusedError
from accounts.models import User
from accounts.services.bearers import Bearer, authenticate_bearer, header_token


class BearerAuthentication(BaseAuthentication):
    """Reads the token; `request.auth` is the Bearer with its scopes."""

    def authenticate(self, request: Request) -> tuple[User, Bearer] | None:
        try:
            token = header_token(request.headers.get("Authorization", ""))
            if token is None:
                return None
            bearer = authenticate_bearer(token)
        except BearerRefusedError as error:
            raise AuthenticationFailed(str(error), code=error.code) from error
        return bearer.user, bearer

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describes `BearerAuthentication` in the OpenAPI schema."""

    target_class = BearerAuthentication
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An access token from `auth/signin`, or an API token (`rst_…`) of a program.",
        }
