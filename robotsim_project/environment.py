"""Values of the environment, or of a `.env` file in the root (the environment wins).

environs reads and converts them. A bad value is refused in one sentence, which names the variable, describes
a good value and never repeats the bad one: it may be a secret. `formats` says what a text may look like.
"""

import hashlib
import os
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile, gettempdir
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from environs import Env, validate

from robotsim_project.formats import FOLDER, Format

BASE_DIR = Path(__file__).resolve().parent.parent
MAX_SOCKET_NAME = 100
MIN_SECRET_KEY = 32
MIN_SECRET_CHARACTERS = 10
"""Number of different characters in a random key; 32 hexadecimal digits have fewer once in 10,000 keys."""
PLACEHOLDERS = ("your-secret-key", "change-me", "changeme", "django-insecure", "secret-key")
"""Placeholders of guides and examples in place of a key: known to everybody."""
SERVICES = {
    "DATABASE_URL": "postgresql://postgres:password@postgres-service:5432/robotdb "
    "(on a single machine sqlite:////data/robotsim.sqlite3)",
    "REDIS_URL": "redis://:password@redis-service:6379/0",
    "MINIO_ENDPOINT": "minio-service:9000 (on a single machine set STORAGE_DIR instead, to /data/storage)",
    "MINIO_ACCESS_KEY": "robotsim, the user of the S3 server",
    "MINIO_SECRET_KEY": "the password of MINIO_ACCESS_KEY",
}
"""Services that production has to name, with examples."""

env = Env()
if os.environ.get("ENVIRONMENT") != "test":  # tests do not depend on someone's own file
    env.read_env(BASE_DIR / ".env", recurse=False)


def boolean(name: str, *, default: bool) -> bool:
    """True or false, in the usual spellings."""
    return bool(_read(env.bool, name, default, "true or false"))


def integer(name: str, default: int, *, min: int, max: int) -> int:
    """A whole number within a range, both ends included."""
    description = f"a whole number from {min} to {max}, such as {default}"
    return int(_read(env.int, name, default, description, validate=validate.Range(min, max)))


def number(name: str, default: float, *, min: float, max: float) -> float:
    """A number within a range, both ends included."""
    description = f"a number from {min} to {max}, such as {default}"
    return float(_read(env.float, name, default, description, validate=validate.Range(min, max)))


def text(name: str, default: str, format: Format) -> str:
    """A text of this format; it may be empty where that is the default."""

    def check(value: str) -> None:
        if value != default:
            format.check(value)

    options = {"pre_load": format.clean, "validate": check}
    return str(_read(env.str, name, default, format.description, **options))


def texts(name: str, default: list[str], format: Format) -> list[str]:
    """Texts of this format, separated by commas; there may be none where that is the default."""

    def check(values: list[str]) -> None:
        for value in filter(None, values) if any(values) or not default else [""]:
            format.check(value)

    values = _read(env.list, name, default, format.description, subcast=str.strip, validate=check)
    return [value for value in values if value]


def folder(name: str, default: Path) -> Path:
    """A folder, which may be made later."""
    return Path(text(name, str(default), FOLDER)).resolve()


def _read(
    parser: Callable[..., Any], name: str, default: Any, description: str, **options: Any
) -> Any:
    """Read a variable by a parser of environs.

    Raises:
        ImproperlyConfigured: The parser or a validator refuses the value.
    """
    try:
        return parser(name, default, **options)
    except (ValueError, LookupError, OSError):  # not chained: it may quote the value
        raise ImproperlyConfigured(f"{name} must be {description}.") from None


def require_services() -> None:
    """Insist on what is embedded elsewhere: it would lie on one machine, or go with its container.

    Raises:
        ImproperlyConfigured: A service is not named; the sentence says how.
    """
    in_folder = env.str("STORAGE_DIR", "") and not env.str("MINIO_ENDPOINT", "")
    for name, example in SERVICES.items():
        if not env.str(name, "") and not (in_folder and name.startswith("MINIO_")):
            raise ImproperlyConfigured(f"{name} must be set in production, for example {example}.")


def debug_pages(*, production: bool) -> bool:
    """Answer errors with Django's debug pages.

    Raises:
        ImproperlyConfigured: In production they are; they show settings and sources to anybody.
    """
    debug = boolean("DEBUG", default=False)
    if production and debug:
        raise ImproperlyConfigured(
            "DEBUG must be set to false in production, for example by leaving it out: its pages show "
            "settings and sources to anybody."
        )
    return debug


def own_names(server_url: str) -> list[str]:
    """Names of this machine, and the one by which units reach the server."""
    names = ["localhost", "127.0.0.1", "[::1]", socket.gethostname().lower()]
    host = urlsplit(server_url).hostname or ""
    return list(dict.fromkeys([*names, f"[{host}]" if ":" in host else host]))


def version() -> str:
    """The version of this code, from `.version` in the root."""
    path = BASE_DIR / ".version"
    return path.read_text(encoding="ascii").strip() if path.exists() else "unknown"


def private_socket(data_dir: Path, name: str) -> Path:
    """The path of a unix socket: in the data folder, or in a folder of its own in the temporary one.

    The kernel takes some 107 bytes for the name of a socket, and data folders may be deep.
    """
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    own = Path(f"robotsim-{os.getuid()}-{digest}", name)
    for path in (data_dir / name, gettempdir() / own):
        if len(os.fsencode(path)) <= MAX_SOCKET_NAME:
            return path
    return "/tmp" / own  # noqa: S108  mode 0700, owner checked


def secret_key(data_dir: Path, *, production: bool) -> str:
    """The signing key: from the environment, else made once and kept in the data folder (mode 0600).

    Raises:
        ImproperlyConfigured: Production has none, or one that can be guessed.
    """
    key = env.str("SECRET_KEY", "")
    if key == "your-secret-key-here":  # copied from the guide: known to everybody, so it is none
        key = ""
    if production and is_guessable(key):
        raise ImproperlyConfigured(
            f"SECRET_KEY must be set to at least {MIN_SECRET_KEY} random characters in production, for "
            "example from: python -c 'import secrets; print(secrets.token_urlsafe(48))'"
        )
    try:
        return key or kept_secret(data_dir / "secret_key")
    except OSError as error:
        message = f"DATA_DIR must be a folder that can be written, such as /data ({error})."
        raise ImproperlyConfigured(message) from error


def is_guessable(key: str) -> bool:
    """True for a key that is short, repeats itself, or is a known placeholder."""
    has_few_characters = len(key) < MIN_SECRET_KEY or len(set(key)) < MIN_SECRET_CHARACTERS
    is_repeated = key in (key + key)[1:-1]
    return has_few_characters or is_repeated or any(word in key.lower() for word in PLACEHOLDERS)


def kept_secret(path: Path) -> str:
    """The secret in this file, made now if there is none; all who ask agree on the first one made."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        with NamedTemporaryFile("w", dir=path.parent, prefix=f"{path.name}.") as file:  # mode 0600
            file.write(secrets.token_urlsafe(48))
            file.flush()
            with suppress(FileExistsError):
                os.link(file.name, path)  # never overwrites: the first one made is everybody's
    return path.read_text()
