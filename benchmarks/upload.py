"""A 1 GiB upload by the resumable session: throughput, server memory, and boto3 for comparison.

For each way it starts the server in a data folder of its own, signs in, announces one file, sends the parts
four at a time and completes; the storage is a folder (uvicorn as `make run` starts it, then gunicorn with
threads), then S3 (SeaweedFS). On the same S3, in the same run, boto3's `upload_file` sends the same file with
the same part size and as many threads:

    .venv/bin/python -m benchmarks.upload --mib 1024
"""

import argparse
import hashlib
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from benchmarks import _options
from tests.support.ports import free_ports
from tests.support.s3 import S3
from tests.support.servers import Redis, wait_until

ROOT = Path(__file__).resolve().parent.parent
MIB = 2**20
PART = 16 * MIB
SENDERS = 4
DATABASE = "bench.sqlite3"
EMAIL, PASSWORD = "bench@example.org", "a long bench pass phrase 7"
SERVERS = {
    "uvicorn": [
        *(sys.executable, "-m", "uvicorn", "robotsim_project.asgi:application"),
        *("--host", "127.0.0.1", "--port", "{port}", "--no-access-log", "--lifespan", "off"),
    ],
    "gunicorn": [
        *(sys.executable, "-m", "gunicorn", "robotsim_project.wsgi:application"),
        *("--workers", "1", "--threads", "8", "--bind", "127.0.0.1:{port}", "--log-level", "error"),
    ],
}


@dataclass(frozen=True)
class Result:
    """Result of one upload: seconds to send and to complete, and memory in bytes before and at most."""

    name: str
    sending: float
    completing: float
    before: int
    maximum: int


class Memory(threading.Thread):
    """Thread that samples the memory of a process and its children; `maximum` in bytes."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._root = psutil.Process(pid)
        self._ended = threading.Event()
        self.before = self.maximum = self.now()

    def now(self) -> int:
        family = [self._root, *self._root.children(recursive=True)]
        return sum(process.memory_info().rss for process in family)

    def run(self) -> None:
        while not self._ended.wait(0.05):
            self.maximum = max(self.maximum, self.now())

    def end(self) -> None:
        self._ended.set()
        self.join()


@contextmanager
def server(kind: str, folder: Path, extra: Mapping[str, str]) -> Iterator[tuple[int, int]]:
    """Run a migrated server with one operator; yield its port and process id."""
    [port] = free_ports(1)
    redis = Redis(folder / "redis", 1)
    redis.start()
    environment = environment_of(folder, {**extra, "REDIS_URL": redis.url(0)})
    (folder / DATABASE).write_bytes(prepared_database())
    command = [argument.format(port=port) for argument in SERVERS[kind]]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        wait_until(lambda: answers(port), process, folder / "server.log")
        yield port, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        redis.stop()


def environment_of(folder: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a server that stores everything in a folder."""
    return {
        **os.environ,
        "DATA_DIR": str(folder),
        "DATABASE_URL": f"sqlite:///{folder}/{DATABASE}",
        "ENVIRONMENT": "test",
        "DJANGO_SETTINGS_MODULE": "robotsim_project.settings",
        **extra,
    }


@cache
def prepared_database() -> bytes:
    """Return a database with all tables and the user."""
    code = "from django.core.management import call_command; from accounts.models import User; "
    code += "call_command('migrate', verbosity=0); "
    code += f"User.objects.create_user({EMAIL!r}, {PASSWORD!r}, role='operator')"
    command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", code]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        environment = environment_of(Path(folder), {"MINIO_ENDPOINT": ""})
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
        return (Path(folder) / DATABASE).read_bytes()


def answers(port: int) -> bool:
    try:
        return request(port, "GET", "/health/db")[0] == 200
    except OSError:
        return False


def request(
    port: int, method: str, path: str, body: Any = None, token: str = ""
) -> tuple[int, Any]:
    """Send a JSON request; return status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body)
    connection.request(method, path, data, headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, json.loads(body) if body else None


def upload(port: int, file: Path, token: str) -> tuple[float, float]:
    """Send a file by an upload session; return seconds to send and to complete."""
    size = file.stat().st_size
    announced = {"files": [{"path": "bag_0.db3", "size": size, "sha256": sha256_of(file)}]}
    began = time.monotonic()
    status, session = request(port, "POST", "/api/v1/uploads", announced, token)
    assert status == 201, session
    parts = session["addresses"][0]["parts"]
    own = threading.local()
    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(lambda part: put(own, port, file, part), parts))
    sent = time.monotonic()
    status, body = request(port, "POST", f"/api/v1/uploads/{session['id']}/complete", {}, token)
    assert status == 202, body
    return sent - began, time.monotonic() - sent


def put(own: threading.local, port: int, file: Path, part: Mapping[str, Any]) -> None:
    """Send one part over the connection of this thread."""
    address = urlsplit(part["url"])
    host = address.netloc or f"127.0.0.1:{port}"
    if getattr(own, "host", None) != host:
        own.host, own.connection = host, http.client.HTTPConnection(host, timeout=600)
    with file.open("rb") as source:
        source.seek(part["offset"])
        body = source.read(part["size"])
    target = f"{address.path}?{address.query}" if address.query else address.path
    own.connection.request("PUT", target, body)
    answer = own.connection.getresponse()
    body = answer.read()
    assert answer.status == 200, body


def sha256_of(file: Path) -> str:
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def measure(name: str, kind: str, file: Path, extra: Mapping[str, str]) -> Result:
    """Measure one upload by one kind of server."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=file.parent) as folder,
        server(kind, Path(folder), extra) as (port, pid),
    ):
        signin = {"email": EMAIL, "password": PASSWORD}
        status, body = request(port, "POST", "/api/v1/auth/signin", signin)
        assert status == 200, body
        token = next(body[key] for key in ("access_token", "access") if key in body)
        small = file.with_name("warm")
        make_file(small, min(PART, file.stat().st_size) // MIB)
        upload(port, small, token)  # whatever is loaded at the first use is loaded now
        memory = Memory(pid)
        memory.start()
        sending, completing = upload(port, file, token)
        memory.end()
        return Result(name, sending, completing, memory.before, memory.maximum)


def by_boto3(s3: S3, file: Path, bucket: str) -> float:
    """Measure boto3's upload of the file in seconds, with the same part size and threads."""
    import boto3  # noqa: PLC0415
    from boto3.s3.transfer import TransferConfig  # noqa: PLC0415

    client = boto3.client(
        "s3",
        endpoint_url=f"http://{s3.endpoint}",
        aws_access_key_id=s3.access_key,
        aws_secret_access_key=s3.secret_key,
        region_name="us-east-1",
    )
    client.create_bucket(Bucket=bucket)
    config = TransferConfig(
        multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=SENDERS
    )
    client.put_object(Bucket=bucket, Key="warm", Body=b"warm")
    began = time.monotonic()
    client.upload_file(str(file), bucket, "bag_0.db3", Config=config)
    return time.monotonic() - began


def make_file(file: Path, mib: int) -> None:
    """Write random bytes, so that they cannot be compressed or deduplicated."""
    with file.open("wb") as out:
        for _ in range(mib):
            out.write(os.urandom(MIB))


def main() -> int:
    """Measure all kinds of uploads and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--folder", default=None, help="where there is room for four times as much")
    options = _options.parse(parser, mib=1)
    with tempfile.TemporaryDirectory(prefix="bench-upload-", dir=options.folder) as folder:
        file = Path(folder) / "bag"
        make_file(file, options.mib)
        folder_store = {"MINIO_ENDPOINT": ""}
        report(options.mib, measure("folder, uvicorn", "uvicorn", file, folder_store))
        report(options.mib, measure("folder, gunicorn", "gunicorn", file, folder_store))
        s3 = S3(Path(folder) / "s3")
        s3.start()
        try:
            s3.wait(s3.endpoint)
            time.sleep(2)
            for kind in SERVERS:
                seconds = by_boto3(s3, file, f"boto3-{kind}")
                rate = f"{options.mib / seconds:7.0f} MiB/s, {seconds:.1f} s"
                print(f"{'S3, boto3 alone':20} {rate}", flush=True)
                result = measure(f"S3, {kind}", kind, file, settings_of(s3, kind))
                report(options.mib, result)
                ours = result.sending + result.completing
                print(f"{'':20} our time / boto3's: {ours / seconds:.2f}", flush=True)
        finally:
            s3.stop()
    return 0


def settings_of(s3: S3, bucket: str) -> dict[str, str]:
    """Return the settings of a server with its own bucket."""
    return {
        "MINIO_ENDPOINT": s3.endpoint,
        "MINIO_ACCESS_KEY": s3.access_key,
        "MINIO_SECRET_KEY": s3.secret_key,
        "MINIO_BUCKET": f"ours-{bucket}",
    }


def report(mib: int, result: Result) -> None:
    total = result.sending + result.completing
    print(
        f"{result.name:20} {mib / total:7.0f} MiB/s, {total:.1f} s ({result.sending:.1f} sending, "
        f"{result.completing:.1f} completing); server memory {result.before / MIB:.0f} MiB, "
        f"at most {(result.maximum - result.before) / MIB:+.1f} MiB",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
