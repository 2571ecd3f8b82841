"""Users, tokens, locks, the audit and idempotency keys in the console."""

from contextlib import suppress
from typing import Any

from auditlog.admin import LogEntryAdmin
from auditlog.filters import ResourceTypeFilter
from auditlog.models import LogEntry
from axes.models import AccessAttempt
from django import forms
from django.contrib import admin, messages
from django.contrib.auth import admin as auth_admin
from django.contrib.auth import forms as auth_forms
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.exceptions import LastAdminError, UserInUseError
from accounts.models import ApiToken, IdempotencyKey, User
from accounts.services import api_tokens, sessions, users
from common.admin.changelists import BoundedPaginator
from common.admin.errors import DomainErrorFormMixin, DomainErrorMixin
from common.exceptions import NotFoundError


class ReadOnly(admin.ModelAdmin[Any]):
    """Base of histories: only admins look, nobody changes anything."""

    show_full_result_count = False
    paginator = BoundedPaginator

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(getattr(request.user, "is_superuser", False))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class NewUserForm(auth_forms.AdminUserCreationForm[User]):
    """A new account: address, role and password."""

    class Meta:
        model = User
        fields = ("email", "name", "role")
        field_classes = {"email": forms.EmailField}


class UserForm(DomainErrorFormMixin, auth_forms.UserChangeForm[User]):
    """An account."""

    class Meta:
        model = User
        fields = "__all__"
        field_classes = {"email": forms.EmailField}

    def clean(self) -> dict[str, Any]:
        """Refuse what would leave nobody to administer, at the fields that would."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        try:
            users.check_change(self.instance, values)
        except LastAdminError as error:
            raise forms.ValidationError(str(error), code=error.code) from error
        return values


@admin.register(User)
class UserAdmin(DomainErrorMixin, auth_admin.UserAdmin[User]):
    """Accounts; `RoleBackend` lets only admins change them, and thus grant roles."""

    form = UserForm
    add_form = NewUserForm
    list_display = ("email", "name", "role", "is_active", "last_login")
    list_filter = ("role", "is_active")
    search_fields = ("email", "name")
    ordering = ("email",)
    filter_horizontal = ()
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("email", "password")}),
        (_("Person"), {"fields": ("name",)}),
        (_("Rights"), {"fields": ("role", "is_active")}),
        (_("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (
            None,
            {
                "classes": ("wide",),
                "fields": ("email", "name", "role", "usable_password", "password1", "password2"),
            },
        ),
    )

    actions = ("sign_out",)

    @admin.action(description=_("Sign the selected users out everywhere"), permissions=["change"])
    def sign_out(self, request: HttpRequest, rows: QuerySet[User]) -> None:
        people = list(rows)
        for user in people:
            sessions.end_all(user)
        text = ngettext("%(n)d user was signed out.", "%(n)d users were signed out.", len(people))
        self.message_user(request, text % {"n": len(people)}, messages.SUCCESS)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: Any) -> None:
        """Change an account by the service; a new one, and a password of its own page, as Django does."""
        if change and isinstance(form, UserForm):
            users.change(obj, {name: form.cleaned_data[name] for name in form.changed_data})
        else:
            super().save_model(request, obj, form, change)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Name those that cannot be deleted, before somebody tries."""
        found, counts, rights, protected = super().get_deleted_objects(objs, request)
        for user in objs:
            try:
                users.check_removal(user)
            except (LastAdminError, UserInUseError) as error:
                protected.append(f"{user}: {error}")
        return found, counts, rights, protected

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        with suppress(NotFoundError):  # somebody else was faster
            users.remove(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            self.delete_model(request, user)

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Leave out how passwords are kept for those who may only look."""
        shown = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return shown
        return [(None, {"fields": ("email",)}), *list(shown)[1:]]


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnly):
    """Tokens of programs; they are made by their owners over the API, and revoked here."""

    list_display = ("name", "prefix", "user", "scopes", "last_used_at", "expires_at", "revoked_at")
    list_select_related = ("user",)
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    search_fields = ("name", "prefix", "user__email")
    exclude = ("digest",)
    actions = ("revoke",)

    @admin.action(description=_("Revoke the selected tokens"), permissions=["view"])
    def revoke(self, request: HttpRequest, rows: QuerySet[ApiToken]) -> None:
        ended = api_tokens.revoke(rows)
        text = ngettext("%(n)d token was revoked.", "%(n)d tokens were revoked.", ended)
        self.message_user(request, text % {"n": ended}, messages.SUCCESS)


@admin.register(AccessAttempt)
class AccessAttemptAdmin(ReadOnly):
    """Wrong passwords by account and address; deleting a row unlocks."""

    list_display = ("username", "ip_address", "failures_since_start", "attempt_time", "user_agent")
    search_fields = ("username", "=ip_address")
    fields = ("username", "ip_address", "user_agent", "failures_since_start", "attempt_time")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(getattr(request.user, "is_superuser", False))


admin.site.unregister(Group)  # the role decides, there are no groups
admin.site.unregister(LogEntry)


@admin.register(LogEntry)
class AuditAdmin(ReadOnly, LogEntryAdmin):  # type: ignore[misc]
    """Who changed what; the library's pages, without its counts."""

    date_hierarchy = None
    list_display = ("created", "resource_url", "action", "msg_short", "user_url", "remote_addr")
    list_filter = ("action", ResourceTypeFilter)
    search_fields = ("object_repr", "=object_pk", "=actor_email")
    readonly_fields = ("created", "resource_url", "action", "user_url", "remote_addr", "msg")
    fieldsets = (
        (None, {"fields": ("created", "user_url", "remote_addr", "resource_url")}),
        (_("Changes"), {"fields": ("action", "msg")}),
    )


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ReadOnly):
    """What requests were answered; nothing here is changed by hand."""

    list_display = ("key", "route", "user", "status_code", "created_at")
    list_select_related = ("user",)
    search_fields = ("=key", "route")
