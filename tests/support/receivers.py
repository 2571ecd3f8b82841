"""Who takes traces and error reports, on loopback: small servers that keep what they are sent."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


class Received:
    """What came, as plain bytes by path; a condition tells of each."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.bodies: list[tuple[str, bytes]] = []
        self.news = threading.Condition()

    def add(self, path: str, body: bytes) -> None:
        with self.news:
            self.bodies.append((path, body))
            self.news.notify_all()

    def until(self, found: Any, seconds: float = 60) -> None:
        """Wait until `found` holds; the time is a bound against hanging."""
        with self.news:
            assert self.news.wait_for(found, seconds), self.bodies

    def everything(self) -> bytes:
        """All bodies as one, to look for what must not be there."""
        return b"\n".join(body for _path, body in self.bodies)

    def spans(self) -> list[tuple[str, Any, dict[str, Any]]]:
        """Name of the service, span, and its attributes."""
        return [
            (_attributes(group.resource)["service.name"], span, _attributes(span))
            for path, body in self.bodies
            if path == "/v1/traces"
            for group in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in group.scope_spans
            for span in scope.spans
        ]


def _attributes(of: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in of.attributes}


@contextmanager
def receiver() -> Iterator[Received]:
    """A server that takes whatever is posted to it."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            received.add(self.path, body)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_words: Any) -> None:
            """Nothing: tests print what matters."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received = Received(f"127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
