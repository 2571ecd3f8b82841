"""Lists of rosbags over HTTP: filters, search, order, pages, what was deleted."""

from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.choices import Role
from storage.models import Rosbag, RosbagTopic
from storage.tests.test_sessions import signed_in

pytestmark = pytest.mark.django_db
URL = "/api/v1/rosbags"
SECOND = 10**9
ROWS = [
    {"name": "Hall A", "status": "ready", "size": 100, "duration_ns": 2 * SECOND},
    {"name": "hall b", "status": "rejected", "size": 2**40, "content_digest": "abc123" + "0" * 58},
    {"name": "yard", "status": "ready_with_warnings", "size": 5, "duration_ns": 10 * SECOND},
    {"name": "run 1", "status": "verifying", "size": 7, "origin": "recorded"},
]


@pytest.fixture
def rows() -> list[Rosbag]:
    rows = Rosbag.objects.bulk_create([Rosbag(**row) for row in ROWS])
    for row, name, kind in ((rows[0], "/odom", "O"), (rows[0], "/o2", "O"), (rows[2], "/img", "I")):
        RosbagTopic.objects.create(rosbag=row, name=name, type=kind, message_count=1)
    return rows


@pytest.fixture
def operator() -> APIClient:
    return signed_in(Role.OPERATOR)


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [item["name"] for item in answer.json()["results"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("usable=true", ["yard", "Hall A"]),
        ("usable=false", ["run 1", "hall b"]),
        ("status=ready&status=rejected", ["hall b", "Hall A"]),
        ("origin=recorded", ["run 1"]),
        ("origin=recorded&origin=uploaded&name=hall", ["hall b", "Hall A"]),
        ("topic=/odom", ["Hall A"]),
        ("type=O", ["Hall A"]),
        ("topic=/img&type=O", []),
        ("size_min=6&size_max=100", ["run 1", "Hall A"]),
        ("duration_min=2", ["yard", "Hall A"]),
        ("duration_min=2.5&duration_max=10", ["yard"]),
        ("created_after=2000-01-01T00:00:00Z", ["run 1", "yard", "hall b", "Hall A"]),
        ("created_before=2000-01-01T00:00:00Z", []),
        ("search=HALL", ["hall b", "Hall A"]),
        ("search=ABC12", ["hall b"]),
        ("search=bc12", []),
        ("search=hall b", ["hall b"]),
        ("ordering=name", sorted(str(row["name"]) for row in ROWS)),
        ("ordering=-size", ["hall b", "Hall A", "run 1", "yard"]),
        ("ordering=duration_ns", ["hall b", "run 1", "Hall A", "yard"]),
        ("ordering=-duration_ns", ["yard", "Hall A", "run 1", "hall b"]),
    ],
)
def test_list_filters(
    operator: APIClient, rows: list[Rosbag], query: str, expected: list[str]
) -> None:
    assert names(operator.get(f"{URL}?{query}")) == expected


@pytest.mark.parametrize(
    "query",
    [
        "status=nonsense",
        "statuss=ready",
        "ordering=nonsense",
        "usable=perhaps",
        "deleted=",
        "origin=nonsense",
        "size_min=x",
        "size_min=-1",
        "size_max=99999999999999999999999",
        "size_max=1e400",
        "duration_max=1e30",
        "duration_max=nan",
        "duration_max=Infinity",
        "created_after=yesterday",
        "name=a%00b",
        "topic=a%00b",
        "search=a%00b",
        "page_size=0",
        "page_size=501",
        "page_size=99999999999999999999",
    ],
)
def test_invalid_queries_are_refused(operator: APIClient, query: str) -> None:
    assert operator.get(f"{URL}?{query}").status_code == 400


@pytest.mark.parametrize("ordering", ["", "&ordering=size", "&ordering=created_at"])
@pytest.mark.parametrize(
    "cursor", ["x", "cD14", "cD0lMDA=", "bz05OTk5OTk5OTk5OTk5", "cD0xZTQwMA=="]
)
def test_forged_cursors_are_refused(
    operator: APIClient, rows: list[Rosbag], cursor: str, ordering: str
) -> None:
    answer = operator.get(f"{URL}?cursor={cursor}{ordering}")
    assert answer.status_code in (200, 400, 404)


@pytest.mark.parametrize("field", ["name", "size", "duration_ns", "message_count", "created_at"])
@pytest.mark.parametrize("sign", ["", "-"])
def test_pages_contain_every_row_once(operator: APIClient, field: str, sign: str) -> None:
    Rosbag.objects.bulk_create(
        Rosbag(name=f"n{number // 3}", size=number // 4, duration_ns=number or None)
        for number in range(11)
    )
    ids: list[int] = []
    address: str | None = f"{URL}?ordering={sign}{field}&page_size=3"
    while address:
        page = operator.get(address).json()
        ids += [item["id"] for item in page["results"]]
        address = page["next"]
    assert len(ids) == len(set(ids)) == 11


def test_only_operators_list_deleted_rosbags(operator: APIClient, rows: list[Rosbag]) -> None:
    pk = rows[0].pk
    assert operator.delete(f"{URL}/{pk}").status_code == 204
    assert operator.get(f"{URL}/{pk}").status_code == 404
    assert names(operator.get(f"{URL}?deleted=true")) == ["Hall A"]
    assert operator.get(f"{URL}/{pk}?deleted=true").json()["deleted_at"]
    assert "Hall A" not in names(operator.get(f"{URL}?deleted=false"))
    viewer = signed_in(Role.VIEWER)
    for address in (f"{URL}?deleted=true", f"{URL}/{pk}?deleted=True"):
        assert viewer.get(address).status_code == 403
    assert viewer.post(f"{URL}/{pk}/restore").status_code == 403
    for _ in range(2):
        answer = operator.post(f"{URL}/{pk}/restore")
        assert (answer.status_code, answer.json()["deleted_at"]) == (200, None)
    assert operator.get(f"{URL}/{pk}").status_code == 200
    assert operator.post(f"{URL}/999999999/restore").status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "name"),
    [
        ({"name": "  better  "}, 200, "better"),
        ({"name": ""}, 400, "Hall A"),
        ({"name": "x" * 201}, 400, "Hall A"),
        ({"name": "a\0b"}, 400, "Hall A"),
        ({"name": "a\nb"}, 422, "Hall A"),
        ({}, 200, "Hall A"),
        ({"name": "b", "status": "ready"}, 400, "Hall A"),
        ({"name": ["b"]}, 400, "Hall A"),
    ],
)
def test_only_the_name_can_be_edited(
    operator: APIClient, rows: list[Rosbag], body: Any, status: int, name: str
) -> None:
    answer = operator.patch(f"{URL}/{rows[0].pk}", body)
    assert answer.status_code == status, answer.content
    rows[0].refresh_from_db()
    assert (rows[0].name, rows[0].status) == (name, "ready")


def test_bulk_delete_reports_each_row(operator: APIClient, rows: list[Rosbag]) -> None:
    ids = [rows[0].pk, 999999999, rows[1].pk]
    answer = operator.post(f"{URL}/bulk/delete", {"ids": ids})
    assert answer.status_code == 200, answer.content
    assert [(item["id"], item["done"], item["code"]) for item in answer.json()["results"]] == [
        (rows[0].pk, True, ""),
        (999999999, False, "NOT_FOUND"),
        (rows[1].pk, True, ""),
    ]
    assert Rosbag.objects.living().count() == 2
    for body in ({}, {"ids": []}, {"ids": ["x"]}, {"ids": [1], "force": True}, {"ids": [10**30]}):
        assert operator.post(f"{URL}/bulk/delete", body).status_code == 400
    assert signed_in(Role.VIEWER).post(f"{URL}/bulk/delete", {"ids": ids}).status_code == 403


@pytest.mark.parametrize("many", [1, 40])
def test_list_query_count_is_constant(
    operator: APIClient, many: int, django_assert_num_queries: Any
) -> None:
    Rosbag.objects.bulk_create([Rosbag(name=f"n{number}") for number in range(many)])
    query = "search=n&status=uploading&ordering=-size&topic=/x&usable=false"
    for parameters in ("", query):
        with django_assert_num_queries(1):
            assert operator.get(f"{URL}?{parameters}").status_code == 200


@pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL's indexes")
@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("search=needle", "storage_rosbag_name_part"),
        ("search=needle", "storage_rosbag_digest_part"),
        ("name=needle", "storage_rosbag_name_part"),
        ("ordering=name", "storage_rosbag_by_name"),
        ("ordering=-size", "storage_rosbag_by_size"),
        ("ordering=duration_ns", "storage_rosbag_by_span"),
        ("ordering=-message_count", "storage_rosbag_by_count"),
        ("ordering=-created_at", "storage_rosbag_created"),
    ],
)
def test_queries_use_an_index(
    operator: APIClient, query: str, index: str, django_assert_num_queries: Any
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO storage_rosbag (name, origin, status, code, details, text, warnings, lost_spans,"
            " storage_id, ros_distro, compression, size, content_digest, in_parts, created_at,"
            " updated_at, duration_ns, message_count) SELECT md5(n::text), 'uploaded', 'ready', '',"
            " '{}', '', '[]', '[]', '', '', '', n, md5(n::text) || md5((-n)::text), false,"
            " %s::timestamptz + n * interval '1 second', now(), n, n"
            " FROM generate_series(1, 20000) n",
            [timezone.now()],
        )
        cursor.execute("ANALYZE storage_rosbag")
    with django_assert_num_queries(1) as queries:
        assert operator.get(f"{URL}?{query}").status_code == 200
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + queries.captured_queries[0]["sql"])
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert index in plan, plan
