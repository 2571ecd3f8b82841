"""The pool hands out no connection that the server has closed, and queries it only when in doubt."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection
from psycopg_pool import ConnectionPool

from robotsim_project.postgresql.pool import PooledConnection

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="a pool is of PostgreSQL"),
]


@pytest.fixture
def pool() -> Iterator[ConnectionPool[Any]]:
    params = connection.get_connection_params()
    kwargs = {name: params[name] for name in ("dbname", "user", "host", "port") if name in params}
    with ConnectionPool(
        kwargs={**kwargs, "autocommit": True},
        connection_class=PooledConnection,
        check=ConnectionPool.check_connection,
        min_size=1,
        max_size=1,
    ) as pool:
        yield pool


def test_a_connection_closed_by_the_server_is_not_reused(pool: ConnectionPool[Any]) -> None:
    with pool.connection() as first:
        pid = first.info.backend_pid
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    with pool.connection(timeout=20) as second:
        assert second.info.backend_pid != pid
        assert second.execute("SELECT 1").fetchone() == (1,)


def test_an_open_connection_is_reused(pool: ConnectionPool[Any]) -> None:
    with pool.connection() as first:
        pid = first.info.backend_pid
    with pool.connection() as second:
        assert second.info.backend_pid == pid


def test_an_empty_query_of_a_closed_connection_is_refused(pool: ConnectionPool[Any]) -> None:
    with pool.connection() as first:
        first.close()
        with pytest.raises(psycopg.OperationalError):
            first.execute("")
