"""requirements-agent.txt holds what a unit imports, and nothing else: the image of the agent has no more."""

import ast
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OURS = {"agent", "rosbag2"}
NOT_FOR_UNITS = {"sample.py"}
"""Makes the sample bundle, on the server."""


def imported(folder: Path) -> set[str]:
    """The packages that its sources import, tests left out."""
    names: set[str] = set()
    for path in folder.rglob("*.py"):
        if "tests" in path.parts or path.name in NOT_FOR_UNITS:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    return names


def test_the_agents_requirements_are_its_imports() -> None:
    names = (imported(ROOT / "agent") | imported(ROOT / "rosbag2")) - OURS - sys.stdlib_module_names
    distributions = packages_distributions()
    needed = {distributions[name][0].lower() for name in names}
    lines = (ROOT / "requirements-agent.txt").read_text().splitlines()
    assert needed == {line.partition("==")[0].lower() for line in lines if "==" in line}
