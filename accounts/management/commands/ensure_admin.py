"""`manage.py ensure_admin EMAIL`: make sure that an active admin exists."""

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from accounts.services.users import ensure_first_admin


class Command(BaseCommand):
    """Creates an admin unless there is an active one; the new password is shown once."""

    help = "Create an admin with a new password, unless there is an active admin."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--json", action="store_true", help="print one line of JSON")

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
            self.stdout.write(_("An admin exists already: %(email)s") % {"email": user.email})
        else:
            text = _("Admin %(email)s, password %(password)s")
            self.stdout.write(text % {"email": user.email, "password": password})
