"""How the API's description is made: drf-spectacular, with every answer that an operation can give.

Errors follow from what an operation is: its body, its parameters, who may call it. What only the view knows
(a conflict, a refusal) it declares as `responses={409: None, 422: None, ...}` of `extend_schema`.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import django_filters
from django import forms
from django.urls import Resolver404, resolve
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers
from rest_framework.negotiation import DefaultContentNegotiation

from accounts.permissions import Rule, rule_of
from common.rest.pagination import NewestFirst
from common.rest.serializers import StrictSerializer
from robotsim_project.openapi import components as parts
from robotsim_project.openapi.examples import EXAMPLES

SENTENCE = re.compile(r"^(.+?)[.;:](\s|$)", re.DOTALL)
LARGEST_ID = 10**18 - 1
NAMES = {
    "retrieve": "retrieve",
    "destroy": "delete",
    "partial_update": "change",
    "update": "replace",
}
OF_METHOD = {"GET": "", "POST": "", "PUT": "_replace", "PATCH": "_change", "DELETE": "_delete"}
DESCRIBED = {
    "cursor": "Where the page begins: part of `next` and `previous`, not to be made up.",
    "page_size": "Rows of a page.",
    "search": "Words that all must occur.",
    "ordering": "Field to order by; with `-` the other way round.",
}


class Described(AutoSchema):
    """Operations with a summary, their rights, all answers and headers."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        rule = self._rule()
        if rule is not None and rule.role is not None:
            operation["description"] = (
                f"{operation.get('description', '')}\n\n{rights(rule)}".strip()
            )
        self._add_parameters(operation)
        self._add_errors(operation, rule)
        self._add_headers(operation)
        self._add_examples(operation)
        return operation

    def get_operation_id(self) -> str:
        """Resource and action, such as `executions_stop`; of plain views the words of the address."""
        words = [word.replace("-", "_") for word in self._tokenize_path()]
        action = getattr(self.view, "action", None)
        if action is None:
            return "_".join(words) + OF_METHOD[self.method]
        return f"{words[0]}_{NAMES.get(action, action)}"

    def get_summary(self) -> str:
        """The first sentence of the view's or method's docstring."""
        action = self._handler()
        text = (getattr(action, "__doc__", None) or type(self.view).__doc__ or "").strip()
        found = SENTENCE.match(text)
        name = getattr(self.view, "action", None)
        if name in {"list", "retrieve", "destroy", "update", "partial_update"} and (
            text == "" or getattr(action, "__module__", "").startswith("rest_framework")
        ):
            things = THINGS.get(self.get_tags()[0], self.get_tags()[0])
            return SUMMARIES[name].format(things=things, thing=things.removesuffix("s"))
        return " ".join((found.group(1) if found else text).split())

    def get_auth(self) -> list[dict[str, list[str]]]:
        """As in the base; who may come without is read from the table of rules."""
        found: list[dict[str, list[str]]] = super().get_auth()
        rule = self._rule()
        if rule is not None and rule.role is None and {} not in found:
            found.append({})
        return found

    def _map_basic_serializer(self, serializer: Any, direction: str) -> Any:
        told = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if direction == "request" and isinstance(serializer, StrictSerializer):
            told["additionalProperties"] = False
        for name, words in getattr(serializer, "enforced", {}).items():
            if name in told.get("properties", {}) and direction == "request":
                told["properties"][name].update(words)
        return told

    def _map_serializer_field(
        self,
        field: Any,
        direction: Any,
        bypass_extensions: Any = False,  # noqa: FBT002
    ) -> Any:
        told = super()._map_serializer_field(field, direction, bypass_extensions)  # type: ignore[no-untyped-call]
        if isinstance(field, serializers.ListField) and not field.allow_empty and told:
            told.setdefault("minItems", 1)
        return told

    def _rule(self) -> Rule | None:
        """The rule of this operation in the table of rights."""
        try:
            route = resolve(re.sub(r"\{\w+\}", "1", self.path)).view_name
        except Resolver404:
            return None
        return rule_of(route, self.method)

    def _add_parameters(self, operation: dict[str, Any]) -> None:
        listed = operation.get("parameters", [])
        for parameter in listed:
            self._complete(parameter)
        if self.method == "GET" and self._answers_by_json(operation):
            listed = [*listed, {"$ref": "#/components/parameters/IfNoneMatch"}]
        if self._is_idempotent():
            listed = [*listed, {"$ref": "#/components/parameters/IdempotencyKey"}]
        if listed:
            operation["parameters"] = listed

    def _complete(self, parameter: dict[str, Any]) -> None:
        name, schema = parameter["name"], parameter["schema"]
        if parameter["in"] == "query":
            schema.update(self._bounds(name))
            schema.get("enum", [])[:] = [each for each in schema.get("enum", []) if each != ""]
        if name in DESCRIBED:
            parameter["description"] = DESCRIBED[name]
        if name == "ordering":
            fields = getattr(self.view, "ordering_fields", None) or []
            schema["enum"] = [sign + field for field in fields for sign in ("", "-")]
        elif name == "page_size":
            schema.update(minimum=1, maximum=NewestFirst.max_page_size)
        elif parameter["in"] == "path" and name == "id":
            parameter["schema"] = {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}
            parameter.setdefault("description", "Its id.")

    def _bounds(self, name: str) -> dict[str, Any]:
        """What a filter enforces; its type follows from how it reads, not from the column."""
        filters = getattr(getattr(self.view, "filterset_class", None), "base_filters", {})
        asked = filters.get(name)
        if asked is None:
            return {}
        words = {"min_value": "minimum", "max_value": "maximum", "max_length": "maxLength"}
        told = {word: asked.extra[key] for key, word in words.items() if key in asked.extra}
        if isinstance(asked, django_filters.NumberFilter):
            # Django's decimal field is a kind of its integer field.
            told["type"] = (
                "number" if issubclass(asked.field_class, forms.DecimalField) else "integer"
            )
        return told

    def _handler(self) -> Any:
        """The method of the view that answers."""
        return getattr(self.view, getattr(self.view, "action", None) or self.method.lower(), None)

    def _is_idempotent(self) -> bool:
        return bool(getattr(self._handler(), "idempotent", False))

    def _answers_by_json(self, operation: Mapping[str, Any]) -> bool:
        """Whether its answer has an ETag of the middleware: neither stream nor bytes."""
        content = operation["responses"].get("200", {}).get("content", {})
        return bool(content) and all("json" in kind or "yaml" in kind for kind in content)

    def _add_errors(self, operation: dict[str, Any], rule: Rule | None) -> None:
        responses = operation["responses"]
        found = errors_of(self.view, operation, rule) | declared(responses)
        if self._is_idempotent():
            found |= {400, 409, 413, 415, 422}
        for status in found:
            told = responses.get(str(status), {}).get("description") or ""
            if status in parts.MEANING and told in ("", "No response body"):
                name = parts.MEANING[status][0]
                responses[str(status)] = {"$ref": f"#/components/responses/{name}"}
            else:
                responses[str(status)] = parts.answer(status, told or HTTPStatus(status).phrase)
        operation["responses"] = dict(sorted(responses.items()))

    def _add_headers(self, operation: dict[str, Any]) -> None:
        responses = operation["responses"]
        for status, told in responses.items():
            if not told.get("description") and "$ref" not in told:
                told["description"] = f"{HTTPStatus(int(status)).phrase}."
        if self.method == "GET" and self._answers_by_json(operation):
            responses["200"].setdefault("headers", {})["ETag"] = parts.header("ETag")
            responses["304"] = {"$ref": "#/components/responses/NotModified"}
            operation["responses"] = dict(sorted(responses.items()))
        keyed = self._is_idempotent()
        for status in ("200", "201", "202", "204"):
            if status in responses and keyed:
                told = responses[status].setdefault("headers", {})
                told["Idempotent-Replayed"] = parts.header("IdempotentReplayed")
        for status in ("201", "202"):
            if status in responses and (keyed or self.method == "DELETE"):
                responses[status].setdefault("headers", {})["Location"] = parts.header("Location")

    def _add_examples(self, operation: dict[str, Any]) -> None:
        found = EXAMPLES.get(operation["operationId"], {})
        for place, value in found.items():
            holder = operation.get("requestBody", {})
            if place != "request":
                holder = operation["responses"].get(place, {})
            media = holder.get("content", {}).get("application/json")
            if media is not None:
                media.setdefault("examples", {})["Example"] = {"value": value}


THINGS = {"audit": "audit entries", "tokens": "tokens of programs"}
SUMMARIES = {
    "list": "List {things}",
    "retrieve": "Read one {thing}",
    "destroy": "Remove one {thing}",
    "update": "Replace one {thing}",
    "partial_update": "Change one {thing}",
}


def rights(rule: Rule) -> str:
    """Who may call it, for people."""
    scope = f"scope `{rule.scope}`" if rule.scope else "no program: people only"
    return f"Least role: {rule.role}. Token: {scope}."


def declared(responses: Mapping[str, Any]) -> set[int]:
    """Error statuses that the view itself names."""
    return {int(status) for status in responses if status.isdecimal() and int(status) >= 400}  # noqa: PLR2004


def errors_of(view: Any, operation: Mapping[str, Any], rule: Rule | None) -> set[int]:
    """Error statuses that follow from what an operation is."""
    named = {(each.get("in"), each.get("name")) for each in operation.get("parameters", [])}
    places = {place for place, _name in named}
    closed = rule is None or rule.role is not None
    follows = [
        (True, {503}),
        ("requestBody" in operation, {400, 413, 415}),
        ("query" in places, {400}),
        ("path" in places or ("query", "cursor") in named, {404}),
        (closed, {401, 403}),
        (bool(view.get_authenticators()), {401}),
        (view.content_negotiation_class is DefaultContentNegotiation, {406}),
        (bool(view.get_throttles()), {429}),
    ]
    return {status for holds, statuses in follows if holds for status in statuses}
