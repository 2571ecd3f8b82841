"""Code that nothing uses is found; names in strings, keywords and settings count as uses."""

import pytest

from scripts.check_dead_code import DeadCode


@pytest.mark.parametrize(
    ("use", "names"),
    [
        ("", ["unused"]),
        ("unused()", []),
        ("MIDDLEWARE = ['storage.middleware.unused']", ["MIDDLEWARE"]),
        ("Rosbag.objects.filter(unused__gt=1, unused=1)", []),
        ("'unused code is a burden'", ["unused"]),
    ],
)
def test_what_nothing_names_is_dead(use: str, names: list[str]) -> None:
    dead_code = DeadCode()
    dead_code.scan(f"def unused():\n    ...\n\n{use}\n")
    assert [item.name for item in dead_code.get_unused_code()] == names
