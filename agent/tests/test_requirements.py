"""requirements-agent.txt holds what a unit imports, and nothing else: the image of the agent has no more."""

import ast
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OURS = {"agent", "rosbag2"}


def imports(path: Path) -> Iterator[str]:
    """The modules that a source file imports when it runs, each `from` with the names as well."""
    typing_only = {
        inner
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in map(ast.unparse, node.body)
    }
    for node in ast.walk(ast.parse(path.read_text())):
        if ast.unparse(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def source(module: str) -> Path | None:
    """The file of a module of ours, None where the name is no module."""
    path = ROOT / module.replace(".", "/")
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((each for each in candidates if each.is_file()), None)


def needed_by(folder: Path) -> set[str]:
    """Packages of others that the folder needs, also by way of our other modules."""
    waiting = [path for path in folder.rglob("*.py") if "tests" not in path.parts]
    seen, packages = set(waiting), set()
    while waiting:
        for module in imports(waiting.pop()):
            package = module.partition(".")[0]
            if package not in OURS:
                packages.add(package)
            elif (path := source(module)) and path not in seen:
                seen.add(path)
                waiting.append(path)
    return packages


def test_the_agents_requirements_are_its_imports() -> None:
    names = needed_by(ROOT / "agent") - sys.stdlib_module_names
    distributions = packages_distributions()
    needed = {distributions[name][0].lower() for name in names}
    lines = (ROOT / "requirements-agent.txt").read_text().splitlines()
    assert needed == {line.partition("==")[0].lower() for line in lines if "==" in line}
