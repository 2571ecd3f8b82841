"""The end of a session, also when the network fails."""

from types import SimpleNamespace

import pytest

from agent import session as sessions
from agent.session import Session
from agent.settings import Settings
from agent.tests.conftest import CHATTER, until
from agent.tests.server import FakeServer
from agent.transports.null import NullTransport

RECORD = [{"name": "/odom", "type": "std_msgs/msg/String"}]


class FailingTransport(NullTransport):
    def close(self) -> None:
        raise OSError("the network is gone")


def test_answers_that_are_on_their_way_are_waited_for(bag, tmp_path, monkeypatch):
    monkeypatch.setattr(sessions, "create", lambda _link: NullTransport())
    plan = {"record": RECORD, "link": {"transport": "zenoh-raw"}}
    assignment = FakeServer(bag, plan).register(None)
    settings = Settings("", "", 1, 0, tmp_path / "unit", tmp_path / "cache", "p")
    session = Session(settings, assignment, None, None)
    session.prepare(bag)
    recordings = session.recordings
    recordings.recorder.begin()
    answers = [CHATTER] * 3

    def sleep(_seconds):
        if answers:
            recordings.input_for(0, "/odom")(answers.pop())

    monkeypatch.setattr(sessions, "time", SimpleNamespace(sleep=sleep, monotonic=lambda: 0.0))
    session.close()
    assert recordings.summary().messages == 3


def test_an_error_of_the_network_keeps_what_was_recorded(bag, tmp_path, monkeypatch):
    monkeypatch.setattr(sessions, "create", lambda _link: FailingTransport())
    assignment = FakeServer(bag, {"record": RECORD}).register(None)
    settings = Settings("", "", 1, 0, tmp_path / "unit", tmp_path / "cache", "p")
    session = Session(settings, assignment, None, None)
    session.prepare(bag)
    recordings = session.recordings
    recordings.recorder.begin()
    recordings.input_for(0, "/odom")(CHATTER)
    with pytest.raises(OSError, match="gone"):
        session.close()
    assert not recordings.recorder.is_alive()
    assert recordings.summary().messages == 1
    until(lambda: any(recordings.folder.rglob("*.mcap")))
