"""What is known of a backup: a small JSON object beside the dump, written last, that makes it count."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from backups.exceptions import BackupError

FORMAT = 1
NAME = "%Y%m%dT%H%M%S"


@dataclass(frozen=True)
class Manifest:
    """One backup. Sizes in bytes, checksums SHA-256 in hex, times ISO 8601 in UTC.

    `files` is the list of all objects that the dump names, a line of JSON each, compressed.
    """

    name: str
    made_at: str
    robotsim: str
    engine: str
    """`postgresql` or `sqlite`."""
    server: int
    """Major version of the database server."""
    tool: str
    migrations: list[str]
    dump_size: int
    dump_sha256: str
    files_sha256: str
    rosbags: int
    objects: int
    object_bytes: int
    mirrored: bool
    """Whether all objects were brought into the mirror as part of it."""
    missing: list[str]
    """Keys of objects that were not in the storage, or not as the database has them."""
    highest: dict[str, int]
    """The highest id of each kind whose ids must never be given twice."""
    seconds: float
    format: int = FORMAT
    warnings: list[str] = field(default_factory=list)

    @property
    def time(self) -> datetime:
        """When its snapshot was taken."""
        return datetime.fromisoformat(self.made_at)

    def to_json(self) -> bytes:
        """As it is stored: with a checksum of itself."""
        told = asdict(self)
        return json.dumps({**told, "checksum": _checksum(told)}, indent=1).encode()


def parse(name: str, data: bytes) -> Manifest:
    """The manifest in these bytes.

    Raises:
        BackupError: it is damaged, or a newer version of robotsim wrote it in another form.
    """
    damaged = BackupError(_("The manifest of backup %(name)s is damaged.") % {"name": name})
    try:
        told: dict[str, Any] = json.loads(data)
        checksum = told.pop("checksum")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged from error
    if checksum != _checksum(told):
        raise damaged
    if told.get("format") != FORMAT or set(told) != {each.name for each in fields(Manifest)}:
        message = _("Backup %(name)s has another form: use the version of robotsim that made it.")
        raise BackupError(message % {"name": name})
    return Manifest(**told)


def schema_of(migrations: list[str]) -> str:
    """A short name for a state of the tables."""
    return hashlib.sha256("\n".join(sorted(migrations)).encode()).hexdigest()[:8]


def name_for(at: datetime, migrations: list[str]) -> str:
    """Name of a backup, such as `20260930T020000.123Z-5f1c09ab`; they sort by time."""
    return f"{at.strftime(NAME)}.{at.microsecond // 1000:03d}Z-{schema_of(migrations)}"


def _checksum(told: dict[str, Any]) -> str:
    plain = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()
