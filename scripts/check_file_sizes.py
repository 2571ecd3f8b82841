"""Check that no Python file has more than 400 lines; print the median and the share under 250.

Migrations are excluded, and tests from the two figures.
"""

import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAX_LINES = 400
LARGE_LINES = 250
EXCLUDED = frozenset({"data", "staticfiles", "node_modules"})


def sources(root: Path) -> Iterator[Path]:
    """Walk over the Python files of the project, except generated and installed ones."""
    for path in sorted(root.iterdir()):
        if path.name.startswith(".") or path.name in EXCLUDED or path.name == "migrations":
            continue
        if path.is_dir():
            yield from sources(path)
        elif path.suffix == ".py":
            yield path


def lines(path: Path) -> int:
    """Count the lines of a file."""
    return len(path.read_text(encoding="utf-8").splitlines())


def check(root: Path) -> tuple[str, list[str]]:
    """Measure a project.

    Returns:
        One line with the figures, and one per file that is over the limit.
    """
    sizes = {path.relative_to(root): lines(path) for path in sources(root)}
    too_long = [
        f"{path}: {size} lines, the limit is {MAX_LINES}: split it by topic"
        for path, size in sizes.items()
        if size > MAX_LINES
    ]
    code = [size for path, size in sizes.items() if "tests" not in path.parts and size]
    if not code:
        return "no files", too_long
    share = 100 * sum(size < LARGE_LINES for size in code) / len(code)
    median = statistics.median(code)
    return (
        f"{len(code)} files, median {median:g} lines, {share:.0f} % under {LARGE_LINES}",
        too_long,
    )


def main() -> int:
    """Print the figures; return 1 when a file is over the limit."""
    figures, too_long = check(ROOT)
    sys.stdout.write(f"{figures}\n")
    for line in too_long:
        sys.stderr.write(f"{line}\n")
    return 1 if too_long else 0


if __name__ == "__main__":
    sys.exit(main())
