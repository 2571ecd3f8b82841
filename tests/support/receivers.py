"""Receivers of traces and error reports: small servers on loopback that keep the request bodies."""

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
    """Received bodies by path; waiters are notified of each."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.bodies: list[tuple[str, bytes]] = []
        self.news = threading.Condition()

    def add(self, path: str, body: bytes) -> None:
        with self.news:
            self.bodies.append((path, body))
            self.news.notify_all()

    def until(self, condition: Any, seconds: float = 60) -> None:
        """Wait until `condition` is true; the time only limits a hanging test."""
        with self.news:
            assert self.news.wait_for(condition, seconds), self.bodies

    def everything(self) -> bytes:
        """Join all bodies, to search for secrets."""
        return b"\n".join(body for _path, body in self.bodies)

    def spans(self) -> list[tuple[str, Any, dict[str, Any]]]:
        """Return name of the service, span, and its attributes."""
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
    """Start a server that accepts all POST requests."""

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
            """Log nothing."""

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
