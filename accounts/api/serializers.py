"""Serializers of requests and responses."""

from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.choices import Role, Scope, Theme
from accounts.models import ApiToken, User
from accounts.services import preferences
from common.rest.serializers import StrictSerializer

MAX_PASSWORD_LENGTH = 1024
MAX_TOKEN_LENGTH = 4096
IN_THE_PAST = _("This time is in the past: send a later one, or none.")


def password_field(**options: Any) -> serializers.CharField:
    """Make a field that keeps a password exactly as typed."""
    return serializers.CharField(
        max_length=MAX_PASSWORD_LENGTH,
        trim_whitespace=False,
        style={"input_type": "password"},
        write_only=True,
        **options,
    )


class SignInSerializer(StrictSerializer):
    """Credentials."""

    email = serializers.EmailField(max_length=254)
    password = password_field()
    cookie = serializers.BooleanField(
        default=False,
        help_text=_(
            "For browsers: send the refresh token in an HttpOnly cookie, not in the response."
        ),
    )


class SignedInSerializer(serializers.Serializer[Any]):
    """The token for `Authorization: Bearer <access>`, and the refresh token for the next one."""

    access = serializers.CharField()
    expires_at = serializers.DateTimeField()
    refresh = serializers.CharField(allow_null=True, help_text=_("null: it is in the cookie."))
    refresh_expires_at = serializers.DateTimeField()
    role = serializers.ChoiceField(choices=Role.choices, source="user.role")
    email = serializers.EmailField(source="user.email")


class RefreshSerializer(StrictSerializer):
    """The refresh token; if omitted, the cookie is used."""

    refresh = serializers.CharField(max_length=MAX_TOKEN_LENGTH, required=False)


class VerifySerializer(StrictSerializer):
    """An access token or API token to check."""

    token = serializers.CharField(max_length=MAX_TOKEN_LENGTH)


class VerifiedSerializer(serializers.Serializer[Any]):
    """Validity and owner of a token; if invalid, all other fields are null."""

    valid = serializers.BooleanField()
    id = serializers.IntegerField(allow_null=True)
    email = serializers.EmailField(allow_null=True)
    role = serializers.ChoiceField(choices=Role.choices, allow_null=True)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.choices),
        allow_null=True,
        help_text=_("Scopes of an API token; null for an access token."),
    )
    expires_at = serializers.DateTimeField(allow_null=True)


class SignUpSerializer(StrictSerializer):
    """A new account."""

    email = serializers.EmailField(max_length=254)
    password = password_field()
    name = serializers.CharField(max_length=150, required=False, allow_blank=True)


class ListPreferencesSerializer(StrictSerializer):
    """Columns and filters kept for a list of the console; unknown names are ignored when it is shown."""

    columns = serializers.ListField(
        child=serializers.CharField(max_length=preferences.MAX_NAME),
        max_length=preferences.MAX_COLUMNS,
        required=False,
    )
    filters = serializers.CharField(
        max_length=preferences.MAX_FILTERS,
        required=False,
        allow_blank=True,
        help_text=_("A query string, such as status__exact=failed."),
    )


class PreferencesSerializer(StrictSerializer):
    """Language, zone and theme of the console for the person; an empty value is the browser's."""

    language = serializers.ChoiceField(choices=settings.LANGUAGES, required=False, allow_blank=True)
    zone = serializers.CharField(
        max_length=preferences.MAX_NAME,
        required=False,
        allow_blank=True,
        help_text=_("A time zone, such as Asia/Seoul."),
    )
    theme = serializers.ChoiceField(choices=Theme.choices, required=False, allow_blank=True)
    lists = serializers.DictField(
        child=ListPreferencesSerializer(allow_null=True),
        required=False,
        help_text=_("By model, such as simulations.execution; null forgets a list."),
    )


class MeSerializer(StrictSerializer, serializers.ModelSerializer[User]):
    """The caller's account; only the name and the preferences can be changed."""

    preferences = PreferencesSerializer(required=False)

    class Meta:
        model = User
        fields = ["id", "email", "name", "role", "date_joined", "preferences"]
        read_only_fields = ["id", "email", "role", "date_joined"]

    def to_internal_value(self, data: Any) -> Any:
        """Refuse fields that only an admin may change, instead of ignoring them."""
        refused = {"role", "email", "is_active"} & set(data if isinstance(data, dict) else ())
        if refused:
            message = _("Only an admin can change this. Ask an admin.")
            raise serializers.ValidationError({name: [message] for name in sorted(refused)})
        return super().to_internal_value(data)

    def to_representation(self, instance: User) -> Any:
        """Show all preferences, also those that were never chosen."""
        row = super().to_representation(instance)
        return {**row, "preferences": preferences.preferences_of(instance)}


class UserSerializer(StrictSerializer, serializers.ModelSerializer[User]):
    """An account, for admins."""

    email = serializers.EmailField(max_length=254)
    password = password_field(
        required=False,
        help_text=_("If omitted, the owner sets one by a password reset."),
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
    """The current and the new password."""

    current_password = password_field()
    password = password_field()


class PasswordResetSerializer(StrictSerializer):
    """The address of the account."""

    email = serializers.EmailField(max_length=254)


class PasswordResetConfirmSerializer(StrictSerializer):
    """Values from the reset link, and the new password."""

    uid = serializers.CharField(max_length=64)
    token = serializers.CharField(max_length=200)
    password = password_field()


class DeviceSerializer(serializers.Serializer[Any]):
    """A device on which the caller is signed in."""

    id = serializers.CharField(source="name")
    current = serializers.SerializerMethodField(help_text=_("true: the device of this request."))
    user_agent = serializers.CharField(source="device.agent")
    address = serializers.CharField(source="device.address")
    made_at = serializers.DateTimeField()
    used_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()

    def get_current(self, family: Any) -> bool:
        return bool(self.context.get("sign_in") == family.name)


class ApiTokenSerializer(StrictSerializer, serializers.ModelSerializer[ApiToken]):
    """An API token; the token itself is returned once, when it is created."""

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
            raise serializers.ValidationError(IN_THE_PAST, code="past")
        return value


class NewApiTokenSerializer(ApiTokenSerializer):
    """A new API token, with its secret."""

    token = serializers.CharField(read_only=True)

    class Meta(ApiTokenSerializer.Meta):
        fields = [*ApiTokenSerializer.Meta.fields, "token"]


class GrantSerializer(serializers.Serializer[Any]):
    """A permitted method of a route; an API token needs the scope as well (null: no API tokens)."""

    address = serializers.CharField()
    method = serializers.CharField()
    scope = serializers.ChoiceField(choices=Scope.choices, allow_null=True)


class RoleSerializer(serializers.Serializer[Any]):
    """A role and its permissions."""

    role = serializers.ChoiceField(choices=Role.choices)
    title = serializers.CharField()
    sign_up = serializers.SerializerMethodField(
        help_text=_("true: accounts made by self sign-up get this role.")
    )
    grants = GrantSerializer(many=True)

    def get_sign_up(self, row: dict[str, Any]) -> bool:
        return bool(settings.SIGN_UP and row["role"] == settings.SIGN_UP_ROLE)
