"""Time in which units can be heard: their deadlines count no other."""

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

import urllib3
from django.conf import settings
from django.utils import timezone

from agent.protocol import Echo, encode
from simulations.exceptions import RedisUnreachableError
from simulations.live import silence
from simulations.models import AgentRun
from simulations.services.runs.tokens import token_for

NO_EXECUTION = 0
ECHO_TIMEOUT = urllib3.Timeout(total=3.0)


@dataclass(frozen=True)
class Hearing:
    """Since when units can be heard (None: they cannot), as of `now`; seconds since the epoch."""

    now: float
    since: float | None

    def seconds_since(self, *times: datetime | float | None) -> float:
        """Seconds since the latest of these times in which units could be heard; 0 while they cannot."""
        if self.since is None:
            return 0.0
        begun = [at.timestamp() if isinstance(at, datetime) else at for at in times if at]
        return self.now - max(self.since, *begun)


def hearing() -> Hearing:
    """Find out since when units can be heard.

    Call it before the reports of units are read: this process may be suspended in between.
    """
    now = timezone.now().timestamp()
    try:
        return Hearing(now, silence.heard_since())
    except RedisUnreachableError:
        return Hearing(now, None)


def send_echo() -> str:
    """Send an echo along the path of heartbeats.

    Returns:
        What is wrong; empty when it came back.
    """
    headers = {
        "Authorization": f"Unit {token_for(NO_EXECUTION)}",
        "Content-Type": "application/json",
        "Connection": "close",
    }
    try:
        answer = urllib3.request(
            "POST",
            f"{settings.SERVER_URL}{settings.API_STR}/units/echo",
            body=encode(Echo()),
            headers=headers,
            timeout=ECHO_TIMEOUT,
            retries=False,
            redirect=False,
        )
    except urllib3.exceptions.HTTPError as error:
        return str(error)
    return "" if answer.status == HTTPStatus.OK else f"HTTP status {answer.status}"


def take_echo() -> None:
    """Take the path of a heartbeat, through database and Redis, and record that it works.

    Raises:
        RedisUnreachableError: Redis does not answer.
    """
    AgentRun.objects.filter(pk=0).exists()
    silence.record_echo()
