"""Downloads of a bundle: as a zip archive, as a plain file, and by a signed URL.

One server per storage, a folder and then S3 (SeaweedFS), with the same bundle of random bytes in both; each
way in turn, several times, best of them:

    .venv/bin/python -m benchmarks.download --mib 512
"""

import argparse
import http.client
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks import _options
from benchmarks.upload import (
    EMAIL,
    MIB,
    PASSWORD,
    ROOT,
    SERVERS,
    Memory,
    environment_of,
    make_file,
    request,
    server,
    settings_of,
)
from tests.support.s3 import S3

ROUNDS = 3
CHUNK = 1 << 20
STORE = """
from pathlib import Path
from storage.models import Rosbag, RosbagFile
from storage.objects import object_store
from storage.keys import object_key
rosbag = Rosbag.objects.create(name="bench", status="ready")
path = Path({path!r})
key = object_key(rosbag.pk, path.name)
with path.open("rb") as stream:
    object_store().put(key, stream)
RosbagFile.objects.create(rosbag=rosbag, path=path.name, size=path.stat().st_size, key=key)
print("rosbag", rosbag.pk)
"""


def seconds(port: int, url: str, token: str, min_bytes: int) -> float:
    """Measure the time to download and discard the content of a URL."""
    address = urlsplit(url)
    host = address.netloc or f"127.0.0.1:{port}"
    connection = http.client.HTTPConnection(host, timeout=600)
    headers = {} if address.netloc else {"Authorization": f"Bearer {token}"}
    target = f"{address.path}?{address.query}" if address.query else address.path
    began = time.monotonic()
    connection.request("GET", target, headers=headers)
    answer = connection.getresponse()
    assert answer.status == 200, answer.read(1000)
    size = 0
    while chunk := answer.read(CHUNK):
        size += len(chunk)
    connection.close()
    assert size >= min_bytes
    return time.monotonic() - began


def measure(name: str, kind: str, file: Path, extra: Mapping[str, str]) -> None:
    """Print a line for each kind of download."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=file.parent) as folder,
        server(kind, Path(folder), extra) as (port, pid),
    ):
        token = signed_in(port)
        rosbag = stored(file, environment_of(Path(folder), extra))
        base = f"/api/v1/rosbags/{rosbag}"
        _status, files = request(port, "GET", f"{base}/files", token=token)
        downloads = {
            "plain file": f"{base}/files/{file.name}",
            "zip": f"{base}/archive",
            "signed address": files[0]["url"],
        }
        size = file.stat().st_size
        best = dict.fromkeys(downloads, float("inf"))
        memory = Memory(pid)
        memory.start()
        for _round in range(ROUNDS):
            for way, url in downloads.items():
                best[way] = min(best[way], seconds(port, url, token, size))
        memory.end()
        for way, took in best.items():
            ratio = f"{took / best['plain file']:.2f} of the plain file's time"
            print(f"{name:18} {way:15} {size / MIB / took:7.0f} MiB/s, {ratio}", flush=True)
        grown = (memory.maximum - memory.before) / MIB
        print(f"{name:18} server memory at most {grown:+.1f} MiB", flush=True)


def signed_in(port: int) -> str:
    """Return an access token."""
    signin = {"email": EMAIL, "password": PASSWORD}
    status, body = request(port, "POST", "/api/v1/auth/signin", signin)
    assert status == 200, body
    return str(body["access"])


def stored(file: Path, environment: Mapping[str, str]) -> int:
    """Store the file as a rosbag; return its id."""
    command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", STORE.format(path=str(file))]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    return int(done.stdout.split()[-1])


def main() -> int:
    """Measure both storages and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=512)
    parser.add_argument(
        "--folder", default=None, help="where there is room for three times as much"
    )
    options = _options.parse(parser, mib=1)
    with tempfile.TemporaryDirectory(prefix="bench-download-", dir=options.folder) as folder:
        file = Path(folder) / "bag_0.db3"
        make_file(file, options.mib)
        for kind in SERVERS:
            measure(f"folder, {kind}", kind, file, {"MINIO_ENDPOINT": ""})
        s3 = S3(Path(folder) / "s3")
        s3.start()
        try:
            s3.wait(s3.endpoint)
            time.sleep(2)
            for kind in SERVERS:
                measure(f"S3, {kind}", kind, file, settings_of(s3, kind))
        finally:
            s3.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
