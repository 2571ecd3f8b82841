"""Observations of dependencies: newest results, and nobody waits for one that hangs."""

import threading
from collections.abc import Iterator

import pytest
from django.utils.translation import gettext, override

from robotsim_project.health import checks
from robotsim_project.health.checks import Check, CheckResult


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No check is late, however slow the machine is, unless a test says otherwise."""
    monkeypatch.setattr(checks, "PATIENCE_SECONDS", 60)


@pytest.fixture
def halt() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_the_first_reader_waits_for_the_result() -> None:
    seen = Check(lambda: CheckResult("broken")).latest(max_age=60)
    assert (seen.result.problem, seen.since) == ("broken", seen.checked_at)


def test_a_recent_result_is_not_checked_again() -> None:
    calls: list[int] = []
    check = Check(lambda: calls.append(1) or CheckResult())  # type: ignore[func-returns-value]
    check.latest(max_age=60)
    check.latest(max_age=60)
    assert len(calls) == 1


def test_since_stays_while_it_is_broken() -> None:
    check = Check(lambda: CheckResult("broken"))
    first = check.latest(max_age=60)
    check.result()
    assert check.observation is not None
    assert check.observation.since == first.since
    assert check.observation.checked_at > first.checked_at


def test_since_begins_anew_when_it_changes() -> None:
    results = [CheckResult(), CheckResult("broken")]
    check = Check(lambda: results.pop(0))
    first = check.latest(max_age=60)
    check.result()
    assert check.observation is not None
    assert check.observation.since > first.since


def test_one_that_hangs_does_not_answer_and_nobody_waits_for_it(
    halt: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "PATIENCE_SECONDS", 0.05)
    check = Check(lambda: CheckResult("never seen" if halt.wait(600) else ""))
    assert check.result().error == "timeout"
    assert check.latest(max_age=60).result.error == "timeout"
    assert check.latest(max_age=0).result.error == "timeout"


def test_sentences_are_in_the_language_of_the_reader() -> None:
    check = Check(lambda: CheckResult(gettext("The check failed: see the log.")))
    for language in ("en", "ko", "en"):
        with override(language):
            expected = gettext("The check failed: see the log.")
            assert check.latest(max_age=60).result.problem == expected


def test_whether_it_answers_is_checked_until_it_does_not() -> None:
    results = [CheckResult(), CheckResult("broken"), CheckResult()]
    check = Check(lambda: results.pop(0))
    assert check.answers(max_age=60)
    assert not check.answers(max_age=60)
    assert not check.answers(max_age=60)
    assert len(results) == 1
