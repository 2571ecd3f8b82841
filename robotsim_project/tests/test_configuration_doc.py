"""docs/configuration.md names what the settings and the agent read, with the right defaults."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from robotsim_project.environment import BASE_DIR, env

PAGE = (BASE_DIR / "docs" / "configuration.md").read_text(encoding="utf-8")
WITH_DEFAULT = re.compile(r"^\| `([A-Z_]+)` \| ([^|]+) \| [^|]+ \|$", re.MULTILINE)
OF_UNITS = re.compile(r"ROBOTSIM_(?!TEST_)[A-Z_]+")
READ = """
import json, os
os.environ["DJANGO_SETTINGS_MODULE"] = "robotsim_project.settings"
from django.conf import settings
settings.DEBUG
from robotsim_project.environment import env
print(json.dumps(env.dump()))
"""


def test_every_name_is_documented_and_every_documented_name_is_read() -> None:
    assert {name for name, _ in WITH_DEFAULT.findall(PAGE)} == set(env.dump())


def test_the_defaults_are_those_of_the_settings(tmp_path: Path) -> None:
    clean = {"PATH": os.environ["PATH"], "ENVIRONMENT": "test", "DATA_DIR": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", READ], cwd=BASE_DIR, env=clean, capture_output=True, check=True
    )
    values = json.loads(run.stdout)
    literal = {
        name: default.strip("`")
        for name, default in WITH_DEFAULT.findall(PAGE)
        if re.fullmatch(r"`[^`]+`", default) and name != "ENVIRONMENT"
    }
    assert literal
    assert {name: spelled(values[name]) for name in literal} == literal


def spelled(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(value)
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def test_variables_of_units_are_documented() -> None:
    program = [path.read_text(encoding="utf-8") for path in (BASE_DIR / "agent").glob("*.py")]
    assert set(OF_UNITS.findall("".join(program))) == set(OF_UNITS.findall(PAGE))
