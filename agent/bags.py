"""The cache of bags: downloaded once per machine, verified before every replay."""

import contextlib
import fcntl
import hashlib
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from agent.backoff import Patience, pauses
from agent.client import Client, RequestRefused, ServerUnreachable
from agent.failures import EXIT_NO_RETRY, Halted, UnitFailure
from agent.protocol import Assignment, BagFile

DOWNLOAD_SECONDS = 300.0


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as lower-case hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class BagCache:
    """Bags on this machine, shared by its units; one folder per bag, named by its digest."""

    def __init__(self, folder: Path, client: Client, halt: threading.Event) -> None:
        self._folder = folder
        self._client = client
        self._halt = halt

    def fetch(self, assignment: Assignment) -> Path:
        """Return the folder of the bag with verified files; download missing ones.

        Raises:
            UnitFailure: BAG_DOWNLOAD_FAILED or BAG_INVALID.
            Halted: A stop came first.
        """
        check_paths(assignment.bag)
        name = cache_key(assignment)
        target = self._folder / name
        if all(is_intact(target, file) for file in assignment.bag):
            return target
        self._folder.mkdir(parents=True, exist_ok=True)
        # Units of one machine need the same bag at once: one downloads it, the others wait.
        with self._locked(self._folder / f"{name}.lock"):
            for file in assignment.bag:
                if not is_intact(target, file):
                    self._download(file, target / file.path)
        return target

    @contextlib.contextmanager
    def _locked(self, path: Path) -> Iterator[None]:
        with path.open("w") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    self._pause(0.1)
            yield

    def _pause(self, seconds: float) -> None:
        if self._halt.wait(seconds):
            raise Halted

    def _download(self, file: BagFile, target: Path) -> None:
        """Download a file, and once more if it arrives damaged."""
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.{os.getpid()}.part")
        try:
            for _ in range(2):
                if self._fetch(file, part) == file.sha256:
                    part.replace(target)
                    return
        finally:
            part.unlink(missing_ok=True)
        raise UnitFailure(
            "BAG_DOWNLOAD_FAILED",
            f"{file.path} of the bag arrived damaged twice: its checksum differs from the one computed when "
            "it was stored. Run the storage check, and upload the bag again if it reports the file.",
        )

    def _fetch(self, file: BagFile, part: Path) -> str:
        """Download a file, with retries.

        Returns:
            SHA-256 of the downloaded bytes.
        """
        patience = Patience(DOWNLOAD_SECONDS)
        for pause in pauses():
            try:
                return self._copy(file, part)
            except RequestRefused as error:
                raise download_failure(file, error) from error
            except ServerUnreachable as error:
                if patience.is_over():
                    raise download_failure(file, error) from error
            self._pause(pause)
        raise AssertionError("pauses never end")

    def _copy(self, file: BagFile, part: Path) -> str:
        digest = hashlib.sha256()
        with part.open("wb") as target:
            for chunk in self._client.download(file.url):
                if self._halt.is_set():
                    raise Halted
                digest.update(chunk)
                target.write(chunk)
        return digest.hexdigest()


def download_failure(file: BagFile, error: Exception) -> UnitFailure:
    """Return the failure for an error of a download."""
    return UnitFailure(
        "BAG_DOWNLOAD_FAILED",
        f"{file.path} of the bag cannot be downloaded ({error}). "
        "Check that server and storage are running, then start again.",
    )


def is_intact(folder: Path, file: BagFile) -> bool:
    """Return True when a file exists with its size and checksum."""
    path = folder / file.path
    return path.is_file() and path.stat().st_size == file.size and sha256_of(path) == file.sha256


def cache_key(assignment: Assignment) -> str:
    """Return the digest of the bag, or one computed from its files when the server sent none."""
    if re.fullmatch(r"[0-9a-f]{16,128}", assignment.bag_digest):
        return assignment.bag_digest
    listing = "".join(f"{file.path}\0{file.sha256}\n" for file in assignment.bag)
    return hashlib.sha256(listing.encode()).hexdigest()


def check_paths(files: tuple[BagFile, ...]) -> None:
    """Refuse a bag that would be written outside its folder."""
    for file in files:
        path = PurePosixPath(file.path)
        if path.is_absolute() or ".." in path.parts or not path.name:
            raise UnitFailure(
                "BAG_INVALID",
                f"The bag names a file outside its folder: {file.path}. Upload it with plain file names.",
                exit_code=EXIT_NO_RETRY,
            )
