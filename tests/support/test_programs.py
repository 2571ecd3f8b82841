"""Building programs with Go: once, atomically, and with a clear message when it fails."""

import os
from pathlib import Path

import pytest

from tests.support import programs
from tests.support.programs import Program, ProgramMissingError

# Stands for Go: counts its calls, leaves half a program behind, and fails when told so.
GO = """#!/bin/sh
echo called >> "$HOME/calls"
echo half > "$GOBIN/tool"
test ! -e "$HOME/broken" || { echo "undefined: everything" >&2; exit 1; }
echo whole > "$GOBIN/tool"
"""
TOOL = Program("tool", "v1", ("install", "example.org/tool@v1"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    binaries = tmp_path / "bin"
    binaries.mkdir()
    (binaries / "go").write_text(GO)
    (binaries / "go").chmod(0o755)
    monkeypatch.setenv("PATH", f"{binaries}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_a_program_is_built_once_and_cached(home: Path) -> None:
    first = programs.make(TOOL)
    assert first == home / "cache" / "robotsim-tests" / "tool-v1" / "tool"
    assert first.read_text() == "whole\n"
    assert programs.make(TOOL) == first
    assert (home / "calls").read_text() == "called\n"


def test_a_half_built_program_is_built_again(home: Path) -> None:
    (home / "broken").touch()
    with pytest.raises(
        ProgramMissingError, match=r"(?s)go install .*failed.*undefined: everything"
    ):
        programs.make(TOOL)
    assert not TOOL.path.exists()
    assert [path.name for path in programs.cache().iterdir()] == ["tool.lock"]
    (home / "broken").unlink()
    assert programs.make(TOOL).read_text() == "whole\n"


def test_a_missing_go_is_reported(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(home))
    assert programs.main(["minio"]) == 1
    assert "install Go 1.26 or newer" in capsys.readouterr().err


def test_a_program_that_is_not_built_is_reported(home: Path) -> None:
    with pytest.raises(ProgramMissingError, match="make test-cluster"):
        programs.find("minio")
