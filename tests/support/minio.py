"""A real MinIO server for tests, beside SeaweedFS; `programs.py` makes it from its Go module."""

from pathlib import Path

from tests.support import programs
from tests.support.s3 import S3


class MinIO(S3):
    """A throwaway MinIO server on loopback."""

    ports = 2
    door = 0

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
"""What ROBOTSIM_TEST_STORAGE may name."""


def s3_server(name: str, folder: Path) -> S3:
    """The server that the tests are to stand on.

    Raises:
        ValueError: there is none of this name.
    """
    if name not in SERVERS:
        raise ValueError(f"ROBOTSIM_TEST_STORAGE is {name!r}: use one of {', '.join(SERVERS)}")
    return SERVERS[name](folder)
