"""A full disk is distinguished from a crash."""

import sqlite3

import pytest

from agent.failures import is_disk_full
from agent.recording.recorder import Recorder
from agent.recording.segments import SegmentRules, SegmentWriter
from agent.tests.conftest import CHATTER, ODOM


def test_a_file_on_a_full_disk():
    with (
        pytest.raises(OSError, match="space") as caught,
        open("/dev/full", "wb", buffering=0) as full,
    ):
        full.write(b"x")
    assert is_disk_full(caught.value)
    assert not is_disk_full(PermissionError(13, "no"))


def test_a_full_database(tmp_path):
    with sqlite3.connect(tmp_path / "small") as small:
        small.execute("PRAGMA max_page_count = 2")
        with pytest.raises(sqlite3.OperationalError) as caught:
            small.execute("CREATE TABLE t AS SELECT zeroblob(100000)")
    assert is_disk_full(RuntimeError("outer")) is False
    outer = RuntimeError("outer")
    outer.__cause__ = caught.value
    assert is_disk_full(outer)


def test_a_recording_on_a_full_disk(tmp_path, monkeypatch):
    connect = sqlite3.connect

    def small(*args, **kwargs):
        database = connect(*args, **kwargs)
        database.execute("PRAGMA page_size = 512")
        database.execute("PRAGMA max_page_count = 40")
        return database

    monkeypatch.setattr(sqlite3, "connect", small)
    writer = SegmentWriter(tmp_path, "recording_1", [ODOM], SegmentRules("sqlite3"))
    recorder = Recorder([writer], lambda *_: None)
    recorder.start()
    recorder.begin()
    for _ in range(2000):
        recorder.input_for(0, 0)(CHATTER)
    recorder.close()
    assert is_disk_full(recorder.error)
    assert recorder.dropped(0) == 2000
