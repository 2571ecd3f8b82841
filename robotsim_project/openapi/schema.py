"""Generator of the OpenAPI schema: drf-spectacular, completed by all responses that an operation may give.

Common errors are derived from an operation: its body, its parameters, its access rule. Errors that only the
view knows (a conflict, a refusal) are declared by `responses={409: None, 422: None, ...}` of
`extend_schema`.
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
from robotsim_project.openapi import components
from robotsim_project.openapi.examples import EXAMPLES

FIRST_SENTENCE = re.compile(r"^(.+?)[.;:](\s|$)", re.DOTALL)
MAX_ID = 10**18 - 1
ACTION_NAMES = {
    "retrieve": "retrieve",
    "destroy": "delete",
    "partial_update": "change",
    "update": "replace",
}
METHOD_SUFFIXES = {
    "GET": "",
    "POST": "",
    "PUT": "_replace",
    "PATCH": "_change",
    "DELETE": "_delete",
}
PARAMETER_DESCRIPTIONS = {
    "cursor": "Start of the page: copied from `next` or `previous`.",
    "page_size": "Rows per page.",
    "search": "Words that must all occur.",
    "ordering": "Field to order by; with `-` in descending order.",
}


class ApiSchema(AutoSchema):
    """Operations with summary, access rights, responses and headers."""

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
        """Resource and action, such as `executions_stop`; for plain views the parts of the path."""
        parts = [part.replace("-", "_") for part in self._tokenize_path()]
        action = getattr(self.view, "action", None)
        if action is None:
            return "_".join(parts) + METHOD_SUFFIXES[self.method]
        return f"{parts[0]}_{ACTION_NAMES.get(action, action)}"

    def get_summary(self) -> str:
        """First sentence of the docstring of the method or view."""
        action = self._handler()
        text = (getattr(action, "__doc__", None) or type(self.view).__doc__ or "").strip()
        match = FIRST_SENTENCE.match(text)
        name = getattr(self.view, "action", None)
        if name in {"list", "retrieve", "destroy", "update", "partial_update"} and (
            text == "" or getattr(action, "__module__", "").startswith("rest_framework")
        ):
            things = THINGS.get(self.get_tags()[0], self.get_tags()[0])
            return SUMMARIES[name].format(things=things, thing=things.removesuffix("s"))
        return " ".join((match.group(1) if match else text).split())

    def get_auth(self) -> list[dict[str, list[str]]]:
        """Add anonymous access to the base's list where the access table allows it."""
        schemes: list[dict[str, list[str]]] = super().get_auth()
        rule = self._rule()
        if rule is not None and rule.role is None and {} not in schemes:
            schemes.append({})
        return schemes

    def _map_basic_serializer(self, serializer: Any, direction: str) -> Any:
        schema = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if direction == "request" and isinstance(serializer, StrictSerializer):
            schema["additionalProperties"] = False
        for name, keywords in getattr(serializer, "enforced", {}).items():
            if name in schema.get("properties", {}) and direction == "request":
                schema["properties"][name].update(keywords)
        return schema

    def _map_serializer_field(
        self,
        field: Any,
        direction: Any,
        bypass_extensions: Any = False,  # noqa: FBT002
    ) -> Any:
        schema = super()._map_serializer_field(field, direction, bypass_extensions)  # type: ignore[no-untyped-call]
        if isinstance(field, serializers.ListField) and not field.allow_empty and schema:
            schema.setdefault("minItems", 1)
        return schema

    def _rule(self) -> Rule | None:
        """Rule of this operation in the access table."""
        try:
            route = resolve(re.sub(r"\{\w+\}", "1", self.path)).view_name
        except Resolver404:
            return None
        return rule_of(route, self.method)

    def _add_parameters(self, operation: dict[str, Any]) -> None:
        listed = operation.get("parameters", [])
        for parameter in listed:
            self._complete(parameter)
        if self.method == "GET" and self._answers_json(operation):
            listed = [*listed, {"$ref": "#/components/parameters/IfNoneMatch"}]
        if self._is_idempotent():
            listed = [*listed, {"$ref": "#/components/parameters/IdempotencyKey"}]
        if listed:
            operation["parameters"] = listed

    def _complete(self, parameter: dict[str, Any]) -> None:
        name, schema = parameter["name"], parameter["schema"]
        if parameter["in"] == "query":
            schema.update(self._bounds(name))
            schema.get("enum", [])[:] = [value for value in schema.get("enum", []) if value != ""]
        if name in PARAMETER_DESCRIPTIONS:
            parameter["description"] = PARAMETER_DESCRIPTIONS[name]
        if name == "ordering":
            fields = getattr(self.view, "ordering_fields", None) or []
            schema["enum"] = [sign + field for field in fields for sign in ("", "-")]
        elif name == "page_size":
            schema.update(minimum=1, maximum=NewestFirst.max_page_size)
        elif parameter["in"] == "path" and name == "id":
            parameter["schema"] = {"type": "integer", "minimum": 1, "maximum": MAX_ID}
            parameter.setdefault("description", "Its id.")

    def _bounds(self, name: str) -> dict[str, Any]:
        """Limits that a filter enforces; its type is that of the form field, not of the column."""
        filters = getattr(getattr(self.view, "filterset_class", None), "base_filters", {})
        item = filters.get(name)
        if item is None:
            return {}
        keywords = {"min_value": "minimum", "max_value": "maximum", "max_length": "maxLength"}
        bounds = {name: item.extra[key] for key, name in keywords.items() if key in item.extra}
        if isinstance(item, django_filters.NumberFilter):
            # Django's DecimalField is a subclass of its IntegerField.
            bounds["type"] = (
                "number" if issubclass(item.field_class, forms.DecimalField) else "integer"
            )
        return bounds

    def _handler(self) -> Any:
        """Method of the view that handles the operation."""
        return getattr(self.view, getattr(self.view, "action", None) or self.method.lower(), None)

    def _is_idempotent(self) -> bool:
        return bool(getattr(self._handler(), "idempotent", False))

    def _answers_json(self, operation: Mapping[str, Any]) -> bool:
        """Return True for JSON or YAML, neither stream nor bytes; then the middleware adds an ETag."""
        content = operation["responses"].get("200", {}).get("content", {})
        return bool(content) and all("json" in kind or "yaml" in kind for kind in content)

    def _add_errors(self, operation: dict[str, Any], rule: Rule | None) -> None:
        responses = operation["responses"]
        statuses = derived_errors(self.view, operation, rule) | declared_errors(responses)
        if self._is_idempotent():
            statuses |= {400, 409, 413, 415, 422}
        for status in statuses:
            text = responses.get(str(status), {}).get("description") or ""
            if status in components.RESPONSES and text in ("", "No response body"):
                name = components.RESPONSES[status][0]
                responses[str(status)] = {"$ref": f"#/components/responses/{name}"}
            else:
                text = text or HTTPStatus(status).phrase
                responses[str(status)] = components.problem_response(status, text)
        operation["responses"] = dict(sorted(responses.items()))

    def _add_headers(self, operation: dict[str, Any]) -> None:
        responses = operation["responses"]
        for status, response in responses.items():
            if not response.get("description") and "$ref" not in response:
                response["description"] = f"{HTTPStatus(int(status)).phrase}."
        if self.method == "GET" and self._answers_json(operation):
            responses["200"].setdefault("headers", {})["ETag"] = components.header("ETag")
            responses["304"] = {"$ref": "#/components/responses/NotModified"}
            operation["responses"] = dict(sorted(responses.items()))
        idempotent = self._is_idempotent()
        for status in ("200", "201", "202", "204"):
            if status in responses and idempotent:
                headers = responses[status].setdefault("headers", {})
                headers["Idempotent-Replayed"] = components.header("IdempotentReplayed")
        for status in ("201", "202"):
            if status in responses and (idempotent or self.method == "DELETE"):
                responses[status].setdefault("headers", {})["Location"] = components.header(
                    "Location"
                )

    def _add_examples(self, operation: dict[str, Any]) -> None:
        for key, value in EXAMPLES.get(operation["operationId"], {}).items():
            body = operation.get("requestBody", {})
            if key != "request":
                body = operation["responses"].get(key, {})
            media = body.get("content", {}).get("application/json")
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
    """Describe the access rule of an operation."""
    scope = f"scope `{rule.scope}`" if rule.scope else "not allowed, users only"
    return f"Minimum role: {rule.role}. Token: {scope}."


def declared_errors(responses: Mapping[str, Any]) -> set[int]:
    """Return the error statuses that the view declares."""
    return {int(status) for status in responses if status.isdecimal() and int(status) >= 400}  # noqa: PLR2004


def derived_errors(view: Any, operation: Mapping[str, Any], rule: Rule | None) -> set[int]:
    """Return the error statuses that follow from body, parameters and access rule of an operation."""
    parameters = {(item.get("in"), item.get("name")) for item in operation.get("parameters", [])}
    locations = {location for location, _name in parameters}
    restricted = rule is None or rule.role is not None
    conditions = [
        (True, {503}),
        ("requestBody" in operation, {400, 413, 415}),
        ("query" in locations, {400}),
        ("path" in locations or ("query", "cursor") in parameters, {404}),
        (restricted, {401, 403}),
        (bool(view.get_authenticators()), {401}),
        (view.content_negotiation_class is DefaultContentNegotiation, {406}),
        (bool(view.get_throttles()), {429}),
    ]
    return {status for applies, statuses in conditions if applies for status in statuses}
