"""The page of a person's own preferences: language, time zone, theme and kept lists."""

from typing import Any

from django import forms
from django.apps import apps
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.text import capfirst
from django.utils.translation import get_language_info, gettext, override
from django.utils.translation import gettext_lazy as _

from accounts.choices import Theme
from accounts.exceptions import PreferencesInvalidError
from accounts.services import preferences
from common.admin.times import zone_name


class PreferencesForm(forms.Form):
    """The preferences of a person; what is empty is the browser's."""

    language = forms.ChoiceField(label=_("language"), required=False)
    zone = forms.ChoiceField(
        label=_("time zone"),
        required=False,
        help_text=_("Of all times that pages show, and of those that you enter."),
    )
    theme = forms.ChoiceField(label=_("theme"), required=False)
    forget = forms.MultipleChoiceField(
        label=_("forget what is kept for"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("These lists show their own columns and all rows again."),
    )

    def __init__(self, chosen: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"initial": chosen, **kwargs})
        browser = ("", _("as the browser says"))
        fields: Any = self.fields
        fields["language"].choices = [browser, *_languages()]
        fields["zone"].choices = [browser, *((name, name) for name in sorted(preferences.zones()))]
        fields["theme"].choices = [browser, *Theme.choices]
        fields["forget"].choices = [(name, _list_name(name)) for name in sorted(chosen["lists"])]
        if not chosen["lists"]:
            del fields["forget"]

    def changes(self) -> dict[str, Any]:
        """Return what to change."""
        values = dict(self.cleaned_data)
        return {**values, "lists": dict.fromkeys(values.pop("forget", ()))}


class PreferencesPage:
    """Mixin before `ModelAdmin` in the admin of users."""

    admin_site: Any
    message_user: Any

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path("preferences/", wrap(self.preferences_view), name="preferences"),
        ]
        return [*own, *super().get_urls()]  # type: ignore[misc]

    def _keep_list(self, request: HttpRequest) -> HttpResponse:
        """Keep, or forget, columns and filters of a list, then show the list again."""
        values: dict[str, Any] = {}
        if "columns" in request.POST or "reset" in request.POST:
            values["columns"] = [] if "reset" in request.POST else request.POST.getlist("columns")
        if "filters" in request.POST:
            values["filters"] = request.POST["filters"]
        user: Any = request.user
        try:
            preferences.change_list(user, request.POST["list"], **values)
        except PreferencesInvalidError as error:
            self.message_user(request, str(error), messages.ERROR)
        target = request.POST.get("next", "")
        safe = url_has_allowed_host_and_scheme(
            target, {request.get_host()}, require_https=request.is_secure()
        )
        return HttpResponseRedirect(target if safe else reverse("admin:index"))

    def preferences_view(self, request: HttpRequest) -> HttpResponse:
        """Show and change one's own preferences; everybody may. Lists send what is kept for them."""
        if "list" in request.POST:
            return self._keep_list(request)
        user: Any = request.user
        form = PreferencesForm(preferences.preferences_of(user), request.POST or None)
        if request.method == "POST" and form.is_valid():
            chosen = preferences.change(user, form.changes())
            with override(chosen["language"] or None):
                self.message_user(
                    request, gettext("Your preferences were saved."), messages.SUCCESS
                )
            return HttpResponseRedirect(request.get_full_path())
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Preferences"),
            "form": form,
            "zone": zone_name(),
        }
        return TemplateResponse(request, "accounts/console/preferences.html", context)


def _languages() -> list[tuple[str, str]]:
    """Return the languages by their own names: who cannot read a page finds the way out."""
    return [(code, get_language_info(code)["name_local"]) for code, _name in settings.LANGUAGES]


def _list_name(label: str) -> str:
    """Return the name of a list, by the label of its model."""
    try:
        return str(capfirst(apps.get_model(label)._meta.verbose_name_plural))  # noqa: SLF001
    except (LookupError, ValueError):
        return label
