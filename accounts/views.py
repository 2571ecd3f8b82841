"""The page where people without a front end set a new password; in the console's clothes."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import views
from django.http import HttpResponseRedirect
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from accounts.models import User
from accounts.services import passwords


@method_decorator(never_cache, "dispatch")
class ResetPage(views.PasswordResetConfirmView):
    """Django's own page for the link of the mail; the service sets the password."""

    success_url = reverse_lazy("admin:login")

    def form_valid(self, form: Any) -> HttpResponseRedirect:
        """Set it once, and lead to the sign-in."""
        del self.request.session[views.INTERNAL_RESET_SESSION_TOKEN]
        if isinstance(self.user, User):
            passwords.set_new(self.user, form.cleaned_data["new_password1"])
        messages.success(self.request, _("The password is set. Sign in with it."))
        return HttpResponseRedirect(str(self.success_url))
