"""The check of file sizes finds long files, and excludes files of others."""

from pathlib import Path

from scripts.check_file_sizes import check


def write(path: Path, lines: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x = 1\n" * lines)


def test_a_long_file_is_named(tmp_path: Path) -> None:
    write(tmp_path / "app" / "short.py", 100)
    write(tmp_path / "app" / "longer.py", 300)
    write(tmp_path / "app" / "tests" / "test_long.py", 401)
    write(tmp_path / "app" / "migrations" / "0001_initial.py", 900)
    write(tmp_path / ".venv" / "lib.py", 900)
    figures, too_long = check(tmp_path)
    assert figures == "2 files, median 200 lines, 50 % under 250"
    assert [line.split(":")[0] for line in too_long] == ["app/tests/test_long.py"]
