"""The child process that reads untrusted bags: limits and isolation."""

import json
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

from rosbag2.formats.metadata import Topic
from rosbag2.sandbox.runner import Limits
from rosbag2.writing.sample import make_sample
from rosbag2.writing.sqlite_writer import BagWriter
from storage.exceptions import PreviewBusyError, PreviewError
from storage.services.previews import child

SPAN = [-(2**63), 2**63 - 1]


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    make_sample(tmp_path / "drive", seconds=2)
    return tmp_path / "drive"


def job(folder: Path, **more: Any) -> child.Job:
    plain = {"name": "messages", "topics": None, "limit": 1000, "items": 5, "span": SPAN}
    return {**plain, "folder": str(folder), **more}


def children() -> list[psutil.Process]:
    values = []
    for item in psutil.Process().children(recursive=True):
        try:
            if "rosbag2.sandbox.worker" in " ".join(item.cmdline()):
                values.append(item)
        except psutil.Error:
            continue
    return values


def test_lines_are_yielded_and_the_process_ends(drive: Path) -> None:
    values = [json.loads(line) for line in child.lines(job(drive))]
    assert len(values) == 150
    assert children() == []


def test_closing_the_generator_ends_the_process(drive: Path) -> None:
    lines = child.lines(job(drive))
    next(lines)
    assert len(children()) == 1
    lines.close()
    assert children() == []


def test_wall_time_is_limited(drive: Path) -> None:
    with pytest.raises(PreviewError) as failure:
        list(child.lines(job(drive), Limits(wall_seconds=0.001)))
    assert failure.value.code == "PREVIEW_BROKE_OFF"
    assert "shorter time" in str(failure.value)


def test_memory_is_limited(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        number = bag.add_topic(Topic("/blob", "std_msgs/msg/String"))
        bag.write(number, 1, b"\0\1\0\0" + bytes(60 * 2**20))
    with pytest.raises(PreviewError) as failure:
        list(child.lines(job(tmp_path / "bag"), Limits(memory_bytes=100 * 2**20)))
    assert failure.value.code in {"PREVIEW_TOO_LARGE", "FILE_DAMAGED", "PREVIEW_BROKE_OFF"}
    assert len(list(child.lines(job(tmp_path / "bag")))) == 1  # within the usual limit


def test_unreadable_bag_has_an_error_code(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(PreviewError) as failure:
        list(child.lines(job(tmp_path / "empty")))
    assert failure.value.code == "METADATA_MISSING"
    assert "metadata.yaml" in str(failure.value)


def test_internal_error_is_a_preview_error(drive: Path) -> None:
    with pytest.raises(PreviewError) as failure:
        list(child.lines(job(drive, name="none")))
    assert failure.value.code == "PREVIEW_BROKE_OFF"


def test_concurrent_previews_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "_slots", threading.BoundedSemaphore(1))
    monkeypatch.setattr(child, "WAIT_SECONDS", 0.01)
    with child.preview_slot():
        with pytest.raises(PreviewBusyError), child.preview_slot():
            pass
        with child.stream_slot():
            pass
    with child.preview_slot():
        pass


def test_child_process_gets_no_secrets(drive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "a secret of the server")
    lines = child.lines(job(drive))
    next(lines)
    [running] = children()
    assert "SECRET_KEY" not in running.environ()
    lines.close()
