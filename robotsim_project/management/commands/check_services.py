"""Says in one go whether everything answers that the system stands on."""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from robotsim_project.health import dependencies


class Command(BaseCommand):
    """For scripts and people; changes nothing."""

    help = (
        "Ask database, migrations, Redis and storage; the exit code is 0 when all are well, else 1."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print one line of JSON.")

    def handle(self, *_args: Any, **options: Any) -> None:
        found, places = dependencies.look(), dependencies.places()
        if options["json"]:
            told = {
                name: {"ok": each.answers, "address": places[name], "detail": each.trouble}
                for name, each in found.items()
            }
            self.stdout.write(json.dumps(told, ensure_ascii=False))
        else:
            for name, each in found.items():
                self.stdout.write(f"{name:<11} {each.trouble or 'ok'} ({places[name]})")
        if not all(each.answers for each in found.values()):
            sys.exit(1)
