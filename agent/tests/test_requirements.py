"""Imports of units stand in requirements-agent.txt; requirements-ros2.txt adds those of one transport."""

import ast
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from agent.transports.ros2.structures import PACKAGES

ROOT = Path(__file__).resolve().parents[2]
OURS = {"agent", "rosbag2"}


def imports(path: Path) -> Iterator[str]:
    """The modules that a source file imports when it runs, each `from` with the names as well.

    What rosbag2 imports within a function is for those who judge and draw bags, not for units; what the agent
    imports so is for the units that need it.
    """
    lazy_too = (ROOT / "agent") in path.parents
    for node in running(ast.parse(path.read_text()), lazy_too=lazy_too):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def running(node: ast.AST, *, lazy_too: bool) -> Iterator[ast.AST]:
    """Yield the nodes below a node, except those for type checkers only."""
    for child in ast.iter_child_nodes(node):
        typing_only = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        lazy = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef))
        if not typing_only and (lazy_too or not lazy):
            yield child
            yield from running(child, lazy_too=lazy_too)


def source(module: str) -> Path | None:
    """Return the file of a module of this project; None when the name is not a module."""
    path = ROOT / module.replace(".", "/")
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((alias for alias in candidates if alias.is_file()), None)


def needed_by(folder: Path) -> set[str]:
    """Packages of others that the folder needs, also by way of our other modules."""
    waiting = [path for path in folder.rglob("*.py") if "tests" not in path.parts]
    visited, packages = set(waiting), set()
    while waiting:
        for module in imports(waiting.pop()):
            package = module.partition(".")[0]
            if package not in OURS:
                packages.add(package)
            elif (path := source(module)) and path not in visited:
                visited.add(path)
                waiting.append(path)
    return packages


def pinned(name: str) -> set[str]:
    lines = (ROOT / name).read_text().splitlines()
    return {line.partition("==")[0].lower() for line in lines if "==" in line}


def test_the_agents_requirements_are_its_imports() -> None:
    names = needed_by(ROOT / "agent") - sys.stdlib_module_names
    distributions = packages_distributions()
    needed = {distributions[name][0].lower() for name in names}
    ros = needed & pinned("requirements-ros2.txt")
    assert ros == {"ros-rclpy"}
    assert needed - ros == pinned("requirements-agent.txt")


def test_structures_are_those_of_pinned_wheels() -> None:
    lines = (ROOT / "requirements-ros2.txt").read_text().splitlines()
    versions = dict(line.split("==") for line in lines if "==" in line)
    for package, start in PACKAGES.items():
        assert versions[package].startswith(start)
