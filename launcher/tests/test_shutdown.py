"""The end of the launcher stops what runs, and is named as what did."""

import signal

import pytest
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import User
from launcher import shutdown
from simulations.models import Execution, Mec, Simulation


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("received", "stopper", "text"),
    [
        (signal.SIGINT, "interrupt", "It was stopped by Ctrl-C in the terminal."),
        (signal.SIGTERM, "launcher", "It was stopped by the end of the launcher."),
    ],
)
def test_stopped_executions_name_the_signal(
    monkeypatch: pytest.MonkeyPatch, received: signal.Signals, stopper: str, text: str
) -> None:
    mec = Mec.objects.create(slug="lab", name="Lab")
    simulation = Simulation.objects.create(name="Yard", pattern="parallel", mec=mec)
    execution = Execution.objects.create(simulation=simulation, number=1, plan={})
    monkeypatch.setattr(signal, "signal", lambda *_args: None)
    monkeypatch.setattr(shutdown, "kill_units", lambda _folder: 0)
    monkeypatch.setattr(shutdown, "MAX_SECONDS", 0.0)
    assert shutdown.main([received.name]) == 0
    client = APIClient()
    client.force_authenticate(User.objects.create_user("kim@example.org", role=Role.VIEWER))
    [row] = client.get("/api/v1/executions").json()["results"]
    assert (row["stopped_by"], row["failure_code"]) == (stopper, "STOPPED_BY_SYSTEM")
    assert row["failure_text"] == text
    events = client.get(f"/api/v1/executions/{execution.pk}/events").json()["results"]
    assert [(e["actor"], e["payload"]["stopped_by"]) for e in events] == [(None, stopper)]
