"""The API's description: without warnings, complete, and with examples that it allows itself."""

import io
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from django.core.management import call_command
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from robotsim_project.openapi import views
from robotsim_project.openapi.components import TAGS
from robotsim_project.openapi.examples import EXAMPLES

PROBLEM = {"$ref": "#/components/schemas/Problem"}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return found


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def followed(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """Resolve a reference."""
    while "$ref" in node:
        _root, kind, name = node["$ref"].removeprefix("#/").split("/")
        node = schema["components"][kind][name]
    return node


def test_it_is_made_without_warnings() -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=io.StringIO())


def test_every_operation_has_a_name_a_summary_and_a_known_tag(schema: dict[str, Any]) -> None:
    names = [operation["operationId"] for _path, _method, operation in operations(schema)]
    assert len(names) == len(set(names))
    known = {tag["name"] for tag in TAGS}
    for path, method, operation in operations(schema):
        where = f"{method} {path}"
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", operation["operationId"]), where
        assert 5 < len(operation["summary"]) < 120, where
        assert set(operation["tags"]) <= known, where


def test_every_error_is_a_problem_document(schema: dict[str, Any]) -> None:
    for path, method, operation in operations(schema):
        errors = {status for status in operation["responses"] if status >= "400"}
        assert "503" in errors, (method, path)
        for status in errors:
            answer = followed(schema, operation["responses"][status])
            assert answer["description"]
            content = answer["content"]
            assert list(content) == ["application/problem+json"], (method, path, status)
            assert content["application/problem+json"]["schema"] == PROBLEM


def test_bodies_are_strict(schema: dict[str, Any]) -> None:
    for path, method, operation in operations(schema):
        for media in operation.get("requestBody", {}).get("content", {}).values():
            body = followed(schema, media["schema"])
            assert body["additionalProperties"] is False, (method, path)


def test_who_may_call_is_told(schema: dict[str, Any]) -> None:
    for path, method, operation in operations(schema):
        open_to_all = {} in operation.get("security", [{}])
        assert ("401" in operation["responses"]) or open_to_all, (method, path)
        assert ("Minimum role" in operation.get("description", "")) != open_to_all, (method, path)


def test_reads_can_be_polled(schema: dict[str, Any]) -> None:
    reads = [
        operation
        for _path, method, operation in operations(schema)
        if method == "get" and "application/json" in operation["responses"]["200"]["content"]
    ]
    assert len(reads) > 10
    for operation in reads:
        assert "304" in operation["responses"], operation["operationId"]
        assert "ETag" in operation["responses"]["200"]["headers"]


def test_orderings_are_listed(schema: dict[str, Any]) -> None:
    for _path, _method, operation in operations(schema):
        for node in operation.get("parameters", []):
            parameter = followed(schema, node)
            if parameter["name"] == "ordering":
                assert parameter["schema"]["enum"], operation["operationId"]


def examples(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Every example of a body, with its schema."""
    for _path, _method, operation in operations(schema):
        holders = [operation.get("requestBody", {}), *operation["responses"].values()]
        for holder in holders:
            for media in followed(schema, holder).get("content", {}).values():
                for example in media.get("examples", {}).values():
                    yield operation["operationId"], media["schema"], example["value"]


def test_examples_are_what_the_description_allows(schema: dict[str, Any]) -> None:
    store = as_json_schema({"components": schema["components"]})
    seen = set()
    for name, node, value in examples(schema):
        complete = {**store, **as_json_schema(node)}
        jsonschema.Draft7Validator(complete).validate(value)
        seen.add(name)
    assert set(EXAMPLES) <= seen


def as_json_schema(node: Any) -> Any:
    """OpenAPI 3.0 in words of JSON Schema: `nullable` is a type there."""
    if isinstance(node, list):
        return [as_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    converted = {key: as_json_schema(value) for key, value in node.items()}
    if converted.pop("nullable", False) is True:
        return {"anyOf": [converted, {"type": "null"}]}
    return converted


def test_the_documentation_needs_no_other_host(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["robots.test", "testserver"]
    answer = Client().get("/docs", headers={"host": "robots.test"})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "swagger-ui" in page
    hosts = set(re.findall(r"(?:https?:)?//([\w.-]+)", page))
    assert hosts <= {"robots.test"}
    for address in re.findall(r'(?:src|href)="(/[^"]+)"', page):
        assert Client().get(address).status_code == 200, address


def test_the_description_is_made_once_for_each_language_and_format(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = client.get("/api/v1/schema?format=json")
    assert first["Content-Type"].startswith("application/")
    made: list[int] = []
    monkeypatch.setattr(views.SchemaGenerator, "get_schema", lambda *_args, **_more: made.append(1))
    again = client.get("/api/v1/schema?format=json&version=7")
    assert again.content == first.content
    assert made == []
