"""Upload of a finished recording, retried until nothing has got through for a limit."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from agent.backoff import Patience, pauses
from agent.bags import sha256_of
from agent.client import Client, RequestRefused, ServerUnreachable, read_range
from agent.failures import Superseded, UnitFailure
from agent.protocol import (
    FileUpload,
    FinishedFile,
    FinishedPart,
    RecordedFile,
    RecordingComplete,
    RecordingOffer,
    RecordingUpload,
)

UPLOAD_INCOMPLETE = "UPLOAD_INCOMPLETE"


class PartError(Exception):
    """The storage refused a part: its URL may have expired, so a new one is requested."""


@dataclass
class Progress:
    """Stored parts of one multipart upload."""

    part_size: int = 0
    etags: dict[int, str] = field(default_factory=dict)


def recorded_files(folder: Path) -> tuple[RecordedFile, ...]:
    """Return the files of a recording with sizes and checksums."""
    return tuple(
        RecordedFile(
            path=path.relative_to(folder).as_posix(),
            size=path.stat().st_size,
            sha256=sha256_of(path),
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    )


class Upload:
    """Upload of one recording; `superseded` is called before each step."""

    def __init__(
        self,
        client: Client,
        folder: Path,
        offer: RecordingOffer,
        *,
        limit_seconds: float,
        superseded: Callable[[], bool],
    ) -> None:
        self._client = client
        self._folder = folder
        self._offer = offer
        self._patience = Patience(limit_seconds)
        self._superseded = superseded
        self._progress: dict[tuple[str, str], Progress] = {}

    def run(self) -> None:
        """Offer, send and complete the recording, with retries.

        Raises:
            UnitFailure: UPLOAD_FAILED, after the limit without a stored part, or a definite refusal.
            Superseded: A newer attempt has taken over.
        """
        self._patience.renew()
        for pause in pauses():
            if self._superseded():
                raise Superseded
            try:
                return self._upload_once()
            except RequestRefused as error:
                if error.superseded:
                    raise Superseded from error
                # The storage lacks parts that it had confirmed: the missing ones are sent again.
                if error.code != UPLOAD_INCOMPLETE or self._patience.is_over():
                    raise self._failure(error) from error
            except (ServerUnreachable, PartError) as error:
                if self._patience.is_over():
                    raise self._failure(error) from error
            time.sleep(pause)
        return None

    def _failure(self, error: Exception) -> UnitFailure:
        return UnitFailure(
            "UPLOAD_FAILED",
            f"The recording could not be stored ({error}). Its files are kept in {self._folder} on the "
            "machine of the unit: check the storage, then import that folder.",
        )

    def _upload_once(self) -> None:
        """Upload with new URLs; parts that are already stored are not sent again."""
        upload = self._client.offer(self._offer)
        if not self._offer.files:
            return
        for file in upload.files:
            self._send_file(file)
        self._client.complete(self._completion(upload))

    def _send_file(self, file: FileUpload) -> None:
        progress = self._progress.setdefault((file.path, file.upload_id), Progress())
        # All parts but the last have the same size; the first listing shows them all.
        progress.part_size = max([progress.part_size, *(part.size for part in file.parts)])
        with (self._folder / file.path).open("rb") as source:
            for part in file.parts:
                if self._superseded():
                    raise Superseded
                body = read_range(source, (part.number - 1) * progress.part_size, part.size)
                progress.etags[part.number] = self._send(part.url, body, part.size)
                self._patience.renew()

    def _send(self, url: str, body: Iterator[bytes], size: int) -> str:
        try:
            return self._client.put_part(url, body, size)
        except RequestRefused as error:
            raise PartError(str(error)) from error

    def _completion(self, upload: RecordingUpload) -> RecordingComplete:
        return RecordingComplete(
            stage_run=self._offer.stage_run,
            unit=self._offer.unit,
            attempt=self._offer.attempt,
            recording=upload.recording,
            files=tuple(self._finished(file) for file in upload.files),
        )

    def _finished(self, file: FileUpload) -> FinishedFile:
        etags = self._progress[file.path, file.upload_id].etags
        return FinishedFile(
            path=file.path,
            upload_id=file.upload_id,
            parts=tuple(FinishedPart(number=n, etag=etags[n]) for n in sorted(etags)),
        )
