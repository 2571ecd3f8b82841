"""Find unused code with vulture, configured in pyproject.toml; code used by tests only counts as unused.

Settings, the admin, serializers and queries name code in strings and keywords, templates in their tags; these
also count as uses.
"""

import ast
import re
import sys
from pathlib import Path

from vulture import Vulture
from vulture.config import make_config

DOTTED_NAME = re.compile(r"-?[\w.]+")
TEMPLATE_TAG = re.compile(r"{[{%](.*?)[}%]}")


class DeadCode(Vulture):
    """Vulture that also reads names in strings and keywords."""

    def visit_Constant(self, node: ast.Constant) -> None:  # noqa: N802
        if isinstance(node.value, str) and DOTTED_NAME.fullmatch(node.value):
            self.used_names |= set(re.split(r"\W|__", node.value))

    def visit_keyword(self, node: ast.keyword) -> None:
        self.used_names.add(node.arg)

    def read_template(self, text: str) -> None:
        """Count the names in the tags of a template as used."""
        for tag in TEMPLATE_TAG.findall(text):
            self.used_names |= set(re.findall(r"\w+", tag))


def main() -> int:
    """Print dead code; return 0 when there is none."""
    config = make_config(sys.argv[1:])
    dead_code = DeadCode(False, config["ignore_names"], config["ignore_decorators"])  # noqa: FBT003
    dead_code.scavenge(config["paths"], config["exclude"])
    for folder in filter(Path.is_dir, map(Path, config["paths"])):
        for template in folder.glob("**/templates/**/*.html"):
            dead_code.read_template(template.read_text(encoding="utf-8"))
    return int(dead_code.report(config["min_confidence"]))


if __name__ == "__main__":
    sys.exit(main())
