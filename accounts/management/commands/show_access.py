"""`show_access`: who may call what, as a table in Markdown; from the one table that every request asks."""

import re
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import get_resolver
from django.utils.translation import gettext as _

from accounts.permissions import Rule, table

BEGIN, END = "<!-- access: begin -->", "<!-- access: end -->"


class Command(BaseCommand):
    """Prints the table, or writes it between its marks in a document."""

    help = "Who may call what, as a table in Markdown"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--write", metavar="FILE", type=Path, help="document with the marks")

    def handle(self, *_args: Any, **options: Any) -> None:
        path = options["write"]
        if path is None:
            self.stdout.write(markdown())
            return
        try:
            path.write_text(inserted(path.read_text()))
        except (OSError, ValueError) as error:
            raise CommandError(str(error)) from error


def markdown() -> str:
    """The table, one line for each address."""
    lines = ["| address | method: least role, scope of a token |", "|---|---|"]
    rows = [(address(route), rules) for route, rules in table().items()]
    for place, rules in sorted(rows):
        told = "; ".join(f"{method}: {words(rule)}" for method, rule in rules.items())
        lines.append(f"| `{place}` | {told} |")
    return "\n".join(lines)


def address(route: str) -> str:
    """The address of a route as people write it, below the API's prefix where it is there."""
    known = get_resolver().reverse_dict.getlist(route)
    template = "/" + str(known[0][0][0][0])
    place = re.sub(r"%\((\w+)\)s", r"{\1}", template).replace("{pk}", "{id}")
    return place.removeprefix(settings.API_STR)


def words(rule: Rule) -> str:
    """A rule in words."""
    if rule.role is None:
        return "anybody"
    return f"{rule.role}, {rule.scope or 'person'}"


def inserted(text: str) -> str:
    """A document with the table of today between its marks.

    Raises:
        ValueError: the marks are not there.
    """
    if BEGIN not in text or END not in text:
        raise ValueError(_("The document has no place for the table: add %s.") % f"{BEGIN} {END}")
    before, rest = text.split(BEGIN, 1)
    return f"{before}{BEGIN}\n{markdown()}\n{END}{rest.split(END, 1)[1]}"
