"""`manage.py show_access`: the access table of API and console as Markdown."""

import re
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import get_resolver
from django.utils.translation import gettext as _

from accounts.permissions import Rule, access_table, console_table

BEGIN, END = "<!-- access: begin -->", "<!-- access: end -->"


class Command(BaseCommand):
    """Prints the table, or writes it between its markers in a document."""

    help = "Print the access table as Markdown"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--write", metavar="FILE", type=Path, help="document with the markers")

    def handle(self, *_args: Any, **options: Any) -> None:
        path = options["write"]
        if path is None:
            self.stdout.write(markdown())
            return
        try:
            path.write_text(insert_table(path.read_text()))
        except (OSError, ValueError) as error:
            raise CommandError(str(error)) from error


def markdown() -> str:
    """Return the tables: one line for each address of the API, one for each model of the console."""
    lines = ["| address | method: minimum role, scope of a token |", "|---|---|"]
    rows = [(address(route), rules) for route, rules in access_table().items()]
    for path, rules in sorted(rows):
        text = "; ".join(f"{method}: {rule_text(rule)}" for method, rule in rules.items())
        lines.append(f"| `{path}` | {text} |")
    lines += ["", "| model in the console | right: minimum role |", "|---|---|"]
    for model, rules in sorted(console_table().items()):
        text = "; ".join(f"{verb}: {rule.role}" for verb, rule in rules.items())
        lines.append(f"| `{model}` | {text} |")
    return "\n".join(lines)


def address(route: str) -> str:
    """Return the path of a route, without the API's prefix, such as `/users/{id}`."""
    patterns = get_resolver().reverse_dict.getlist(route)
    template = "/" + str(patterns[0][0][0][0])
    path = re.sub(r"%\((\w+)\)s", r"{\1}", template).replace("{pk}", "{id}")
    return path.removeprefix(settings.API_STR)


def rule_text(rule: Rule) -> str:
    """Return the text of a rule."""
    if rule.role is None:
        return "anybody"
    return f"{rule.role}, {rule.scope or 'person'}"


def insert_table(text: str) -> str:
    """Return a document with the current table between its markers.

    Raises:
        ValueError: a marker is missing.
    """
    if BEGIN not in text or END not in text:
        raise ValueError(_("The document has no markers for the table: add %s.") % f"{BEGIN} {END}")
    before, rest = text.split(BEGIN, 1)
    return f"{before}{BEGIN}\n{markdown()}\n{END}{rest.split(END, 1)[1]}"
