"""Idempotency keys: replayed, refused with another body, freed by a failure, safe in parallel."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from accounts.api.idempotency import idempotent
from accounts.choices import Role
from accounts.models import IdempotencyKey, User
from accounts.services import idempotency


class Counter(APIView):
    """Counts its executions; tests set what each of them does."""

    permission_classes = ()

    parser_classes = [JSONParser, MultiPartParser]
    executions: list[Any] = []
    failures: list[Exception | int] = []
    gate: threading.Event | None = None

    @idempotent
    def post(self, request: Request) -> Response:
        self.executions.append(request.data)
        User.objects.filter(pk=request.user.pk).update(name=len(self.executions))
        if self.gate is not None:
            self.gate.wait(60)
        if self.failures:
            failure = self.failures.pop(0)
            if isinstance(failure, Exception):
                raise failure
            return Response({"failed": True}, status=failure)
        number = len(self.executions)
        return Response({"number": number}, status=202, headers={"Location": f"/{number}"})


@pytest.fixture
def counter() -> type[Counter]:
    return type("FreshCounter", (Counter,), {"executions": [], "failures": [], "gate": None})


@pytest.fixture
def operator(people: dict[Role, User]) -> User:
    return people[Role.OPERATOR]


def send(
    view: type[APIView],
    user: User,
    body: Any = None,
    *,
    key: str | None = "k-1",
    path: str = "/start",
    form: str = "json",
) -> Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    request = APIRequestFactory().post(path, body or {"a": 1}, headers=headers, format=form)
    force_authenticate(request, user)
    response = view.as_view()(request)
    response.render()
    return response


def test_response_is_replayed(counter: type[Counter], operator: User) -> None:
    first, second = send(counter, operator), send(counter, operator)
    assert len(counter.executions) == 1
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"
    for answer in (first, second):
        assert (answer.status_code, answer.data) == (202, {"number": 1})
        assert answer["Location"] == "/1"


def test_another_body_is_refused(counter: type[Counter], operator: User) -> None:
    send(counter, operator)
    refused = send(counter, operator, {"a": 2})
    assert (refused.status_code, refused.data["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert len(counter.executions) == 1


def test_keys_are_separate_by_user_and_url(
    counter: type[Counter], people: dict[Role, User]
) -> None:
    operator, admin = people[Role.OPERATOR], people[Role.ADMIN]
    send(counter, operator)
    send(counter, admin)
    send(counter, operator, key="k-2")
    send(counter, operator, path="/other")
    send(counter, operator, path="/start?x=1")
    send(counter, operator, path="/" + 300 * "x")
    assert len(counter.executions) == 6
    assert send(counter, operator, path="/" + 300 * "x")["Idempotent-Replayed"] == "true"


def test_requests_without_key_all_execute(counter: type[Counter], operator: User) -> None:
    send(counter, operator, key=None)
    send(counter, operator, key=None)
    assert len(counter.executions) == 2
    assert not IdempotencyKey.objects.exists()


@pytest.mark.parametrize("failure", [RuntimeError("bug"), ValidationError("wrong"), 503])
def test_a_failure_frees_the_key(
    counter: type[Counter], operator: User, failure: Exception | int
) -> None:
    counter.failures.append(failure)
    assert send(counter, operator).status_code in {400, 500, 503}
    again = send(counter, operator)
    assert (again.status_code, again.data) == (202, {"number": 2})
    assert "Idempotent-Replayed" not in again


def test_refusal_response_is_replayed(counter: type[Counter], operator: User) -> None:
    counter.failures.append(409)
    assert send(counter, operator).status_code == 409
    again = send(counter, operator)
    assert (again.status_code, again["Idempotent-Replayed"]) == (409, "true")


@pytest.mark.parametrize("key", ["", 201 * "x", "with\ttab", "schlüssel"])
def test_invalid_key_is_refused(counter: type[Counter], operator: User, key: str) -> None:
    refused = send(counter, operator, key=key)
    assert (refused.status_code, refused.data["code"]) == (400, "IDEMPOTENCY_KEY_INVALID")
    assert counter.executions == []


def test_form_hash_ignores_the_boundary(counter: type[Counter], operator: User) -> None:
    def upload(content: bytes) -> Response:
        form = {"name": "n", "file": SimpleUploadedFile("a.bin", content)}
        return send(counter, operator, form, form="multipart")

    upload(b"1" * 100_000)
    assert counter.executions[0]["file"].read() == b"1" * 100_000
    assert upload(b"1" * 100_000)["Idempotent-Replayed"] == "true"
    assert upload(b"2" * 100_000).data["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert len(counter.executions) == 1


def test_what_a_failed_request_wrote_is_undone(counter: type[Counter], operator: User) -> None:
    counter.failures.append(503)
    send(counter, operator)
    assert not IdempotencyKey.objects.exists()
    assert not User.objects.filter(name="1").exists()


@pytest.mark.parametrize(("ends_in", "status"), [(60, 409), (-1, 202)])
def test_claims_of_the_version_before_end_with_their_lease(
    counter: type[Counter], operator: User, ends_in: int, status: int
) -> None:
    send(counter, operator)
    until = timezone.now() + timedelta(seconds=ends_in)
    IdempotencyKey.objects.update(status_code=None, answer=None, lease_until=until)
    assert send(counter, operator).status_code == status
    assert len(counter.executions) == 1 + (status == 202)


def test_old_keys_are_pruned(counter: type[Counter], operator: User) -> None:
    for key in ("old", "new"):
        send(counter, operator, key=key)
    ago = timezone.now() - timedelta(days=2)
    IdempotencyKey.objects.filter(key="old").update(created_at=ago)
    assert idempotency.prune(timedelta(days=1)) == 1
    assert [row.key for row in IdempotencyKey.objects.all()] == ["new"]


@pytest.mark.django_db(transaction=True)
def test_parallel_requests_execute_once(
    counter: type[Counter], monkeypatch: pytest.MonkeyPatch
) -> None:
    # After the usual two seconds, others than the first would be refused.
    monkeypatch.setattr(idempotency, "WAIT", "'60s'")
    operator = User.objects.create_user("parallel@example.org", role=Role.OPERATOR)
    barrier = threading.Barrier(6)

    def send_together() -> Response:
        try:
            barrier.wait(60)
            return send(counter, operator)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        answers = [job.result() for job in [pool.submit(send_together) for _ in range(6)]]
    assert len(counter.executions) == 1
    assert [(answer.status_code, answer.data) for answer in answers] == 6 * [(202, {"number": 1})]
    assert sum("Idempotent-Replayed" in answer for answer in answers) == 5


@pytest.mark.skipif(connection.vendor == "sqlite", reason="its second request waits for the first")
@pytest.mark.django_db(transaction=True)
def test_request_in_progress_is_refused_then_replayed(counter: type[Counter]) -> None:
    operator = User.objects.create_user("slow@example.org", role=Role.OPERATOR)
    counter.gate = threading.Event()

    def first() -> Response:
        try:
            return send(counter, operator)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(first)
        while not counter.executions:
            assert not running.done()
        early = send(counter, operator)
        counter.gate.set()
        assert running.result().status_code == 202
    assert (early.status_code, early.data["code"]) == (409, "IDEMPOTENCY_IN_PROGRESS")
    assert early["Retry-After"] == "1"
    assert send(counter, operator)["Idempotent-Replayed"] == "true"
