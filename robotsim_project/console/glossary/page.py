"""The page of the glossary, and the term that a page of the console is about."""

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from robotsim_project.console.glossary.terms import GROUPS, TERMS, Term


def page(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Show all terms; in another language than English with their English names, as documents use them."""
    with override("en"):
        english = {slug: str(term.title) for slug, term in TERMS.items()}
    if get_language() == "en":
        english = {}
    groups = [
        (title, [(term, english.get(term.slug, "")) for term in terms]) for title, terms in GROUPS
    ]
    context = {**site.each_context(request), "title": _("Glossary"), "groups": groups}
    return TemplateResponse(request, "robotsim/console/glossary.html", context)


def term_of(request: HttpRequest) -> Term | None:
    """Return the term of the model that the requested page belongs to."""
    match = request.resolver_match
    name = (match.url_name if match else "") or ""
    own = (term for term in TERMS.values() if term.model and name.startswith(f"{term.model}_"))
    return next(own, None)
