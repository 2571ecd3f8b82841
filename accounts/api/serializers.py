"""What requests about accounts bring, and what they are answered."""

from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.choices import Role, Scope
from accounts.models import ApiToken, User
from common.rest.serializers import StrictSerializer

LONGEST_PASSWORD = 1024
LONGEST_TOKEN = 4096
PASTS = _("This time is over: choose a later one, or none.")


def password_field(**options: Any) -> serializers.CharField:
    """A password as it was typed."""
    return serializers.CharField(
        max_length=LONGEST_PASSWORD,
        trim_whitespace=False,
        style={"input_type": "password"},
        write_only=True,
        **options,
    )


class SignInSerializer(StrictSerializer):
    """What one signs in with."""

    email = serializers.EmailField(max_length=254)
    password = password_field()
    cookie = serializers.BooleanField(
        default=False,
        help_text=_(
            "For browsers: keep the refresh token in an HttpOnly cookie, not in the answer."
        ),
    )


class SignedInSerializer(serializers.Serializer[Any]):
    """The token for `Authorization: Bearer <access>`, and the one that fetches the next."""

    access = serializers.CharField()
    expires_at = serializers.DateTimeField()
    refresh = serializers.CharField(allow_null=True, help_text=_("null: it is in the cookie."))
    refresh_expires_at = serializers.DateTimeField()
    role = serializers.ChoiceField(choices=Role.choices, source="user.role")
    email = serializers.EmailField(source="user.email")


class RefreshSerializer(StrictSerializer):
    """The refresh token; without it the cookie counts."""

    refresh = serializers.CharField(max_length=LONGEST_TOKEN, required=False)


class VerifySerializer(StrictSerializer):
    """An access token or API token to be looked at."""

    token = serializers.CharField(max_length=LONGEST_TOKEN)


class VerifiedSerializer(serializers.Serializer[Any]):
    """Whether the token holds, and for whom; all else is null when it does not."""

    valid = serializers.BooleanField()
    id = serializers.IntegerField(allow_null=True)
    email = serializers.EmailField(allow_null=True)
    role = serializers.ChoiceField(choices=Role.choices, allow_null=True)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.choices),
        allow_null=True,
        help_text=_("Of the token of a program; null for a person."),
    )
    expires_at = serializers.DateTimeField(allow_null=True)


class SignUpSerializer(StrictSerializer):
    """A new account of one's own."""

    email = serializers.EmailField(max_length=254)
    password = password_field()
    name = serializers.CharField(max_length=150, required=False, allow_blank=True)


class MeSerializer(StrictSerializer, serializers.ModelSerializer[User]):
    """One's own account; only the name is changed here."""

    class Meta:
        model = User
        fields = ["id", "email", "name", "role", "date_joined"]
        read_only_fields = ["id", "email", "role", "date_joined"]

    def to_internal_value(self, data: Any) -> Any:
        """Refuse what only an admin changes, rather than passing over it."""
        fixed = {"role", "email", "is_active"} & set(data if isinstance(data, dict) else ())
        if fixed:
            told = _("Only an admin changes this. Ask one.")
            raise serializers.ValidationError({name: [told] for name in sorted(fixed)})
        return super().to_internal_value(data)


class UserSerializer(StrictSerializer, serializers.ModelSerializer[User]):
    """An account as admins see and change it."""

    email = serializers.EmailField(max_length=254)
    password = password_field(
        required=False,
        help_text=_("Without one the owner chooses it by a password reset."),
    )

    class Meta:
        model = User
        fields = [
            "id",
            "email",
            "name",
            "role",
            "is_active",
            "password",
            "date_joined",
            "last_login",
        ]
        read_only_fields = ["id", "date_joined", "last_login"]


class PasswordChangeSerializer(StrictSerializer):
    """The password that counts, and the one that is to count."""

    current_password = password_field()
    password = password_field()


class PasswordResetSerializer(StrictSerializer):
    """Whose password is forgotten."""

    email = serializers.EmailField(max_length=254)


class PasswordResetConfirmSerializer(StrictSerializer):
    """What the mail brought, and the new password."""

    uid = serializers.CharField(max_length=64)
    token = serializers.CharField(max_length=200)
    password = password_field()


class DeviceSerializer(serializers.Serializer[Any]):
    """A sign-in of one's own."""

    id = serializers.CharField(source="name")
    current = serializers.SerializerMethodField(help_text=_("Whether this request belongs to it."))
    user_agent = serializers.CharField(source="device.agent")
    address = serializers.CharField(source="device.address")
    made_at = serializers.DateTimeField()
    used_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()

    def get_current(self, family: Any) -> bool:
        return bool(self.context.get("sign_in") == family.name)


class ApiTokenSerializer(StrictSerializer, serializers.ModelSerializer[ApiToken]):
    """A token of a program; `token` itself is shown once, when it is made."""

    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.choices), allow_empty=False, max_length=20
    )
    user_email = serializers.EmailField(source="user.email", read_only=True)

    class Meta:
        model = ApiToken
        fields = [
            "id",
            "name",
            "prefix",
            "scopes",
            "user",
            "user_email",
            "created_at",
            "expires_at",
            "last_used_at",
            "revoked_at",
        ]
        read_only_fields = ["id", "prefix", "user", "created_at", "last_used_at", "revoked_at"]

    def validate_expires_at(self, value: Any) -> Any:
        if value is not None and value <= timezone.now():
            raise serializers.ValidationError(PASTS, code="past")
        return value


class NewApiTokenSerializer(ApiTokenSerializer):
    """The answer to its making: with the secret, this once."""

    token = serializers.CharField(read_only=True)

    class Meta(ApiTokenSerializer.Meta):
        fields = [*ApiTokenSerializer.Meta.fields, "token"]


class GrantSerializer(serializers.Serializer[Any]):
    """One thing that may be called; a program's token needs the scope as well (null: people only)."""

    address = serializers.CharField()
    method = serializers.CharField()
    scope = serializers.ChoiceField(choices=Scope.choices, allow_null=True)


class RoleSerializer(serializers.Serializer[Any]):
    """A role, and all that it may call."""

    role = serializers.ChoiceField(choices=Role.choices)
    title = serializers.CharField()
    sign_up = serializers.SerializerMethodField(
        help_text=_("Whether those who sign up by themselves get it.")
    )
    grants = GrantSerializer(many=True)

    def get_sign_up(self, row: dict[str, Any]) -> bool:
        return bool(settings.SIGN_UP and row["role"] == settings.SIGN_UP_ROLE)
