"""The servers that the tests stand on."""

import os
import urllib.request

import pytest
from django.core.cache import cache
from django.db import connection

from robotsim_project.tests.services import SERVICES, on_sqlite


@pytest.mark.django_db
def test_the_database_is_the_one_asked_for() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
    assert connection.vendor == ("sqlite" if on_sqlite() else "postgresql")


@pytest.mark.parametrize("round_", [1, 2])
def test_redis_is_empty_at_each_test(empty_redis: None, round_: int) -> None:
    assert cache.get("left-over") is None
    cache.set("left-over", round_)
    assert cache.get("left-over") == round_


def test_data_stays_in_the_private_folder() -> None:
    assert os.environ["DATA_DIR"].startswith(str(SERVICES.folder))
