"""The manifest of a backup: a small JSON object beside the dump, written last, that makes it complete."""

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
    """True when all objects were copied into the mirror as part of it."""
    missing: list[str]
    """Keys of objects that were not in the storage, or not as the database has them."""
    highest: dict[str, int]
    """The highest id per table whose ids must never be used twice."""
    seconds: float
    format: int = FORMAT
    warnings: list[str] = field(default_factory=list)

    @property
    def time(self) -> datetime:
        """Time of the snapshot."""
        return datetime.fromisoformat(self.made_at)

    def to_json(self) -> bytes:
        """Serialize the manifest, with a checksum of itself."""
        values = asdict(self)
        return json.dumps({**values, "checksum": _checksum(values)}, indent=1).encode()


def parse(name: str, data: bytes) -> Manifest:
    """Parse a manifest.

    Raises:
        BackupError: It is damaged, or another version of robotsim wrote it in another format.
    """
    damaged = BackupError(_("The manifest of backup %(name)s is damaged.") % {"name": name})
    try:
        values: dict[str, Any] = json.loads(data)
        checksum = values.pop("checksum")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged from error
    if checksum != _checksum(values):
        raise damaged
    if values.get("format") != FORMAT or set(values) != {field.name for field in fields(Manifest)}:
        message = _("Backup %(name)s has another format: use the version of robotsim that made it.")
        raise BackupError(message % {"name": name})
    return Manifest(**values)


def schema_of(migrations: list[str]) -> str:
    """Return a short identifier of the database schema."""
    return hashlib.sha256("\n".join(sorted(migrations)).encode()).hexdigest()[:8]


def name_for(at: datetime, migrations: list[str]) -> str:
    """Return a name for a backup, such as `20260930T020000.123Z-5f1c09ab`; names sort by time."""
    return f"{at.strftime(NAME)}.{at.microsecond // 1000:03d}Z-{schema_of(migrations)}"


def _checksum(values: dict[str, Any]) -> str:
    plain = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()
