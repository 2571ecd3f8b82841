"""`manage.py export_bag`: a part of a rosbag from the command line."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from rosbag2.checks.verify import verify
from rosbag2.writing.sample import make_sample
from storage.models import Export, Rosbag
from tests.support.bags import stored_bag

pytestmark = pytest.mark.django_db


@pytest.fixture
def drive(tmp_path: Path) -> Rosbag:
    make_sample(tmp_path / "drive", seconds=2)
    return stored_bag(tmp_path / "drive")


def run(capsys: Any, *arguments: Any, code: int = 0) -> dict[str, Any]:
    if code:
        with pytest.raises(SystemExit) as ended:
            call_command("export_bag", *map(str, arguments), "--json")
        assert ended.value.code == code
    else:
        call_command("export_bag", *map(str, arguments), "--json")
    return dict(json.loads(capsys.readouterr().out))


def test_export_to_a_folder(drive: Rosbag, tmp_path: Path, capsys: Any) -> None:
    arguments = ["--format", "sqlite3", "--topic", "/odom", "--start", "0.5s", "--end", "1s"]
    result = run(capsys, drive.pk, *arguments, "--output", tmp_path / "out", "--name", "part")
    assert (result["status"], result["rosbag_status"], result["message_count"]) == (
        "done",
        "ready",
        11,
    )
    assert {Path(item).name for item in result["files"]} == {"metadata.yaml", "part_0.db3"}
    verdict = verify(tmp_path / "out")
    assert verdict.status == "ready"
    again = run(
        capsys, drive.pk, *arguments, "--output", tmp_path / "out", "--name", "part", code=2
    )
    assert again["status"] == "failed"


def test_export_of_a_table(drive: Rosbag, tmp_path: Path, capsys: Any) -> None:
    arguments = ["--format", "csv", "--topic", "/odom", "--field", "pose.pose.position.x"]
    result = run(capsys, drive.pk, *arguments, "--output", tmp_path / "out")
    [file] = result["files"]
    assert len(Path(file).read_text().splitlines()) == 41


def test_invalid_exports_fail(drive: Rosbag, capsys: Any) -> None:
    result = run(capsys, drive.pk, "--topic", "/none", code=2)
    assert "topics" in result["sentence"]
    result = run(capsys, drive.pk, "--format", "csv", "--field", "none", code=2)
    assert (result["status"], result["code"]) == ("failed", "FIELD_UNKNOWN")
    with pytest.raises(CommandError, match="no rosbag"):
        call_command("export_bag", "999")
    assert Export.objects.count() == 1
