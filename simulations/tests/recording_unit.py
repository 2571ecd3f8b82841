"""A unit that uploads segments of a recording, as an agent does."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3

from agent.protocol import (
    FinishedFile,
    FinishedPart,
    RecordedFile,
    RecordingClosed,
    RecordingUpload,
    SegmentComplete,
    SegmentOffer,
)
from rosbag2.formats import qos
from rosbag2.formats.metadata import Topic
from rosbag2.writing.mcap_writer import McapBagWriter
from rosbag2.writing.sqlite_writer import BagWriter
from simulations.models import AgentRun, Recording, StageRun
from simulations.services.plan import plan_of
from simulations.services.runs import recording_uploads, recordings
from simulations.services.runs.active_stage import ActiveStage
from storage.models import Rosbag
from storage.objects import object_store
from storage.objects.folder import FolderStore
from storage.objects.grants import PartGrant, parse_token
from storage.services.verification import verifier

BEGIN_NS = 1_700_000_000_000_000_000
STEP_NS = 10**9
QOS = qos.profile_text(reliability="reliable", durability="volatile", history="keep_last", depth=10)


@dataclass
class RecordingUnit:
    """One attempt of the only unit of a stage run, or of one of its agents; makes its files in `folder`."""

    stage_run: StageRun
    folder: Path
    attempt: int = 1
    agent: int | None = None
    suffix: str = "mcap"
    began_ns: int = BEGIN_NS
    messages: list[int] = field(default_factory=list)
    """Of each closed segment."""

    @property
    def recording(self) -> Recording:
        return Recording.objects.select_related("rosbag").get(**self._own())

    def upload(self, messages: int, **changes: Any) -> None:
        """Close a segment with so many messages, a second apart, and upload it."""
        self.finish(self.close_segment(messages, **changes))

    def close_segment(self, messages: int, **changes: Any) -> SegmentOffer:
        number, first = len(self.messages), self.began_ns + sum(self.messages) * STEP_NS
        self.messages.append(messages)
        path = self._write(number, messages, first)
        content = path.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        topics = dict.fromkeys(self.recording.topics, messages)
        values: dict[str, Any] = {
            "segment": number,
            "file": RecordedFile(path=path.name, size=len(content), sha256=sha256),
            "first_ns": first,
            "last_ns": first + (messages - 1) * STEP_NS,
            "topics": topics,
        }
        return SegmentOffer(**self._named(), **(values | changes))

    def offer(self, segment: SegmentOffer) -> RecordingUpload:
        return recording_uploads.offer(self.stage_run.execution_id, segment)

    def send(self, segment: SegmentOffer, upload: RecordingUpload) -> SegmentComplete:
        """Send the parts that are missing, and say so."""
        [file] = upload.files
        content = (self.folder / segment.file.path).read_bytes()
        parts = []
        for part in file.parts:
            offset = sum(before.size for before in file.parts if before.number < part.number)
            etag = put(part.url, content[offset : offset + part.size])
            parts.append(FinishedPart(number=part.number, etag=etag))
        finished = FinishedFile(path=file.path, upload_id=file.upload_id, parts=tuple(parts))
        return SegmentComplete(**self._named(), segment=segment.segment, file=finished)

    def finish(self, segment: SegmentOffer) -> None:
        self.complete(self.send(segment, self.offer(segment)))

    def complete(self, message: SegmentComplete) -> None:
        recording_uploads.complete(self.stage_run.execution_id, message)

    def close(self, **changes: Any) -> None:
        topics = len(self.recording.topics)
        values = {
            "segments": len(self.messages),
            "message_count": sum(self.messages) * topics,
            "dropped": 0,
        }
        message = RecordingClosed(**self._named(), **(values | changes))
        recording_uploads.close(self.stage_run.execution_id, message)

    def _own(self) -> dict[str, Any]:
        return {"unit": 0, "attempt": self.attempt, "agent": self.agent}

    def _named(self) -> dict[str, Any]:
        return {"stage_run": self.stage_run.pk, **self._own()}

    def _write(self, number: int, messages: int, first_ns: int) -> Path:
        agent = "" if self.agent is None else f"agent_{self.agent}_"
        name = f"recording_{agent}{self.attempt}_{number}"
        folder = self.folder / name
        writer = (McapBagWriter if self.suffix == "mcap" else BagWriter)(folder)
        with writer as bag:
            kind = "nav_msgs/msg/Odometry"
            ids = [
                bag.add_topic(Topic(topic, kind, offered_qos_profiles=QOS))
                for topic in self.recording.topics
            ]
            for index in range(messages):
                for topic in ids:
                    bag.write(topic, first_ns + index * STEP_NS, bytes([0, 1, 0, 0, index % 256]))
        [written] = folder.glob(f"*.{self.suffix}")
        return written.rename(self.folder / f"{name}.{self.suffix}")


def put(url: str, body: bytes) -> str:
    """PUT a part as a unit does.

    Returns:
        Its ETag.
    """
    store = object_store()
    if isinstance(store, FolderStore):
        grant = parse_token(url.rpartition("/")[2])
        assert isinstance(grant, PartGrant)
        return store.write_part(grant, iter([body]))
    answer = urllib3.request("PUT", url, body=body)
    assert answer.status == 200, answer.data
    return answer.headers["ETag"]


def active(stage_run: StageRun) -> ActiveStage:
    return ActiveStage(stage_run, plan_of(stage_run.execution))


def end(stage_run: StageRun, status: str = "COMPLETED", published: int = 0) -> str:
    """End the agents, verify the recordings and close them.

    Returns:
        The data status of the execution.
    """
    values = {"status": status, "published": published, "ended_at": "2023-11-14T22:14:00Z"}
    AgentRun.objects.filter(ended_at=None).update(**values)
    recordings.close_finished(active(stage_run))
    for rosbag in Rosbag.objects.filter(origin="recorded", status="verifying"):
        verifier.run(rosbag.pk)
    assert recordings.close_finished(active(stage_run)) == 0
    return recordings.data_status(stage_run.recordings.all())
