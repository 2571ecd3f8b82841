"""A real S3 server for tests: SeaweedFS, from a wheel."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from common.processes import die_with_parent, terminate
from tests.support.ports import free_ports
from tests.support.servers import wait_until

NAMES = ["master", "volume", "filer", "s3"]


class S3:
    """A throwaway S3 server (SeaweedFS) on loopback."""

    ports = 2 * len(NAMES)
    door = 2 * NAMES.index("s3")
    """Number of ports, and the index of that for S3."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.access_key = "robotsim-tests"
        self.secret_key = secrets.token_urlsafe(24)
        self._ports: list[int] = []

    @property
    def endpoint(self) -> str:
        """Host and port for S3, the same after each start."""
        if not self._ports:
            self._ports = free_ports(self.ports)
        return f"127.0.0.1:{self._ports[self.door]}"

    def start(self) -> None:
        """Start without waiting; may be called twice."""
        if self._process is not None:
            return
        self._folder.mkdir(mode=0o700, exist_ok=True)
        words, environment = self._prepare()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                words,
                cwd=self._folder,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509
            )

    def _prepare(self) -> tuple[list[str], dict[str, str]]:
        """Return the command, and additional environment variables."""
        assert self.endpoint  # it chooses the ports
        flags: list[str] = []
        sockets: list[str] = []
        for index, name in enumerate(NAMES):
            port, rpc = self._ports[2 * index : 2 * index + 2]
            flags += [f"-{name}.port={port}", f"-{name}.port.grpc={rpc}"]
            # It leaves these behind, in a place that cannot be chosen.
            sockets.append(f"/tmp/seaweedfs-{name}-grpc-{rpc}.sock")  # noqa: S108
        (self._folder / "sockets").write_text("\n".join(sockets))
        own = [
            f"-filer.localSocket={self._folder}/f.sock",
            f"-s3.localSocket={self._folder}/s.sock",
        ]
        # A bucket takes volumes of its own, seven by default, and their number would follow from the free
        # disk: one for each, and room for thousands of buckets on any disk.
        (self._folder / "master.toml").write_text("[master.volume_growth]\ncopy_1 = 1\n")
        small = [
            "-master.telemetry=false",
            "-master.volumeSizeLimitMB=64",
            "-volume.max=10000",
            "-volume.minFreeSpace=100MiB",
            "-volume.preStopSeconds=0",
        ]
        words = [
            *(weed(), "server", "-s3", "-s3.port.iceberg=0", "-s3.port.lance=0"),
            *(f"-dir={self._folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
            *(*small, *own, *flags),
        ]
        keys = {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key}
        return words, keys

    @property
    def pid(self) -> int:
        """Id of the running process; 0 before it is started."""
        return self._process.pid if self._process is not None else 0

    def stop(self) -> None:
        """Kill the server; started again, it has its data."""
        if self._process is not None:
            terminate([self._process], first=signal.SIGKILL)
            self._process = None
        self.remove_sockets()

    def remove_sockets(self) -> None:
        """Remove files of the server outside its folder, also of runs that were killed."""
        listed = self._folder / "sockets"
        if listed.is_file():
            for each in listed.read_text().splitlines():
                Path(each).unlink(missing_ok=True)

    @property
    def _log(self) -> Path:
        return self._folder / "s3.log"

    @property
    def address(self) -> str:
        """Return endpoint, access key and secret key, separated by blanks."""
        return f"{self.endpoint} {self.access_key} {self.secret_key}"

    def wait(self, endpoint: str) -> None:
        """Wait until the S3 server at an endpoint answers."""
        wait_until(lambda: serves_http(f"http://{endpoint}/"), self._process, self._log)


def weed() -> str:
    """Find the program of SeaweedFS, which its wheel installs next to this Python."""
    beside = Path(sys.executable).parent / "weed"
    found = str(beside) if beside.is_file() else shutil.which("weed")
    if found is None:
        raise FileNotFoundError("`weed` is missing: install requirements-dev.txt")
    return found


def serves_http(url: str) -> bool:
    """Return True for an HTTP response below 500, even a refusal."""
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310  loopback
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False
