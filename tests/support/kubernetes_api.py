"""An API server of Kubernetes for tests: real HTTP, objects in memory, and failures on demand.

It knows what the backend needs of the real one, with its statuses, messages and streams; no controller runs
behind it, so that a Job has the pods that a test creates.
"""

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.kubernetes_objects import Object, Objects, RefusedError, matches
from tests.support.ports import free_port

BOOKMARK_SECONDS = 0.2


@dataclass
class Call:
    """A request that has arrived."""

    method: str
    kind: str
    namespace: str
    name: str
    subresource: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    body: Object = field(default_factory=dict)
    token: str = ""

    @property
    def is_watch(self) -> bool:
        """True for a request that stays open."""
        return self.parameters.get("watch") == "true"


@dataclass
class Failure:
    """An answer instead of the right one."""

    code: int
    message: str = "made to fail"
    reason: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    performed: bool = False
    """The request is performed all the same: only its answer is lost."""


class KubernetesApi:
    """The server during a `with` block; `objects` may be changed by the test as if by the cluster."""

    def __init__(self, *namespaces: str) -> None:
        self.objects = Objects(set(namespaces))
        self.calls: list[Call] = []
        self.token = secrets.token_urlsafe(16)
        self.logs: dict[str, str] = {}
        self.fail: Callable[[Call], Failure | None] = lambda _call: None
        """A failure for a call, or None; may also wait."""
        self.streams_end = threading.Event()
        self._port = free_port()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> "KubernetesApi":
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Serve, after a stop at the same address."""
        self.streams_end.clear()
        self._server = _Server(self, self._port)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections, and end open streams."""
        self._server.is_open = False
        self.streams_end.set()
        with self.objects.changed:
            self.objects.changed.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def end_streams(self) -> None:
        """End the watches that are open now."""
        self.streams_end.set()
        with self.objects.changed:
            self.objects.changed.notify_all()
        self.streams_end = threading.Event()

    def fail_times(self, times: int, failure: Failure, *methods: str) -> None:
        """Let so many of the next calls (by these methods, if any) fail."""
        left = iter(range(times))

        def fail(call: Call) -> Failure | None:
            is_meant = not methods or call.method in methods
            return failure if is_meant and next(left, None) is not None else None

        self.fail = fail

    def write_kubeconfig(self, path: Path, token_file: Path) -> None:
        """Write a configuration that leads here; the file with the token may change later."""
        token_file.write_text(self.token)
        config = {
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": self.url}}],
            "users": [{"name": "test", "user": {"tokenFile": str(token_file)}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        }
        path.write_text(json.dumps(config))

    def rotate_token(self, token_file: Path | None = None) -> None:
        """Accept another token only, which the kubelet writes to a file."""
        self.token = secrets.token_urlsafe(16)
        if token_file is not None:
            token_file.write_text(self.token)

    def perform(self, call: Call) -> Any:
        """Perform a call but for watches; return what is answered."""
        where = (call.kind, call.namespace, call.name)
        match call.method:
            case "POST":
                return self.objects.create(call.kind, call.namespace, call.body)
            case "PATCH":
                return self.objects.patch(*where, call.body)
            case "DELETE":
                uid = call.body.get("preconditions", {}).get("uid")
                return self.objects.delete(*where, uid)
            case "GET" if call.subresource == "log":
                self.objects.get(*where)
                return self.logs.get(call.name, "")
            case "GET" if call.name:
                return self.objects.get(*where)
        return self._list(call)

    def _list(self, call: Call) -> Object:
        with self.objects.changed:
            found = self.objects.list(call.kind, call.namespace, *_selectors(call))
            first = int(call.parameters.get("continue", 0))
            limit = int(call.parameters.get("limit", 0)) or len(found)
            metadata = {"resourceVersion": str(self.objects.version)}
            if first + limit < len(found):
                metadata["continue"] = str(first + limit)
            return {"metadata": metadata, "items": found[first : first + limit]}

    def watch(self, call: Call) -> Iterator[Object]:
        """Yield changes until the time is over; bookmarks while nothing changes."""
        streams_end, objects = self.streams_end, self.objects
        version = int(call.parameters["resourceVersion"])
        deadline = time.monotonic() + float(call.parameters["timeoutSeconds"])
        while not streams_end.is_set() and time.monotonic() < deadline:
            with objects.changed:
                if version == objects.version:
                    objects.changed.wait(min(BOOKMARK_SECONDS, deadline - time.monotonic()))
                if version < objects.oldest:
                    yield {"type": "ERROR", "object": _status(410, "too old resource version")}
                    return
                news = [change for change in objects.changes if change.version > version]
                version = objects.version
            for change in news:
                if change.kind == call.kind and matches(change.object, *_selectors(call)):
                    yield {"type": change.type, "object": change.object}
            if not news:
                mark = {"metadata": {"resourceVersion": str(version)}}
                yield {"type": "BOOKMARK", "object": mark}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, api: KubernetesApi, port: int) -> None:
        self.api = api
        self.is_open = True
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, *_request: Any) -> None:
        """Say nothing of clients that hang up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815  the names that the library calls

    def log_message(self, *_words: Any) -> None:
        pass

    def _answer(self) -> None:
        api, call = self.server.api, self._call()
        if not self.server.is_open:  # a connection that was kept
            self.close_connection = True
            return
        api.calls.append(call)
        if call.token != api.token:
            self._send(_status(401, "Unauthorized"), 401)
            return
        failure = api.fail(call)
        if failure is not None and not failure.performed:
            self._fail(failure)
            return
        try:
            if call.is_watch:
                self._stream(api.watch(call))
                return
            found = api.perform(call)
        except RefusedError as error:
            self._send(_status(error.code, str(error), error.reason), error.code)
            return
        if failure is not None:
            self._fail(failure)
        else:
            self._send(found, 201 if call.method == "POST" else 200)

    def _fail(self, failure: Failure) -> None:
        status = _status(failure.code, failure.message, failure.reason)
        self._send(status, failure.code, failure.headers)

    def _call(self) -> Call:
        url = urlsplit(self.path)
        parts = url.path.strip("/").split("/")
        parts = parts[2:] if parts[0] == "api" else parts[3:]
        namespace = ""
        if parts[0] == "namespaces":
            namespace, parts = parts[1], parts[2:]
        kind, name, subresource = (*parts, "", "")[:3]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parameters = {key: values[-1] for key, values in parse_qs(url.query).items()}
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        content = json.loads(body or "{}")
        return Call(self.command, kind, namespace, name, subresource, parameters, content, token)

    def _send(self, found: Any, code: int, headers: Mapping[str, str] | None = None) -> None:
        is_text = isinstance(found, str)
        body = found.encode() if is_text else json.dumps(found).encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/plain" if is_text else "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, changes: Iterator[Object]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for change in changes:
            line = json.dumps(change, ensure_ascii=False).encode() + b"\n"  # as Go does
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        self.wfile.write(b"0\r\n\r\n")


def _selectors(call: Call) -> tuple[str, str]:
    return call.parameters.get("labelSelector", ""), call.parameters.get("fieldSelector", "")


def _status(code: int, message: str, reason: str = "") -> Object:
    words = {"code": code, "message": message, "reason": reason}
    return {"kind": "Status", "status": "Failure", **words}
