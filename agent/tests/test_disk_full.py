"""A full disk is told apart from a crash."""

import sqlite3

import pytest

from agent.failures import disk_full
from agent.recorder import Recorder
from agent.tests.conftest import CHATTER, ODOM


def test_a_file_that_finds_no_room():
    with (
        pytest.raises(OSError, match="space") as caught,
        open("/dev/full", "wb", buffering=0) as full,
    ):
        full.write(b"x")
    assert disk_full(caught.value)
    assert not disk_full(PermissionError(13, "no"))


def test_a_database_that_finds_no_room(tmp_path):
    with sqlite3.connect(tmp_path / "small") as small:
        small.execute("PRAGMA max_page_count = 2")
        with pytest.raises(sqlite3.OperationalError) as caught:
            small.execute("CREATE TABLE t AS SELECT zeroblob(100000)")
    assert disk_full(RuntimeError("outer")) is False
    outer = RuntimeError("outer")
    outer.__cause__ = caught.value
    assert disk_full(outer)


def test_a_recording_that_finds_no_room(tmp_path, monkeypatch):
    connect = sqlite3.connect

    def small(*words, **more):
        made = connect(*words, **more)
        made.execute("PRAGMA page_size = 512")
        made.execute("PRAGMA max_page_count = 40")
        return made

    monkeypatch.setattr(sqlite3, "connect", small)
    recorder = Recorder(tmp_path / "r", [ODOM])
    recorder.start()
    recorder.begin()
    for _ in range(2000):
        recorder.offer(0)(CHATTER)
    recorder.close()
    assert disk_full(recorder.error)
    assert recorder.summary().dropped == 2000 - recorder.summary().messages
