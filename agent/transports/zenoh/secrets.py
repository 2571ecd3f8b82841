"""Certificates and credentials of a system under test: files that its units read, and nothing else."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from agent.protocol import SECRET_NAME, ProbeCode
from agent.transports.base import TransportError

FOLDERS = "MEC_SECRETS_DIR"
"""Variable with the folder of all secrets, one folder each, with the keys of a Secret of Kubernetes."""
PAIRS = (("tls.crt", "tls.key"), ("username", "password"))
NAMES = ("ca.crt", "tls.crt", "tls.key", "username", "password")


class SecretError(TransportError):
    """A secret cannot be read; the message names the file, never what is in it."""

    probe_code = ProbeCode.SECRET_INVALID


@dataclass(frozen=True)
class Secret:
    """Paths of certificates, and credentials; None and empty where the secret has none."""

    authority: Path | None = None
    """Certificate that the router's must be signed by."""
    certificate: Path | None = None
    key: Path | None = field(default=None, repr=False)
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


def read_secret(name: str) -> Secret:
    """Read the secret of a link; an empty name has none.

    Raises:
        SecretError: The folder or a file is missing or cannot be read.
    """
    if not name:
        return Secret()
    if not re.fullmatch(SECRET_NAME, name):
        raise SecretError(
            f"'{name}' is no name of a secret: correct it in the settings of the system under test."
        )
    root = os.environ.get(FOLDERS, "")
    if not root:
        raise SecretError(
            f"{FOLDERS} is not set where this unit runs: set it to the folder that holds '{name}'."
        )
    folder = Path(root) / name
    texts = {file: text for file in NAMES if (text := _read(folder / file)) is not None}
    if not texts:
        raise SecretError(f"{folder} has none of {', '.join(NAMES)}: put them there.")
    for pair in PAIRS:
        for file, other in (pair, pair[::-1]):
            if file in texts and other not in texts:
                raise SecretError(f"{folder / other} is missing, which {file} needs: put it there.")
    return Secret(
        authority=_path(folder, "ca.crt", texts),
        certificate=_path(folder, "tls.crt", texts),
        key=_path(folder, "tls.key", texts),
        username=texts.get("username", ""),
        password=texts.get("password", ""),
    )


def _read(path: Path) -> str | None:
    """Return the text of a file, without the end of its last line; None where it is missing."""
    try:
        text = path.read_text().rstrip("\r\n")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SecretError(f"{path} cannot be read ({error.strerror}).") from None
    except ValueError:
        raise SecretError(f"{path} is not text: write it as PEM, or as plain text.") from None
    if not text:
        raise SecretError(f"{path} is empty: write its value into it, or remove it.")
    return text


def _path(folder: Path, file: str, texts: dict[str, str]) -> Path | None:
    return folder / file if file in texts else None
