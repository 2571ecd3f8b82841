"""Next steps of rows, offered by the apps that take them: on the page of a row and once it is saved."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join


@dataclass(frozen=True)
class NextStep:
    """A link to the page where a step is taken, for those who may take it."""

    text: object
    url: str
    permission: str
    is_main: bool = False


Offer = Callable[[Any], Iterable[NextStep]]
_offers: dict[type[Model], list[Offer]] = {}


def offers(model: type[Model]) -> Callable[[Offer], Offer]:
    """Register a function that offers steps for rows of a model; apps above that of the model call this."""

    def register(offer: Offer) -> Offer:
        _offers.setdefault(model, []).append(offer)
        return offer

    return register


def next_steps(user: Any, row: Model) -> list[NextStep]:
    """The steps that a user may take with a row now."""
    steps = [step for offer in _offers.get(type(row), ()) for step in offer(row)]
    return [step for step in steps if user.has_perm(step.permission)]


def step_url(view: str, **query: object) -> str:
    """Return the URL of a page of the console with its query."""
    return f"{reverse(f'admin:{view}')}?{urlencode(query)}"


class NextStepsMixin:
    """Say the next steps in the message after a row was saved; for the bases, before `ModelAdmin`."""

    def response_add(self, request: HttpRequest, obj: Model, *args: Any, **kwargs: Any) -> Any:
        request.saved_row = obj  # type: ignore[attr-defined]
        return super().response_add(request, obj, *args, **kwargs)  # type: ignore[misc]

    def response_change(self, request: HttpRequest, obj: Model) -> Any:
        request.saved_row = obj  # type: ignore[attr-defined]
        return super().response_change(request, obj)  # type: ignore[misc]

    def message_user(
        self,
        request: HttpRequest,
        message: Any,
        level: int | str = messages.INFO,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        row = getattr(request, "saved_row", None)
        if row is not None and level == messages.SUCCESS:
            links = [(step.url, step.text) for step in next_steps(request.user, row)]
            message = format_html(
                "{} {}", message, format_html_join(" · ", '<a href="{}">{}</a>', links)
            )
        super().message_user(request, message, level, *args, **kwargs)  # type: ignore[misc]
