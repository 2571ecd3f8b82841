"""A complete execution by the client generated from the OpenAPI schema; `test_client.py` runs it.

python client_run.py URL EMAIL PASSWORD BUNDLE
"""

import sys
import time
from collections.abc import Callable
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from typing import TypeVar

from robotsim_client import AuthenticatedClient, Client
from robotsim_client.api.auth import auth_signin
from robotsim_client.api.executions import (
    executions_agents,
    executions_events,
    executions_progress,
    executions_recordings,
    executions_retrieve,
)
from robotsim_client.api.mecs import mecs_create
from robotsim_client.api.rosbags import rosbags_create, rosbags_retrieve
from robotsim_client.api.simulations import simulations_create, simulations_start
from robotsim_client.api.templates import templates_create
from robotsim_client.models import (
    MecRequest,
    PatternEnum,
    Problem,
    RecordTopicRequest,
    SignInRequest,
    SimulationRequest,
    StageRequest,
    TemplateRequest,
    TransportEnum,
    UploadRequest,
)
from robotsim_client.types import File

T = TypeVar("T")
LIMIT_SECONDS = 300.0


def parsed_answer(answer: T | Problem | None) -> T:
    """The answer, unless it is a problem."""
    assert answer is not None
    assert not isinstance(answer, Problem), answer
    return answer


def until(ask: Callable[[], T], done: Callable[[T], bool]) -> T:
    """Ask until it is done."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not done(found := ask()):
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
    return found


def sign_in(url: str, email: str, password: str) -> AuthenticatedClient:
    form = SignInRequest(email=email, password=password)
    signed_in = parsed_answer(auth_signin.sync(client=Client(url), body=form))
    return AuthenticatedClient(url, signed_in.access, raise_on_unexpected_status=True)


def upload(client: AuthenticatedClient, bundle: Path) -> int:
    files = [
        File(payload=BytesIO(path.read_bytes()), file_name=path.name)
        for path in sorted(bundle.iterdir())
    ]
    body = UploadRequest(files=files, name="drive")
    made = parsed_answer(rosbags_create.sync(client=client, body=body, idempotency_key="upload-1"))
    ready = until(
        lambda: parsed_answer(rosbags_retrieve.sync(made.id, client=client)),
        lambda rosbag: rosbag.status not in {"uploading", "verifying"},
    )
    assert ready.usable, ready.sentence
    return made.id


def design(client: AuthenticatedClient, rosbag: int) -> int:
    odom = RecordTopicRequest(name="/odom", type_="nav_msgs/msg/Odometry")
    template = parsed_answer(
        templates_create.sync(
            client=client,
            body=TemplateRequest(
                name="courier", rosbag=rosbag, rate=4.0, record_own=True, record_topics=[odom]
            ),
        )
    )
    mec = parsed_answer(
        mecs_create.sync(
            client=client,
            body=MecRequest(slug="dry-run", name="Dry run", transport=TransportEnum.NULL),
        )
    )
    simulation = parsed_answer(
        simulations_create.sync(
            client=client,
            body=SimulationRequest(
                name="rush hour",
                pattern=PatternEnum.PARALLEL,
                mec=mec.id,
                stages=[StageRequest(template=template.id, agent_count=3)],
            ),
        )
    )
    return simulation.id


def run(client: AuthenticatedClient, simulation: int) -> None:
    started = parsed_answer(
        simulations_start.sync(simulation, client=client, idempotency_key="run-1")
    )
    again = simulations_start.sync_detailed(simulation, client=client, idempotency_key="run-1")
    assert parsed_answer(again.parsed).id == started.id
    assert again.headers["Idempotent-Replayed"] == "true"
    ended = until(
        lambda: parsed_answer(executions_retrieve.sync(started.id, client=client)),
        lambda execution: execution.status in {"COMPLETED", "FAILED", "STOPPED"},
    )
    assert ended.status == "COMPLETED", ended.failure_text
    assert parsed_answer(executions_progress.sync(started.id, client=client)).overall == 100
    agents = parsed_answer(executions_agents.sync(started.id, client=client)).results
    assert [agent.status for agent in agents] == ["COMPLETED"] * 3
    recordings = parsed_answer(executions_recordings.sync(started.id, client=client)).results
    for recording in recordings:
        assert recording.rosbag is not None
        assert parsed_answer(rosbags_retrieve.sync(recording.rosbag, client=client)).usable
    assert recordings
    assert parsed_answer(executions_events.sync(started.id, client=client)).results
    missing = executions_retrieve.sync_detailed(started.id + 1000, client=client)
    assert missing.status_code == HTTPStatus.NOT_FOUND
    assert isinstance(missing.parsed, Problem)


def main() -> None:
    url, email, password, bundle = sys.argv[1:]
    client = sign_in(url, email, password)
    run(client, design(client, upload(client, Path(bundle))))


if __name__ == "__main__":
    main()
