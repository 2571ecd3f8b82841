"""First start: migrate the database, create an admin and import the sample; later there is nothing to do."""

import os
import sys
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.utils.translation import gettext as _

from accounts.services.users import ensure_first_admin
from launcher.bundles import sample

PASSWORD_FILE = "admin-password"  # noqa: S105  the name of a file


def main(args: list[str]) -> int:
    """Prepare the database and the data folder.

    Returns:
        Exit code.
    """
    call_command("migrate", interactive=False, verbosity=0)
    make_admin(os.environ.get("ADMIN_EMAIL") or "admin@example.com", settings.DATA_DIR)
    sample()
    return 0


def make_admin(email: str, data_dir: Path) -> None:
    """Create an admin unless there is one; print the password and save it in a file."""
    user, password = ensure_first_admin(email)
    if password is None:
        return
    path = data_dir / PASSWORD_FILE
    write_secret(path, password)
    message = _("Admin: %(email)s   password: %(password)s   (saved in %(path)s)")
    message %= {"email": user.email, "password": password, "path": path}
    sys.stderr.write(f"{message}\n")


def write_secret(path: Path, secret: str) -> None:
    """Write a file that only this user can read, atomically."""
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{secret}\n")
    temporary.replace(path)
