"""A real MinIO server for tests, besides SeaweedFS; `programs.py` builds it from its Go module."""

from pathlib import Path

from tests.support import programs
from tests.support.s3 import S3


class MinIO(S3):
    """A throwaway MinIO server on loopback."""

    ports = 2
    door = 0

    def __init__(self, folder: Path, host: str = "127.0.0.1") -> None:
        super().__init__(folder)
        self._host = host

    @property
    def endpoint(self) -> str:
        return f"{self._host}:{super().endpoint.rpartition(':')[2]}"

    def _prepare(self) -> tuple[list[str], dict[str, str]]:
        words = [
            *(str(programs.find("minio")), "server", "--anonymous"),
            *("--address", self.endpoint, "--console-address", f"127.0.0.1:{self._ports[1]}"),
            # Its own settings and certificates lie in the home of the user unless told.
            *("--certs-dir", str(self._folder / "certs"), str(self._folder / "data")),
        ]
        environment = {
            "MINIO_ROOT_USER": self.access_key,
            "MINIO_ROOT_PASSWORD": self.secret_key,
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
            "HOME": str(self._folder),
        }
        return words, environment


SERVERS = {"seaweedfs": S3, "minio": MinIO}
"""Values of ROBOTSIM_TEST_STORAGE."""


def s3_server(name: str, folder: Path) -> S3:
    """Create the configured S3 server.

    Raises:
        ValueError: there is none of this name.
    """
    if name not in SERVERS:
        raise ValueError(f"ROBOTSIM_TEST_STORAGE is {name!r}: use one of {', '.join(SERVERS)}")
    return SERVERS[name](folder)
