"""The admin pages of users."""

from contextlib import suppress
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import admin as auth_admin
from django.contrib.auth import forms as auth_forms
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.admin.preferences import PreferencesPage
from accounts.choices import ROLE_RIGHTS, Role
from accounts.exceptions import LastAdminError, UserInUseError
from accounts.models import User
from accounts.services import locks, sessions, users
from common.admin.actions import ObjectActionsMixin
from common.admin.badges import badge
from common.admin.changelists import BoundedListMixin
from common.admin.confirmation import Question, Refusals, asks_in_list, confirm
from common.admin.deletion import ServiceDeletionMixin
from common.admin.errors import DomainErrorFormMixin, DomainErrorMixin
from common.admin.times import moment
from common.exceptions import NotFoundError


def role_choices() -> list[tuple[str, str]]:
    """Return the roles, each with what it may do."""
    return [
        (
            str(role),
            format_html(
                "<span>{}</span> <span class='quiet'>{}</span>", role.label, ROLE_RIGHTS[role]
            ),
        )
        for role in Role
    ]


class RoleField(forms.ChoiceField):
    """The choice of a role, which says what each may do."""

    widget = forms.RadioSelect

    def __init__(self) -> None:
        super().__init__(label=_("Role"), choices=role_choices, initial=Role.VIEWER)


class NewUserForm(auth_forms.AdminUserCreationForm[User]):
    """Form of a new account."""

    role = RoleField()

    class Meta:
        model = User
        fields = ("email", "name", "role")
        field_classes = {"email": forms.EmailField}


class UserForm(DomainErrorFormMixin, auth_forms.UserChangeForm[User]):
    """Form of an account."""

    role = RoleField()

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


def state_badge(user: User, *, locked: bool) -> str:
    """Show whether the person can sign in."""
    if not user.is_active:
        return badge("idle", _("deactivated"))
    return badge("warn", _("locked")) if locked else badge("ok", _("active"))


class UserList(ChangeList):
    """A page of accounts that says of each whether it is locked, in one query."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        locked = locks.locked([user.email for user in self.result_list])
        for user in self.result_list:
            user.locked = user.email in locked


@admin.register(User)
class UserAdmin(
    PreferencesPage,
    ObjectActionsMixin,
    ServiceDeletionMixin,
    BoundedListMixin,
    DomainErrorMixin,
    auth_admin.UserAdmin[User],
):
    """Accounts, with their roles."""

    form = UserForm
    add_form = NewUserForm
    change_form_template = "accounts/console/person.html"
    list_display = ("email", "name", "role", "state", "last_sign_in")
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

    actions = ("sign_out", "unlock", "delete_selected")
    deletion_effect = _(
        "They are deleted permanently, with their API tokens, and cannot sign in any more. "
        "Deactivate an account instead to keep it."
    )

    sign_out_effect = _(
        "They are signed out at once, on all devices, and can sign in again with their password."
    )

    class Media:
        css: ClassVar[Any] = {"all": ["accounts/console/person.css"]}

    def get_changelist(self, request: HttpRequest, **_kwargs: Any) -> type[ChangeList]:
        return UserList

    @admin.display(description=_("state"), ordering="is_active")
    def state(self, user: Any) -> str:
        return state_badge(user, locked=user.locked)

    @admin.display(description=_("last sign-in"), ordering="last_login")
    def last_sign_in(self, user: User) -> str:
        return moment(user.last_login)

    def object_actions(self, row: User) -> list[str]:
        return ["sign_out", "unlock"] if locks.locked_until(row) else ["sign_out"]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        user = context.get("original")
        if user is not None:
            until = locks.locked_until(user)
            context |= {
                "state": state_badge(user, locked=until is not None),
                "locked_until": until,
                "role_rights": ROLE_RIGHTS[Role(user.role)],
            }
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.action(description=_("Unlock"), permissions=["change"])
    def unlock(self, request: HttpRequest, rows: QuerySet[User]) -> None:
        by: Any = request.user
        count = sum(1 for user in rows if locks.unlock(user, by))
        text = ngettext("%(n)d user was unlocked.", "%(n)d users were unlocked.", count)
        self.message_user(request, text % {"n": count}, messages.SUCCESS)

    @admin.action(description=_("Sign out on all devices"), permissions=["change"])
    def sign_out(self, request: HttpRequest, rows: QuerySet[User]) -> HttpResponse | None:
        if asks_in_list(request):
            return confirm(self, request, rows, Question("sign_out", self.sign_out_effect))
        selected = list(rows)
        for user in selected:
            sessions.end_all(user)
        text = ngettext("%(n)d user was signed out.", "%(n)d users were signed out.", len(selected))
        self.message_user(request, text % {"n": len(selected)}, messages.SUCCESS)
        return None

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
