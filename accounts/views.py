"""HTML pages in the console's style: password reset and locked account."""

import math
from typing import Any

from django.contrib import messages
from django.contrib.auth import views
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from accounts.models import User
from accounts.services import passwords
from accounts.services.callers import attempted_username, seconds_locked
from common.exceptions import NotFoundError


@method_decorator(never_cache, "dispatch")
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
    wait = seconds_locked(request, name)
    context = {"minutes": math.ceil(wait / 60)}
    response = render(request, "accounts/locked.html", context, status=429)
    response["Retry-After"] = str(wait)
    return response
