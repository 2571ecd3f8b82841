"""Upload of one closed segment, which sends only the parts that the storage does not have yet."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from agent.client import Client, RequestRefused, read_range
from agent.failures import Superseded
from agent.protocol import FileUpload, FinishedFile, FinishedPart, SegmentComplete, SegmentOffer


class PartError(Exception):
    """The storage refused a part: its URL may have expired, so a new one is requested."""


@dataclass
class Progress:
    """Stored parts of one multipart upload."""

    part_size: int = 0
    etags: dict[int, str] = field(default_factory=dict)


class SegmentUpload:
    """Upload of one segment; `superseded` is called before each part, `on_part` after each stored one."""

    def __init__(
        self,
        client: Client,
        file: Path,
        offer: SegmentOffer,
        *,
        superseded: Callable[[], bool],
        on_part: Callable[[], None],
    ) -> None:
        self._client = client
        self._file = file
        self._offer = offer
        self._superseded = superseded
        self._on_part = on_part
        self._progress: dict[str, Progress] = {}

    def send(self) -> None:
        """Upload with new URLs; parts that are already stored are not sent again, so it may be repeated.

        Raises:
            RequestRefused: The server refuses the segment.
            PartError: The storage refuses a part.
            ServerUnreachable: One of them does not answer.
            Superseded: A newer attempt has taken over.
        """
        for upload in self._client.offer(self._offer).files:
            progress = self._send_parts(upload)
            self._client.complete(self._completion(upload, progress))

    def _send_parts(self, upload: FileUpload) -> Progress:
        progress = self._progress.setdefault(upload.upload_id, Progress())
        # All parts but the last have the same size; the first listing shows them all.
        progress.part_size = max([progress.part_size, *(part.size for part in upload.parts)])
        with self._file.open("rb") as source:
            for part in upload.parts:
                if self._superseded():
                    raise Superseded
                body = read_range(source, (part.number - 1) * progress.part_size, part.size)
                progress.etags[part.number] = self._put(part.url, body, part.size)
                self._on_part()
        return progress

    def _put(self, url: str, body: Iterator[bytes], size: int) -> str:
        try:
            return self._client.put_part(url, body, size)
        except RequestRefused as error:
            raise PartError(str(error)) from error

    def _completion(self, upload: FileUpload, progress: Progress) -> SegmentComplete:
        offer = self._offer
        parts = [FinishedPart(number=n, etag=progress.etags[n]) for n in sorted(progress.etags)]
        return SegmentComplete(
            stage_run=offer.stage_run,
            unit=offer.unit,
            attempt=offer.attempt,
            agent=offer.agent,
            segment=offer.segment,
            file=FinishedFile(path=upload.path, upload_id=upload.upload_id, parts=tuple(parts)),
        )
