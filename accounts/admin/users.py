"""The admin pages of users."""

from contextlib import suppress
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import admin as auth_admin
from django.contrib.auth import forms as auth_forms
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.admin.preferences import PreferencesPage
from accounts.exceptions import LastAdminError, UserInUseError
from accounts.models import User
from accounts.services import sessions, users
from common.admin.changelists import BoundedListMixin
from common.admin.confirmation import Refusals
from common.admin.deletion import ServiceDeletionMixin
from common.admin.errors import DomainErrorFormMixin, DomainErrorMixin
from common.exceptions import NotFoundError


class NewUserForm(auth_forms.AdminUserCreationForm[User]):
    """Form of a new account."""

    class Meta:
        model = User
        fields = ("email", "name", "role")
        field_classes = {"email": forms.EmailField}


class UserForm(DomainErrorFormMixin, auth_forms.UserChangeForm[User]):
    """Form of an account."""

    class Meta:
        model = User
        fields = "__all__"
        field_classes = {"email": forms.EmailField}

    def clean(self) -> dict[str, Any]:
        """Refuse changes that would leave no active admin."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        try:
            users.check_change(self.instance, values)
        except LastAdminError as error:
            raise forms.ValidationError(str(error), code=error.code) from error
        return values


@admin.register(User)
class UserAdmin(
    PreferencesPage,
    ServiceDeletionMixin,
    BoundedListMixin,
    DomainErrorMixin,
    auth_admin.UserAdmin[User],
):
    """Accounts, with their roles."""

    form = UserForm
    add_form = NewUserForm
    list_display = ("email", "name", "role", "is_active", "last_login")
    more_columns = ("date_joined",)
    search_help_text = _("E-mail address or name")
    list_filter = ("role", "is_active")
    search_fields = ("email", "name")
    ordering = ("email",)
    filter_horizontal = ()
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("email", "password")}),
        (_("Person"), {"fields": ("name",)}),
        (_("Permissions"), {"fields": ("role", "is_active")}),
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

    actions = ("sign_out", "delete_selected")
    deletion_effect = _(
        "They are deleted permanently, with their API tokens, and cannot sign in any more. "
        "Deactivate an account instead to keep it."
    )

    @admin.action(
        description=_("Sign out the selected users on all devices"), permissions=["change"]
    )
    def sign_out(self, request: HttpRequest, rows: QuerySet[User]) -> None:
        selected = list(rows)
        for user in selected:
            sessions.end_all(user)
        text = ngettext("%(n)d user was signed out.", "%(n)d users were signed out.", len(selected))
        self.message_user(request, text % {"n": len(selected)}, messages.SUCCESS)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: Any) -> None:
        """Change accounts by the service; Django saves new ones, and passwords set on their own page."""
        if change and isinstance(form, UserForm):
            users.change(obj, {name: form.cleaned_data[name] for name in form.changed_data})
        else:
            super().save_model(request, obj, form, change)

    def delete_row(self, request: HttpRequest, row: User) -> None:
        with suppress(NotFoundError):  # deleted meanwhile
            users.delete(row)

    def deleted_message(self, count: int) -> str:
        return ngettext("%d user was deleted.", "%d users were deleted.", count) % count

    def deletion_refusals(self, rows: list[User]) -> Refusals:
        reasons = {}
        for user in rows:
            try:
                users.check_deletion(user)
            except (LastAdminError, UserInUseError) as error:
                reasons[user.pk] = str(error)
        return reasons

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Hide the password hash from users without the permission to change it."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        return [(None, {"fields": ("email",)}), *list(fieldsets)[1:]]


admin.site.unregister(Group)  # permissions follow the role
