"""The bag to play: downloaded once per machine, checked before every replay."""

import contextlib
import fcntl
import hashlib
import os
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from agent.backoff import pauses
from agent.client import Client, Refused, ServerAway
from agent.failures import EXIT_POINTLESS, Halted, UnitFailure
from agent.protocol import Assignment, BagFile

DOWNLOAD_SECONDS = 300.0


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file as lower-case hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class BagCache:
    """Bags on this machine, shared by its units; one folder per bag, named by its digest."""

    def __init__(self, folder: Path, client: Client, halt: threading.Event) -> None:
        self._folder = folder
        self._client = client
        self._halt = halt

    def fetch(self, assignment: Assignment) -> Path:
        """The folder of the bag, every file of the right size and checksum.

        Raises UnitFailure (BAG_DOWNLOAD_FAILED, BAG_INVALID), or Halted when a stop comes first.
        """
        check_paths(assignment.bag)
        name = folder_name(assignment)
        target = self._folder / name
        if all(intact(target, file) for file in assignment.bag):
            return target
        self._folder.mkdir(parents=True, exist_ok=True)
        # Units of one machine ask for the same bag at once: one downloads, the others wait for it.
        with self._locked(self._folder / f"{name}.lock"):
            for file in assignment.bag:
                if not intact(target, file):
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
        """Download a file; once more when it arrives damaged."""
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
            f"{file.path} of the bag arrived damaged twice: its checksum is not the one noted when it was "
            "stored. Run the storage check, and upload the bag again if it reports the file.",
        )

    def _fetch(self, file: BagFile, part: Path) -> str:
        """Write a file, however often it takes; the answer is the SHA-256 of what came."""
        deadline = time.monotonic() + DOWNLOAD_SECONDS
        for pause in pauses():
            try:
                return self._copy(file, part)
            except Refused as error:
                raise failed(file, error) from error
            except ServerAway as error:
                if time.monotonic() > deadline:
                    raise failed(file, error) from error
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


def failed(file: BagFile, error: Exception) -> UnitFailure:
    """The failure of a download."""
    return UnitFailure(
        "BAG_DOWNLOAD_FAILED",
        f"{file.path} of the bag cannot be downloaded ({error}). "
        "Check that server and storage are up, then start again.",
    )


def intact(folder: Path, file: BagFile) -> bool:
    """Whether a file is there with its size and checksum."""
    path = folder / file.path
    return path.is_file() and path.stat().st_size == file.size and sha256_of(path) == file.sha256


def folder_name(assignment: Assignment) -> str:
    """The digest of the bag, or one made of its files where the server gave none."""
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
                exit_code=EXIT_POINTLESS,
            )
