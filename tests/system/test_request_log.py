"""Logs hold no address that opens something."""

import logging
from typing import Any

import pytest
import structlog
from django.conf import settings
from django.test import Client, RequestFactory
from uvicorn.main import main

from launcher.stack import WEB_OPTIONS
from robotsim_project.telemetry.masking import MaskingFilter, mask
from robotsim_project.telemetry.request_log import RequestLog

SECRET = "eyJ1c2VyIjoxfQ:1xVfIO:TElSZ35PjlsaC8yOKke2WtJj4rPX6EAUEoah"  # noqa: S105  opens nothing


@pytest.mark.parametrize(
    "address",
    [
        f"{settings.API_STR}/executions/1/stream?ticket={SECRET}",
        f"{settings.API_STR}/executions/1/stream?last_event_id=x&ticket={SECRET}&a=b",
        f"/storage/objects/{SECRET}",
        f"/password/reset/MQ/{SECRET}",
    ],
)
@pytest.mark.django_db
def test_a_refused_request_leaves_no_secret_in_the_log(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.handler.addFilter(MaskingFilter())
    with caplog.at_level(logging.INFO, "django_structlog"):
        Client().get(address)
    said = " ".join(f"{record.msg} {record.args}" for record in caplog.records)
    assert "***" in said
    assert SECRET not in said


def test_everything_else_is_told() -> None:
    assert mask("GET /api/v1/rosbags?search=drive") == "GET /api/v1/rosbags?search=drive"


def test_the_console_handler_masks() -> None:
    handlers: Any = settings.LOGGING["handlers"]
    assert handlers["console"]["filters"] == ["masking"]
    record = logging.LogRecord(
        "django.request", 30, "", 1, "%s: %s", ("Gone", f"/storage/objects/{SECRET}"), None
    )
    assert MaskingFilter().filter(record)
    assert record.getMessage() == "Gone: /storage/objects/***"


def test_nobody_writes_his_own_address_into_the_log() -> None:
    request = RequestFactory().get("/", headers={"X-Forwarded-For": "9.9.9.9"})
    with structlog.contextvars.bound_contextvars(ip=None):
        RequestLog.bind_ip(request)
        assert structlog.contextvars.get_contextvars()["ip"] == "127.0.0.1"


def test_the_embedded_server_takes_no_address_from_a_header() -> None:
    context = main.make_context("uvicorn", ["some:app", *WEB_OPTIONS])
    assert context.params["proxy_headers"] is False
