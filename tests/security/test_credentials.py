"""Each kind of credential opens its own door, and no other; unit tokens open their own execution."""

import io
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core import signing
from django.test import Client
from django.utils.http import urlsafe_base64_encode

from accounts.choices import Scope
from accounts.services import api_tokens
from agent.protocol import (
    PROTOCOL,
    AgentReport,
    AgentState,
    FinishedFile,
    RecordedFile,
    RecordingClosed,
    Registration,
    SegmentComplete,
    SegmentOffer,
    Snapshot,
    encode,
)
from simulations.models import AgentRun, Event, Execution, Recording, StageRun
from simulations.services.runs.tokens import token_for
from simulations.streaming import tickets
from storage.models import Rosbag
from storage.objects import object_store
from tests.support.seed import Seeded, seed

API = settings.API_STR
KEY = "rosbags/1/a.db3"


@pytest.fixture
def seeded(db: None, empty_redis: Any, tmp_path: Path) -> Seeded:
    return seed(tmp_path)


@dataclass(frozen=True)
class Doors:
    """Places that ask for a credential; each method returns True if it let one in."""

    execution: Execution
    client: Client

    def bearer(self, text: str) -> int:
        return self._status("get", f"{API}/me", Authorization=f"Bearer {text}")

    def session(self, text: str) -> int:
        client = Client()
        client.cookies[settings.SESSION_COOKIE_NAME] = text
        return client.get(f"{API}/me").status_code

    def refresh(self, text: str) -> int:
        answer = self.client.post(f"{API}/auth/refresh", {"refresh": text}, "application/json")
        return answer.status_code

    def unit(self, text: str) -> int:
        status = self._status("post", f"{API}/units/report", Authorization=f"Unit {text}")
        return 200 if status == 400 else status  # let in, to a message that is none

    def signed_url(self, text: str) -> int:
        return self._status("get", f"/storage/objects/{text}")

    def ticket(self, text: str) -> int:
        status = self._status("get", f"{API}/executions/{self.execution.pk}/stream?ticket={text}")
        return 200 if status == 501 else status  # let in, to a server without streams

    def reset(self, text: str) -> int:
        uid = urlsafe_base64_encode(str(self.execution.requested_by_id).encode())
        body = {"uid": uid, "token": text, "password": "Another-long-one-7"}
        url = f"{API}/auth/password/reset/confirm"
        return self.client.post(url, body, "application/json").status_code

    def _status(self, method: str, url: str, **headers: str) -> int:
        return int(getattr(self.client, method)(url, headers=headers).status_code)


OPENS = {
    "access": "bearer",
    "program": "bearer",
    "refresh": "refresh",
    "unit": "unit",
    "read": "signed_url",
    "ticket": "ticket",
    "session": "session",
    "reset": "reset",
}
"""The door of each kind; those that are not here open none."""
DOORS = ["bearer", "session", "refresh", "unit", "signed_url", "ticket", "reset"]


def credentials(seeded: Seeded, execution: Execution, client: Client) -> dict[str, str]:
    """One of each kind, all of the same admin, and forgeries of them."""
    admin = seeded.admin
    admin.set_password("A-long-password-7")
    admin.save()
    sign_in = {"email": admin.email, "password": "A-long-password-7"}
    signed_in = client.post(f"{API}/auth/signin", sign_in, "application/json").json()
    client.force_login(admin)
    session = client.cookies.pop(settings.SESSION_COOKIE_NAME).value
    client.cookies.clear()
    object_store().put(KEY, io.BytesIO(b"x"))
    read = object_store().sign_download(KEY, audience="unit").rpartition("/")[2]
    claims = jwt.decode(signed_in["access"], options={"verify_signature": False})
    return {
        "access": signed_in["access"],
        "refresh": signed_in["refresh"],
        "program": api_tokens.create(admin, name="p", scopes=[Scope.READ])[1],
        "unit": token_for(execution.pk),
        "read": read,
        "part": object_store().sign_part(KEY, 32 * "0", 1, audience="unit").rpartition("/")[2],
        "ticket": tickets.issue(admin, execution.pk).ticket,
        "session": session,
        "reset": default_token_generator.make_token(admin),
        "unsigned": jwt.encode(claims, "", algorithm="none"),
        "foreign": jwt.encode(claims, 64 * "f", algorithm="HS256"),
        "other salt": signing.dumps({"execution": execution.pk, "key": KEY}, salt="another"),
        "altered unit": token_for(execution.pk)[:-2],
        "altered read": read[:-2],
    }


@pytest.mark.parametrize("door", DOORS)
def test_a_door_opens_to_its_own_kind(seeded: Seeded, client: Client, door: str) -> None:
    execution = Execution.objects.get(status="RUNNING")
    given = credentials(seeded, execution, client)
    opens = getattr(Doors(execution, client), door)
    let_in = {kind for kind, text in given.items() if opens(text) < 300}
    assert let_in == {kind for kind, own in OPENS.items() if own == door}


AGENT = AgentReport(number=1, state=AgentState("RUNNING"))


def messages(stage: StageRun) -> dict[str, Any]:
    """Snapshots of the units of a stage."""
    own: dict[str, Any] = {"stage_run": stage.pk, "unit": 0}
    name, sha256 = "recording_1_0.mcap", "0" * 64
    times: dict[str, Any] = {"first_ns": 1, "last_ns": 2}
    offered, sent = (
        RecordedFile(path=name, size=1, sha256=sha256),
        FinishedFile(path=name, upload_id="", parts=()),
    )
    return {
        "register": Registration(protocol=PROTOCOL, host="here", pid=1, **own),
        "report": Snapshot(attempt=1, sequence=1, sent_ns=1, agents=(AGENT,), **own),
        "recording": SegmentOffer(
            attempt=1, segment=0, file=offered, topics={"/odom": 1}, **times, **own
        ),
        "recording/complete": SegmentComplete(attempt=1, segment=0, file=sent, **own),
        "recording/close": RecordingClosed(
            attempt=1, segments=0, message_count=0, dropped=0, **own
        ),
    }


def state() -> list[Any]:
    """All that units change."""
    models = (AgentRun, StageRun, Recording, Event, Rosbag)
    return [list(model.objects.order_by("pk").values()) for model in models]


PATHS = ["register", "report", "recording", "recording/complete", "recording/close"]


@pytest.mark.parametrize("path", PATHS)
def test_a_unit_speaks_for_its_own_execution(
    seeded: Seeded, client: Client, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    execution = Execution.objects.get(status="RUNNING")
    other = Execution.objects.get(status="PREPARING")
    body = encode(messages(execution.stage_runs.order_by("position")[0])[path])
    with monkeypatch.context() as patch:
        then = time.time() - 31 * 86400
        patch.setattr("django.core.signing.time.time", lambda: then)
        expired = token_for(execution.pk)
    before = state()
    for token in (token_for(other.pk), expired, token_for(10**9), f"{token_for(execution.pk)}x"):
        answer = client.generic(
            "POST", f"{API}/units/{path}", body, headers={"Authorization": f"Unit {token}"}
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "UNIT_REFUSED")
    assert state() == before
