"""A small server for the protocol over real HTTP, with a storage for parts and programmable errors."""

import contextlib
import hashlib
import json
import re
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from agent.protocol import (
    Answer,
    Assignment,
    BagFile,
    Command,
    FileUpload,
    Message,
    PartAddress,
    RecordingAccepted,
    RecordingClosed,
    RecordingUpload,
    Registration,
    SegmentComplete,
    SegmentOffer,
    Snapshot,
    decode,
    encode,
)
from rosbag2.formats import qos
from rosbag2.formats.metadata import Topic
from rosbag2.writing.metadata_writer import RecordedFile, Recording, metadata_text
from tests.support.ports import free_port

QOS = qos.profile_text(reliability="reliable", durability="volatile", history="keep_last", depth=10)
PART_BYTES = 100_000
Refusal = tuple[int, str]


@dataclass
class FakeServer:
    """The server's side of one unit. `refuse` maps a call to the refusals it still has to answer with."""

    bag: Path
    assignment: dict[str, Any] = field(default_factory=dict)
    lead_seconds: float = 0.3
    hold: bool = False
    """While set, the release is withheld."""
    command: Command | None = None
    reason: str = ""
    refuse: dict[str, list[Refusal]] = field(default_factory=dict)
    clock_ahead_ns: int = 0

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self.registrations: list[Registration] = []
        self.snapshots: list[Snapshot] = []
        self.offers: list[SegmentOffer] = []
        self.completions: list[SegmentComplete] = []
        self.closed: list[RecordingClosed] = []
        self.parts: dict[tuple[str, int], bytes] = {}
        self.puts: list[tuple[str, int]] = []
        self.downloads: list[str] = []
        self.log = ""
        self.release_ns: int | None = None
        self.damage: dict[str, int] = {}
        """Number of downloads of a file that are still answered with damaged bytes."""

    def now(self) -> int:
        return time.time_ns() + self.clock_ahead_ns

    def files(self) -> tuple[BagFile, ...]:
        return tuple(
            BagFile(
                path=path.name,
                size=path.stat().st_size,
                sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
                url=f"/files/{path.name}?signature=x",
            )
            for path in sorted(self.bag.iterdir())
        )

    def register(self, registration: Registration) -> Assignment:
        self.registrations.append(registration)
        files = self.files()
        listing = "".join(f"{file.path}\0{file.sha256}\n" for file in files)
        plan: dict[str, Any] = {
            "attempt": len(self.registrations),
            "execution": 1,
            "unit_name": "e1-s1-u0",
            "agents": [{"number": 7, "namespace": "/agent_7"}],
            "bag": [json.loads(encode(file)) for file in files],
            "bag_digest": hashlib.sha256(listing.encode()).hexdigest(),
            "topics": ["/odom", "/imu"],
            "rate": 1.0,
            "passes": 1,
            "execution_time": 0,
            "link": {"transport": "null"},
            "record": [],
            "record_own": True,
            "heartbeat_seconds": 0.1,
            "upload_limit_seconds": 10,
        }
        plan |= self.assignment
        plan["topics"] = [{"name": t} if isinstance(t, str) else t for t in plan["topics"]]
        return decode(json.dumps(plan), Assignment)

    def report(self, snapshot: Snapshot) -> Answer:
        received = self.now()
        self.snapshots.append(snapshot)
        if snapshot.log_offset == len(self.log):
            self.log += snapshot.log
        ready = {agent.state for agent in snapshot.agents} == {"READY"}
        if ready and not self.hold and self.release_ns is None:
            self.release_ns = received + round(self.lead_seconds * 1e9)
        command = self.command or (Command.GO if self.release_ns else Command.WAIT)
        return Answer(
            command=command,
            received_ns=received,
            sent_ns=self.now(),
            release_ns=self.release_ns if command is Command.GO else None,
            log_received=len(self.log),
            reason=self.reason,
        )

    def stop(self) -> int:
        """Order a stop; return the index of the snapshot that is the first to be answered so."""
        with self.lock:
            self.command = Command.STOP
            return len(self.snapshots)

    def offer(self, offer: SegmentOffer) -> RecordingUpload:
        self.offers.append(offer)
        file = offer.file
        if file.path in {complete.file.path for complete in self.completions}:
            return RecordingUpload(recording=5, files=())
        count = max(1, -(-file.size // PART_BYTES))
        parts = tuple(
            PartAddress(
                number=number,
                url=f"/store/{file.path}/{number}?offer={len(self.offers)}",
                size=min(PART_BYTES, file.size - (number - 1) * PART_BYTES),
            )
            for number in range(1, count + 1)
            if (file.path, number) not in self.parts
        )
        upload = FileUpload(path=file.path, upload_id=f"id-{file.path}", parts=parts)
        return RecordingUpload(recording=5, files=(upload,))

    def complete(self, complete: SegmentComplete) -> RecordingAccepted:
        self.completions.append(complete)
        return RecordingAccepted(recording=5)

    def close(self, closed: RecordingClosed) -> RecordingAccepted:
        self.closed.append(closed)
        return RecordingAccepted(recording=5)

    @property
    def segments(self) -> list[SegmentOffer]:
        """The stored segments, each once."""
        stored = {complete.file.path for complete in self.completions}
        offers = {offer.file.path: offer for offer in self.offers if offer.file.path in stored}
        return list(offers.values())

    @property
    def recorded(self) -> Counter[str]:
        """Messages in the stored segments, by topic."""
        counts: Counter[str] = Counter()
        for segment in self.segments:
            counts.update(segment.topics)
        return counts

    def save_recording(self, folder: Path, agent: int | None = None) -> Path:
        """Join the stored parts into files, and compose their metadata, as the server does."""
        folder.mkdir()
        segments = [segment for segment in self.segments if segment.agent == agent]
        for segment in segments:
            file = segment.file
            parts = sorted(number for path, number in self.parts if path == file.path)
            data = b"".join(self.parts[file.path, number] for number in parts)
            assert hashlib.sha256(data).hexdigest() == file.sha256
            (folder / file.path).write_bytes(data)
        (folder / "metadata.yaml").write_text(self._metadata(segments))
        return folder

    def _metadata(self, segments: list[SegmentOffer]) -> str:
        record = {topic["name"]: topic for topic in self.assignment["record"]}
        counts: Counter[str] = Counter()
        for segment in segments:
            counts.update(segment.topics)
        topics = tuple(
            (self._topic(name, record["/" + name.split("/", 2)[2]]), count)
            for name, count in counts.items()
        )
        files = tuple(
            RecordedFile(s.file.path, s.first_ns, s.last_ns, sum(s.topics.values()))
            for s in segments
        )
        storage = "mcap" if files[0].path.endswith("mcap") else "sqlite3"
        return metadata_text(Recording(files, topics, "jazzy", storage_id=storage))

    def _topic(self, name: str, record: dict[str, str]) -> Topic:
        return Topic(
            name, record["type"], offered_qos_profiles=QOS, type_hash=record.get("type_hash", "")
        )

    @property
    def last(self) -> Snapshot:
        return self.snapshots[-1]


CALLS: dict[str, tuple[str, type[Message]]] = {
    "/api/v1/units/register": ("register", Registration),
    "/api/v1/units/report": ("report", Snapshot),
    "/api/v1/units/recording": ("offer", SegmentOffer),
    "/api/v1/units/recording/complete": ("complete", SegmentComplete),
    "/api/v1/units/recording/close": ("close", RecordingClosed),
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: FakeServer

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _refused(self, call: str) -> bool:
        waiting = self.fake.refuse.get(call, [])
        if not waiting:
            return False
        status, code = waiting.pop(0)
        self._answer(status, json.dumps({"code": code, "detail": f"test says {code}"}).encode())
        return True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.headers["Authorization"] == "Unit secret"
        name, kind = CALLS[self.path]
        with self.fake.lock:
            if not self._refused(name):
                self._answer(200, encode(getattr(self.fake, name)(decode(body, kind))))

    def do_GET(self) -> None:
        name = re.fullmatch(r"/files/([^/?]+)\?signature=x", self.path)[1]  # type: ignore[index]
        assert "Authorization" not in self.headers
        self.fake.downloads.append(name)
        if self._refused("download"):
            return
        data = (self.fake.bag / name).read_bytes()
        if self.fake.damage.get(name, 0) > 0:
            self.fake.damage[name] -= 1
            data = b"x" * len(data)
        self._answer(200, data)

    def do_PUT(self) -> None:
        path, number = re.fullmatch(r"/store/(.+)/(\d+)\?offer=\d+", self.path).groups()  # type: ignore[union-attr]
        data = self.rfile.read(int(self.headers["Content-Length"]))
        with self.fake.lock:
            self.fake.puts.append((path, int(number)))
            if self._refused("put"):
                return
            self.fake.parts[path, int(number)] = data
        self._answer(200, ETag=f'"{hashlib.md5(data).hexdigest()}"')  # noqa: S324


class HttpServer(ThreadingHTTPServer):
    """HTTP server that can drop the open connections of clients, as one that ends does."""

    daemon_threads = True

    def __init__(self, *arguments: Any) -> None:
        self.connections: list[socket.socket] = []
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.append(request)
        super().process_request(request, client_address)

    def drop(self) -> None:
        self.shutdown()
        self.server_close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Running:
    """The fake server on a port; it can be stopped and started again on the same port."""

    def __init__(self, fake: FakeServer) -> None:
        self.fake = fake
        self.port = free_port()
        self.start()

    def start(self) -> None:
        kind = type("BoundHandler", (Handler,), {"fake": self.fake})
        self._http = HttpServer(("127.0.0.1", self.port), kind)
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self._http.drop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v1"
