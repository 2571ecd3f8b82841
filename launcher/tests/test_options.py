"""Options of `make demo` and `make run`."""

from pathlib import Path

import pytest

from launcher.options import DemoOptions, UsageError, read_port


def test_defaults() -> None:
    expected = DemoOptions(bag=None, agents=20, pattern="parallel", transport="null", rate=1.0)
    assert DemoOptions.read({}) == expected
    assert DemoOptions.read({"BAG": "", "AGENTS": "", "RATE": ""}) == expected


def test_options_survive_the_environment(tmp_path: Path) -> None:
    variables = {"BAG": str(tmp_path), "AGENTS": "3", "PATTERN": "sequential"}
    options = DemoOptions.read({**variables, "TRANSPORT": "zenoh-raw", "RATE": "max"})
    assert options == DemoOptions(tmp_path.resolve(), 3, "sequential", "zenoh-raw", 0.0)
    assert DemoOptions.read(options.to_environment()) == options


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BAG", "/nowhere/at/all"),
        ("AGENTS", "0"),
        ("AGENTS", "-1"),
        ("AGENTS", "many"),
        ("AGENTS", "1.5"),
        ("PATTERN", "zigzag"),
        ("TRANSPORT", "pigeon"),
        ("RATE", "0"),
        ("RATE", "-2"),
        ("RATE", "fast"),
        ("RATE", "inf"),
        ("RATE", "nan"),
        ("AGENTS", "9" * 5000),
    ],
)
def test_invalid_options_are_named(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=name):
        DemoOptions.read({name: value})


def test_the_port_is_validated() -> None:
    assert read_port({}) == 8000
    assert read_port({"PORT": "9000"}) == 9000
    for bad in ("0", "65536", "http"):
        with pytest.raises(UsageError, match="PORT"):
            read_port({"PORT": bad})
