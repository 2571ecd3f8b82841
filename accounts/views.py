"""HTML pages in the console's style: passwords, and refusals of too many attempts."""

import math
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.forms import AdminPasswordChangeForm
from django.contrib.auth import views
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import check_for_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.i18n import set_language

from accounts.exceptions import (
    PreferencesInvalidError,
    SignInLockedError,
    SignInRefusedError,
)
from accounts.models import User
from accounts.services import passwords, preferences, sessions, users
from accounts.services.callers import attempted_username, seconds_locked
from accounts.services.limits import count_call
from common.exceptions import NotFoundError

View = Callable[..., HttpResponseBase]


def limited(view: View) -> View:
    """Limit the posts of a page by client address, together with the sign-ins of the API."""

    @wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        wait = count_call(request, "sign_in") if request.method == "POST" else 0.0
        return too_often_page(request, wait) if wait else view(request, *args, **kwargs)

    return page


def switch_language(request: HttpRequest) -> HttpResponseBase:
    """Switch the language as Django does, and remember it for the person who is signed in."""
    language = request.POST.get("language", "")
    if isinstance(request.user, User) and check_for_language(language):
        with suppress(
            PreferencesInvalidError
        ):  # a language that Django has and the console has not
            preferences.change(request.user, {"language": language})
    return set_language(request)


class PasswordChangeForm(AdminPasswordChangeForm):
    """Changes one's own password as the API does."""

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._request = request

    def clean_old_password(self) -> str:
        """Check the old password; wrong ones count as at sign-in. Raises SignInLockedError."""
        old = str(self.cleaned_data["old_password"])
        try:
            sessions.check_password(self._request, self.user.get_username(), old)
        except SignInRefusedError as error:
            message = self.error_messages["password_incorrect"]
            raise forms.ValidationError(message, code="password_incorrect") from error
        return old

    def save(self, commit: bool = True) -> User:  # noqa: FBT001, FBT002  as Django declares it
        """Set the password by the service: all other sign-ins end."""
        return users.change(self.user, {"password": self.cleaned_data["new_password1"]})


class PasswordChangePage(views.PasswordChangeView):
    """Django's page to change one's own password; wrong passwords count, the service sets the new one."""

    form_class = PasswordChangeForm
    success_url = reverse_lazy("admin:password_change_done")

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "request": self.request}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().post(request, *args, **kwargs)
        except SignInLockedError as error:
            return _locked_page(request, error.retry_after or 1)


@method_decorator([never_cache, limited], "dispatch")
class ResetPage(views.PasswordResetConfirmView):
    """Django's page for the reset link; the service sets the password."""

    success_url = reverse_lazy("admin:login")

    def form_valid(self, form: Any) -> HttpResponseRedirect:
        """Set the password, once, and redirect to the sign-in page."""
        del self.request.session[views.INTERNAL_RESET_SESSION_TOKEN]
        if isinstance(self.user, User):
            try:
                passwords.set_password(self.user, form.cleaned_data["new_password1"])
            except NotFoundError as error:  # the account was just deleted
                raise Http404 from error
        messages.success(self.request, _("The new password is set. Sign in with it."))
        return HttpResponseRedirect(str(self.success_url))


def locked_page(
    request: HttpRequest, _response: Any = None, credentials: dict[str, Any] | None = None
) -> HttpResponse:
    """Answer sign-ins in the console while the account is locked."""
    name = attempted_username(request, credentials or getattr(request, "axes_credentials", None))
    return _locked_page(request, seconds_locked(request, name))


def _locked_page(request: HttpRequest, wait: int) -> HttpResponse:
    text = ngettext(
        "This account is locked for your address. Try again in %d minute, or ask an admin to unlock it.",
        "This account is locked for your address. Try again in %d minutes, or ask an admin to unlock it.",
        math.ceil(wait / 60),
    )
    heading = _("Too many wrong passwords")
    return _refusal(request, wait, heading, text % math.ceil(wait / 60))


def too_often_page(request: HttpRequest, wait: float) -> HttpResponse:
    """Answer posts of an address that has made too many."""
    seconds = math.ceil(wait)
    text = ngettext("Try again in %d second.", "Try again in %d seconds.", seconds) % seconds
    return _refusal(request, seconds, _("Too many attempts from your address"), text)


def _refusal(request: HttpRequest, wait: int, heading: str, text: str) -> HttpResponse:
    context = {"heading": heading, "text": text}
    response = render(request, "accounts/too_many_attempts.html", context, status=429)
    response["Retry-After"] = str(wait)
    return response
