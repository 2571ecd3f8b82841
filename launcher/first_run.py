"""A database that is up to date, with an admin and the sample; a second time there is nothing to do."""

import os
import sys
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.utils.translation import gettext as _

from accounts.services.users import ensure_first_admin
from launcher.bundles import sample

PASSWORD_FILE = "admin-password"  # noqa: S105  the name of a file


def main(words: list[str]) -> int:
    """Prepare database and data folder; the answer is an exit code."""
    call_command("migrate", interactive=False, verbosity=0)
    make_admin(os.environ.get("ADMIN_EMAIL") or "admin@example.com", settings.DATA_DIR)
    sample()
    return 0


def make_admin(email: str, data_dir: Path) -> None:
    """Make sure that there is an admin; a new one's password is printed once, and kept."""
    user, password = ensure_first_admin(email)
    if password is None:
        return
    path = data_dir / PASSWORD_FILE
    keep(path, password)
    note = _("Admin: %(email)s   password: %(password)s   (kept in %(path)s)")
    note %= {"email": user.email, "password": password, "path": path}
    sys.stderr.write(f"{note}\n")


def keep(path: Path, secret: str) -> None:
    """Write a file that only this user can read, whole or not at all."""
    made = path.with_suffix(f".{os.getpid()}.tmp")
    descriptor = os.open(made, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{secret}\n")
    made.replace(path)
