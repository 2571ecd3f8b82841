"""The Korean catalogue is complete: Django's own extraction finds every text translated, and no other."""

import shutil
import subprocess
import sys
from pathlib import Path

from babel.messages.pofile import read_po
from django.conf import settings

ROOMS = (
    *("launcher", "robotsim_project", "backups", "simulations", "templates", "storage"),
    *("accounts", "common", "rosbag2", "agent", "locale", "manage.py"),
)
NO_GETTEXT = "xgettext is not on PATH: install it by `apt-get install gettext`."


def extracted(folder: Path) -> Path:
    """Copy the sources and run makemessages there, so that the catalogue of the project stays as it is."""
    assert shutil.which("xgettext"), NO_GETTEXT
    unwanted = shutil.ignore_patterns("__pycache__", "tests", "vendor")
    for name in ROOMS:
        source = settings.BASE_DIR / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / name, **({"ignore": unwanted} if source.is_dir() else {}))
    command = [sys.executable, "manage.py", "makemessages", "--locale=ko", "--verbosity=0"]
    subprocess.run(command, cwd=folder, check=True, timeout=300)
    return folder / "locale" / "ko" / "LC_MESSAGES" / "django.po"


def test_texts_and_catalogue_are_the_same(tmp_path: Path) -> None:
    with extracted(tmp_path).open("rb") as stream:
        catalogue = read_po(stream)
    entries = [entry for entry in catalogue if entry.id]
    assert len(entries) > 1000
    missing = [entry.id for entry in entries if entry.fuzzy or not any(entry.string)]
    assert missing == []
    assert list(catalogue.obsolete) == []
