"""The command `check_services`: check all dependencies once."""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from robotsim_project.health import dependencies


class Command(BaseCommand):
    """Check all dependencies; changes nothing."""

    help = "Check database, migrations, Redis and storage; the exit code is 0 when all are fine, else 1."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print one line of JSON.")

    def handle(self, *_args: Any, **options: Any) -> None:
        results, addresses = dependencies.check(), dependencies.addresses()
        if options["json"]:
            values = {
                name: {"ok": result.ok, "address": addresses[name], "detail": result.problem}
                for name, result in results.items()
            }
            self.stdout.write(json.dumps(values, ensure_ascii=False))
        else:
            for name, result in results.items():
                self.stdout.write(f"{name:<11} {result.problem or 'ok'} ({addresses[name]})")
        if not all(result.ok for result in results.values()):
            sys.exit(1)
