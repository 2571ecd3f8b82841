"""Failures are stored as code and values, worded in the language of the reader; old rows keep text."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils.translation import override, trans_real

from accounts.choices import Role
from accounts.models import User
from accounts.services.bearers import issue_access
from simulations.choices import DeletionFailure, FailureCode, RunStatus
from simulations.failures import deletion_error, failure, failure_text
from simulations.models import Execution
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Design

LOST = str(FailureCode.AGENT_LOST.label)
OUTAGE = ("2026-03-02T09:30:00.123Z", "2026-03-02T09:30:06.456Z")


@pytest.fixture(autouse=True)
def korean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    catalogue = trans_real.translation("ko")._catalog._catalogs[0]
    monkeypatch.setitem(catalogue, LOST, "사라짐.")
    with override("en"):  # the test client leaves the language of its last request behind
        yield


@pytest.fixture
def execution(design: Design) -> Execution:
    """One that was lost, written down by somebody who reads Korean."""
    execution = lifecycle.start(design(2))
    with override("ko"):
        lost = failure(FailureCode.AGENT_LOST)
    lifecycle.move_execution(execution, ["PENDING"], RunStatus.FAILED, **lost)
    return execution


def test_failure_text_is_stored_in_english_for_older_versions(execution: Execution) -> None:
    assert execution.failure_text == LOST


@pytest.mark.parametrize(
    ("code", "values", "text"),
    [
        ("AGENT_LOST", {}, LOST),
        ("AGENT_LOST", {"superseded_by": 2}, "Another attempt took over."),
        (
            "AGENT_LOST",
            {"completed": 1, "agents": 4, "min_percent": 50},
            f"1 of 4 agents completed, at least 50 % must. {LOST}",
        ),
        (
            "BACKEND_UNAVAILABLE",
            {"reason": "no such image"},
            "Units could not be started: check the backend. no such image",
        ),
        ("", {"cause": "STOPPED_BY_USER"}, "It was stopped by a user."),  # of the version before
        (
            "STOPPED_BY_USER",
            {"stopped_by": "kim@example.org"},
            "It was stopped by kim@example.org.",
        ),
        (
            "",
            {"cause": "STOPPED_BY_SYSTEM", "stopped_by": "interrupt"},
            "It was stopped by Ctrl-C in the terminal.",
        ),
        (
            "TRANSPORT_LOST",
            {"undelivered": 71, "outages": [OUTAGE]},
            "71 messages may not have arrived (2026-03-02 09:30:00 to 2026-03-02 09:30:06). "
            f"{FailureCode.TRANSPORT_LOST.label}",
        ),
        (
            "TRANSPORT_LOST",
            {"undelivered": 1, "outages": [OUTAGE] * 3 + [(OUTAGE[0], None)] * 2},
            "1 message may not have arrived ("
            + "2026-03-02 09:30:00 to 2026-03-02 09:30:06, " * 3
            + f"…). {FailureCode.TRANSPORT_LOST.label}",
        ),
    ],
)
def test_values_are_filled_in(code: str, values: dict[str, Any], text: str) -> None:
    fields = failure(code, **values)
    assert fields == {"failure_code": code, "failure_values": values, "failure_text": text}
    assert failure_text(code, values, "") == text


@pytest.mark.parametrize(
    ("code", "values"), [("AGENT_LOST", None), ("OF_A_NEWER_VERSION", {}), ("", None)]
)
def test_stored_text_without_values_is_kept(code: str, values: dict[str, Any] | None) -> None:
    with override("ko"):
        assert failure_text(code, values, "It was lost.") == "It was lost."


@pytest.mark.parametrize("accept", ["application/json", "application/json;q=1"])
@pytest.mark.parametrize("address", ["executions", "executions/{pk}"])
def test_api_translates_failures(address: str, accept: str, execution: Execution) -> None:
    """Both by the short way of what is polled, which takes only a plain `Accept`, and by the usual one."""
    token, _ends = issue_access(User.objects.create_user("kim@example.org", role=Role.VIEWER))
    client = Client(headers={"Authorization": f"Bearer {token}", "Accept": accept})
    for language, text in (("ko", "사라짐."), ("en", LOST)):
        path = f"/api/v1/{address.format(pk=execution.pk)}"
        detail = client.get(path, headers={"Accept-Language": language}).json()
        assert detail.get("results", [detail])[0]["failure_text"] == text


def test_console_translates_failures(execution: Execution, client: Client) -> None:
    client.force_login(User.objects.create_user("kim@example.org", role=Role.ADMIN))
    page = f"/admin/simulations/execution/{execution.pk}/change/"
    assert "사라짐." in client.get(page, headers={"Accept-Language": "ko"}).content.decode()
    Execution.objects.update(failure_values=None, failure_text="Of old.")
    assert "Of old." in client.get(page, headers={"Accept-Language": "ko"}).content.decode()


def test_lost_messages_in_korean() -> None:
    with override("ko"):
        values = {"undelivered": 71, "outages": [(OUTAGE[0], None)]}
        assert failure_text("TRANSPORT_LOST", values, "").startswith(
            "메시지 71개가 도착하지 않았을 수 있습니다(2026-03-02 09:30:00부터). "
        )


def test_deletion_error_text() -> None:
    code = DeletionFailure.STEP_FAILED
    assert deletion_error(code, "Of old.") == str(code.label)
    assert deletion_error("", "Redis does not answer") == "Redis does not answer"
