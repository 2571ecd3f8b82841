"""/metrics tells true figures, to those who may see them, whatever is away."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from robotsim_project import vitals

pytestmark = pytest.mark.django_db
TOKEN = "m" * 32


@pytest.fixture(autouse=True)
def fresh(empty_redis: None) -> Iterator[None]:
    vitals.forget()
    yield
    vitals.forget()


def test_it_is_open_in_a_test() -> None:
    answer = Client().get("/metrics")
    assert answer.status_code == 200
    print(answer.content.decode())
