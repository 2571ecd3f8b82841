"""List the benchmarks: command and first sentence of each file of benchmarks/."""

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def benchmarks() -> list[Path]:
    """Return the files of all benchmarks; those that begin with `_` are their parts."""
    return sorted((ROOT / "benchmarks").glob("[!_]*.py"))


def main() -> None:
    """Print the list."""
    for path in benchmarks():
        docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
        command = (
            f".venv/bin/python -m benchmarks.{path.stem}\n    {docstring.partition(chr(10))[0]}\n"
        )
        sys.stdout.write(command)


if __name__ == "__main__":
    main()
