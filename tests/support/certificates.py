"""Certificates for tests: an authority, and what it signs for the loopback address."""

import subprocess
from pathlib import Path

SUBJECT_NAMES = "subjectAltName=IP:127.0.0.1,DNS:localhost"


def make_authority(folder: Path) -> None:
    """Make `ca.crt` and `ca.key`."""
    folder.mkdir(parents=True, exist_ok=True)
    run = ("req", "-x509", "-nodes", *_KEY, "-subj", "/CN=authority", "-days", "2")
    _openssl(folder, *run, "-keyout", "ca.key", "-out", "ca.crt")


def sign(folder: Path, name: str, authority: Path) -> None:
    """Make `<name>.crt` and `<name>.key`, signed by an authority."""
    folder.mkdir(parents=True, exist_ok=True)
    _openssl(
        folder,
        *("req", "-nodes", *_KEY, "-subj", f"/CN={name}"),
        *("-keyout", f"{name}.key", "-out", f"{name}.csr"),
    )
    (folder / "names").write_text(SUBJECT_NAMES)
    _openssl(
        folder,
        *("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.crt", "-days", "2"),
        *("-CA", str(authority / "ca.crt"), "-CAkey", str(authority / "ca.key")),
        *("-CAcreateserial", "-extfile", "names"),
    )


_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
