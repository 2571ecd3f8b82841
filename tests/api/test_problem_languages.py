"""Texts of problems follow `Accept-Language`: each that an app can raise, and one as it is sent."""

from collections.abc import Iterator

import pytest
from django.test import Client
from django.utils import translation

import accounts.exceptions
import backups.exceptions
import simulations.exceptions
import storage.exceptions
import templates.exceptions
from common.exceptions import DomainError

MODULES = (accounts, backups, simulations, storage, templates)
API = "/api/v1"


def errors(base: type[DomainError] = DomainError) -> Iterator[type[DomainError]]:
    """All classes of errors that have a text of their own."""
    for kind in base.__subclasses__():
        if kind.message and "tests" not in kind.__module__.split("."):
            yield kind
        yield from errors(kind)


def test_every_problem_has_its_korean() -> None:
    kinds = list(errors())
    assert len(kinds) > 20
    for kind in kinds:
        with translation.override("en"):
            english = str(kind.message)
        with translation.override("ko"):
            assert str(kind.message) != english, kind.code


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "english", "korean"),
    [
        ("executions", "Sign in at", "로그인"),
        ("mecs", "Sign in at", "로그인"),
        ("nothing", "There is nothing at this address", "이 주소에는 아무것도 없습니다"),
    ],
)
def test_a_problem_in_the_language_of_the_request(
    client: Client, path: str, english: str, korean: str
) -> None:
    answer = client.get(f"{API}/{path}", headers={"Accept-Language": "ko,en;q=0.5"}).json()
    assert korean in answer["detail"]
    assert english in client.get(f"{API}/{path}").json()["detail"]
