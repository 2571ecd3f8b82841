"""Every error of the API is a problem document with a stable code, and never a traceback."""

from dataclasses import asdict
from typing import Any

import pytest
from django.core import exceptions as django_errors
from django.db import InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions, serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView
from rest_framework_simplejwt.exceptions import InvalidToken

from common.exceptions import DomainError, FieldError

DRIVES = FieldError("/robot", "It drives.", "DRIVES")


class RobotBusyError(DomainError):
    status = 409
    code = "ROBOT_BUSY"
    message = "The robot %(name)s drives. Stop it first."
    retry_after = 7


class Raises(APIView):
    permission_classes = [AllowAny]
    error: Exception

    def post(self, request: Request) -> Response:
        raise self.error


class Stage(serializers.Serializer[Any]):
    agents = serializers.IntegerField(min_value=1)
    labels = serializers.ListField(child=serializers.CharField(max_length=3), required=False)


class Design(serializers.Serializer[Any]):
    name = serializers.CharField()
    stages = Stage(many=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        raise serializers.ValidationError("Too much at once.", code="too_much")


class Validates(APIView):
    permission_classes = [AllowAny]

    def post(self, request: Request) -> Response:
        Design(data=request.data).is_valid(raise_exception=True)
        return Response()


def answer(view: type[APIView], body: Any = None, **attributes: Any) -> Response:
    request = APIRequestFactory().post("/", body or {})
    response = view.as_view(**attributes)(request)
    response.render()
    assert response["Content-Type"] == "application/problem+json"
    assert response.data["status"] == response.status_code
    assert response.data["type"] == "about:blank"
    assert {"title", "detail", "code"} < set(response.data)
    return response


def raised(error: Exception) -> Response:
    view = type("RaisesThis", (Raises,), {"error": error})
    return answer(view)


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (Http404(), "Check the id"),
        (exceptions.NotAuthenticated(), "Sign in"),
        (exceptions.PermissionDenied(), "Ask an admin"),
        (exceptions.MethodNotAllowed("PUT"), "Allow header"),
        (exceptions.NotAcceptable(), "Accept: application/json"),
        (exceptions.UnsupportedMediaType("text/plain"), "Check Content-Type"),
        (exceptions.ParseError(), "Check it against /docs"),
        (exceptions.NotFound("The rosbag is gone."), "The rosbag is gone."),
        (exceptions.ParseError("Line 3."), "Line 3."),
    ],
)
def test_the_sentence_says_what_to_do(error: Exception, remedy: str) -> None:
    assert remedy in raised(error).data["detail"]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Http404(), 404, "NOT_FOUND"),
        (exceptions.NotFound(), 404, "NOT_FOUND"),
        (django_errors.PermissionDenied(), 403, "PERMISSION_DENIED"),
        (exceptions.NotAuthenticated(), 401, "NOT_AUTHENTICATED"),
        (exceptions.ParseError(), 400, "PARSE_ERROR"),
        (exceptions.UnsupportedMediaType("text/plain"), 415, "UNSUPPORTED_MEDIA_TYPE"),
        (exceptions.Throttled(wait=3), 429, "THROTTLED"),
        (InvalidToken(), 401, "TOKEN_NOT_VALID"),
        (django_errors.RequestDataTooBig(), 413, "TOO_LARGE"),
        (django_errors.SuspiciousOperation(), 400, "PARSE_ERROR"),
        (django_errors.ValidationError({"name": ["Taken."]}), 400, "INVALID"),
        (RobotBusyError(errors=[DRIVES], name="r2"), 409, "ROBOT_BUSY"),
        (OperationalError("server closed the connection"), 503, "DATABASE_UNAVAILABLE"),
        (InterfaceError("connection already closed"), 503, "DATABASE_UNAVAILABLE"),
        (RuntimeError("secret detail"), 500, "INTERNAL_ERROR"),
    ],
)
def test_each_error_has_its_status_and_code(error: Exception, status: int, code: str) -> None:
    response = raised(error)
    assert (response.status_code, response.data["code"]) == (status, code)


def test_a_domain_error_tells_all_it_knows() -> None:
    response = raised(RobotBusyError(errors=[DRIVES], name="r2"))
    assert response.data["detail"] == "The robot r2 drives. Stop it first."
    assert response.data["errors"] == [asdict(DRIVES)]
    assert response["Retry-After"] == "7"


def test_a_mistake_of_ours_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    response = raised(RuntimeError("secret detail"))
    assert "secret detail" not in str(response.data)
    assert "Traceback" not in str(response.data)
    assert "secret detail" in caplog.text


def test_waits_are_told() -> None:
    assert raised(OperationalError())["Retry-After"] == "5"
    assert raised(exceptions.Throttled(wait=3))["Retry-After"] == "3"


def test_wrong_values_are_pointed_at() -> None:
    body = {"stages": [{"agents": 1}, {"agents": 0, "labels": ["ok", "too long"]}]}
    errors = answer(Validates, body).data["errors"]
    assert {(error["pointer"], error["code"]) for error in errors} == {
        ("/name", "REQUIRED"),
        ("/stages/1/agents", "MIN_VALUE"),
        ("/stages/1/labels/1", "MAX_LENGTH"),
    }


def test_an_error_of_the_whole_points_at_the_whole() -> None:
    data = answer(Validates, {"name": "n", "stages": [{"agents": 1}]}).data
    assert data["errors"] == [{"pointer": "", "detail": "Too much at once.", "code": "TOO_MUCH"}]
    assert data["detail"] == "Too much at once."


def test_a_body_that_is_no_object_is_told_so() -> None:
    data = answer(Validates, [1]).data
    assert data["errors"][0]["pointer"] == ""


def test_names_are_escaped_in_pointers() -> None:
    error = exceptions.ValidationError({"a/b~c": ["wrong"]})
    assert raised(error).data["errors"][0]["pointer"] == "/a~1b~0c"


def test_broken_json_is_told_as_such() -> None:
    request = APIRequestFactory().generic("POST", "/", "{", content_type="application/json")
    response = Validates.as_view()(request)
    assert (response.status_code, response.data["code"]) == (400, "PARSE_ERROR")
