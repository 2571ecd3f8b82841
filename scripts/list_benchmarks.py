"""Say what can be measured: each file of benchmarks/ with its command and its first sentence."""

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Print a command and a sentence for each benchmark."""
    for path in sorted((ROOT / "benchmarks").glob("*.py")):
        if path.name.startswith("_"):
            continue
        about = ast.get_docstring(ast.parse(path.read_text())) or ""
        command = f".venv/bin/python -m benchmarks.{path.stem}\n    {about.partition(chr(10))[0]}\n"
        sys.stdout.write(command)


if __name__ == "__main__":
    main()
