"""The audit in the console: sentences, filters, CSV, and histories of rows."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from accounts.admin.audit import csv_export
from accounts.admin.audit.sentences import changes, sentence
from accounts.choices import ACTION_NUMBERS, AuditAction, Role
from accounts.models import User
from accounts.services import users
from accounts.services.audit import record_action

PAGE = reverse("admin:auditlog_logentry_changelist")
EXPORT = reverse("admin:auditlog_logentry_export")
VIEWER = "viewer@example.org"


@pytest.fixture
def admin(people: dict[Role, User]) -> Client:
    client = Client()
    client.force_login(people[Role.ADMIN])
    return client


@pytest.fixture
def viewer(people: dict[Role, User]) -> User:
    LogEntry.objects.all().delete()
    return people[Role.VIEWER]


def shown(client: Client, **query: Any) -> list[str]:
    """Return the sentences of the entries of the list."""
    answer = client.get(PAGE, query)
    assert answer.status_code == 200
    return [sentence(entry) for entry in answer.context["cl"].result_list]


def exported(client: Client, **query: Any) -> list[list[str]]:
    answer = client.get(EXPORT, query)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/csv"
    text = answer.getvalue().decode()
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


def test_entries_are_sentences(viewer: User) -> None:
    users.change(viewer, {"name": "Kim", "role": "operator"})
    assert sentence(LogEntry.objects.get()) == f"user {VIEWER}: name, role changed"
    for action in AuditAction:
        LogEntry.objects.all().delete()
        record_action(viewer, action)
        text = sentence(LogEntry.objects.get())
        assert VIEWER in text
        assert "%" not in text
    with override("ko"):
        assert "사용자" in sentence(LogEntry.objects.get()) or VIEWER in text


def test_entries_of_unknown_actions_and_models_are_shown(admin: Client, viewer: User) -> None:
    record_action(viewer, AuditAction.START, name="100 % <b>")
    LogEntry.objects.update(action=999)
    page = admin.get(PAGE).content.decode()
    assert "100 % &lt;b&gt;" in page


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 4),
        ({"did": "update"}, 2),
        ({"did": "stop"}, 1),
        ({"did": "burn"}, 0),
        ({"kind": "accounts.user"}, 4),
        ({"kind": "storage.rosbag"}, 0),
        ({"who": "none"}, 3),
        ({"who": "999999999999999999"}, 0),
        ({"who": "x"}, 0),
        ({"q": "operator@"}, 1),
        ({"from": "2026-03-02", "to": "2026-03-02"}, 1),
        ({"to": "2026-03-01"}, 0),
        ({"from": "soon"}, 4),
    ],
)
def test_list_and_export_are_filtered(
    admin: Client, viewer: User, people: dict[Role, User], query: dict[str, str], count: int
) -> None:
    users.change(viewer, {"name": "Kim"})
    users.change(people[Role.OPERATOR], {"name": "Lee"})
    record_action(viewer, AuditAction.STOP)
    record_action(viewer, AuditAction.START, people[Role.ADMIN])
    old = LogEntry.objects.order_by("pk").first()
    LogEntry.objects.filter(pk=old.pk).update(timestamp=datetime(2026, 3, 2, 23, 59, tzinfo=UTC))
    assert len(shown(admin, **query)) == count
    assert len(exported(admin, **query)) == count + 1


def test_days_are_those_of_the_reader(admin: Client, viewer: User) -> None:
    record_action(viewer, AuditAction.START)
    LogEntry.objects.update(timestamp=datetime(2026, 3, 2, 23, 59, tzinfo=UTC))
    admin.cookies["timezone"] = "Asia/Seoul"
    assert len(shown(admin, **{"from": "2026-03-03", "to": "2026-03-03"})) == 1
    assert len(shown(admin, to="2026-03-02")) == 0
    assert exported(admin)[1][0] == "2026-03-03T08:59:00+09:00"


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1"])
def test_cells_are_no_formulas(admin: Client, viewer: User, name: str) -> None:
    record_action(viewer, AuditAction.START, name=name)
    cell = exported(admin)[1][6]
    assert cell.startswith("'")
    assert csv_export.safe("a=1") == "a=1"


@pytest.mark.parametrize("query", ["nonsense=1", "id__exact=abc", f"who={9**50}", "who=%00"])
def test_bad_filters_are_refused_by_list_and_export(admin: Client, query: str) -> None:
    for page in (PAGE, EXPORT):
        answer = admin.get(f"{page}?{query}", follow=True)
        assert answer.status_code in {200, 400}


def test_export_is_bounded_and_says_so(
    admin: Client, viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_export, "MAX_ROWS", 4)
    monkeypatch.setattr(csv_export, "CHUNK", 2)
    for number in range(5):
        record_action(viewer, AuditAction.START, name=f"run {number}")
    rows = exported(admin)
    assert [row[6] for row in rows[1:5]] == ["run 4", "run 3", "run 2", "run 1"]
    assert rows[5] == ["Only the first 4 rows: filter by time."]
    LogEntry.objects.filter(object_repr="run 0").delete()
    assert len(exported(admin)) == 5


def test_history_is_that_of_the_audit(admin: Client, viewer: User) -> None:
    users.change(viewer, {"name": "Kim"})  # by a program: Django's own log knows nothing of it
    page = admin.get(reverse("admin:accounts_user_history", args=[viewer.pk]))
    text = page.content.decode()
    assert "name changed" in text
    assert "a program on the server" in text
    assert "Kim" in text
    assert len(admin.get(page.context["audit_url"]).context["cl"].result_list) == 1
    assert page.context["entries"][0]["changes"] == [
        {"field": "name", "before": "-", "after": "Kim"}
    ]


def test_entry_has_a_page(admin: Client, viewer: User) -> None:
    users.change(viewer, {"name": "<i>Kim</i>"})
    entry = LogEntry.objects.get()
    page = admin.get(reverse("admin:auditlog_logentry_change", args=[entry.pk])).content.decode()
    assert "&lt;i&gt;Kim&lt;/i&gt;" in page
    assert "name changed" in page


def test_changes_are_shown_as_pages_show_values(viewer: User) -> None:
    users.change(viewer, {"role": Role.OPERATOR})
    entry = LogEntry.objects.get()
    entry.changes["date_joined"] = ["None", "2026-11-01 09:30:00.5"]
    with override("ko"), timezone.override("Asia/Seoul"):
        shown = {row["field"]: (row["before"], row["after"]) for row in changes(entry)}
    assert shown["역할"] == ("열람자", "운영자")
    assert ("-", "2026-11-01 18:30:00 UTC+09:00 (Asia/Seoul)") in shown.values()


def test_queries_do_not_grow(admin: Client, viewer: User) -> None:
    def count(make: Callable[[], Any]) -> int:
        with CaptureQueriesContext(connection) as queries:
            make()
        return len(queries)

    history = reverse("admin:accounts_user_history", args=[viewer.pk])
    record_action(viewer, AuditAction.START)
    for url in (PAGE, history):
        admin.get(url)
    few = [count(lambda url=url: admin.get(url)) for url in (PAGE, history)]  # type: ignore[misc]
    for _number in range(30):
        record_action(viewer, AuditAction.START)
    assert [count(lambda url=url: admin.get(url)) for url in (PAGE, history)] == few  # type: ignore[misc]


def test_numbers_of_actions_are_stable() -> None:
    assert len(set(ACTION_NUMBERS.values())) == len(AuditAction)
    assert [ACTION_NUMBERS[a] for a in ("create", "update", "delete", "access")] == [0, 1, 2, 3]
