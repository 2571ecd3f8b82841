"""`manage.py ensure_admin EMAIL`: make sure that somebody can administer."""

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from accounts.services.users import ensure_first_admin


class Command(BaseCommand):
    """Make an admin unless there is an active one; the new password is shown this once."""

    help = "Make an admin with a new password, unless there is an active admin."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--json", action="store_true", help="answer with one JSON line")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            validate_email(options["email"])
        except ValidationError as error:
            message = _("%(email)s is not an e-mail address.") % {"email": options["email"]}
            raise CommandError(message) from error
        user, password = ensure_first_admin(options["email"])
        if options["json"]:
            self.stdout.write(json.dumps({"email": user.email, "password": password}))
        elif password is None:
            self.stdout.write(_("There is an admin already: %(email)s") % {"email": user.email})
        else:
            told = {"email": user.email, "password": password}
            self.stdout.write(_("Admin %(email)s, password %(password)s") % told)
