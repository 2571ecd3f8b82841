"""A client of the API that uploads a rosbag in parts, and goes on after whatever breaks off."""

import hashlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.support.new_bags import write_bag
from tests.support.world import PATIENCE

API = "/api/v1"
MESSAGES = 20


class ResumedUpload:
    """`begin` returns while the first part is on its way; `finish` sends what is missing then."""

    def __init__(self, url: str, token: str, folder: Path) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._client = httpx.Client(base_url=url, headers=headers, timeout=PATIENCE)
        self._plain = httpx.Client(base_url=url, timeout=PATIENCE)
        self._folder = folder
        self._session: dict[str, Any] = {}

    def begin(self) -> None:
        write_bag(self._folder, MESSAGES, 2_000_000)
        files = [
            {"path": path.name, "size": path.stat().st_size, "sha256": sha256_of(path)}
            for path in sorted(self._folder.iterdir())
        ]
        body = {"name": "uploaded", "files": files}
        self._session = self._answered(lambda: self._client.post(f"{API}/uploads", json=body))
        self._sender = threading.Thread(target=self._send_missing)
        self._sender.start()
        time.sleep(0.05)

    def finish(self) -> int:
        """Send what is missing, and complete the upload.

        Returns:
            The id of the rosbag.
        """
        self._sender.join()
        path = f"{API}/uploads/{self._session['id']}"
        while True:
            self._session = self._answered(lambda: self._client.get(path))
            if not any(address["parts"] for address in self._session["addresses"]):
                break
            self._send_missing()
        self._answered(lambda: self._client.post(f"{path}/complete", json={}))
        return int(self._session["id"])

    def _send_missing(self) -> None:
        for address in self._session["addresses"]:
            content = (self._folder / address["path"]).read_bytes()
            for part in address["parts"]:
                body = content[part["offset"] : part["offset"] + part["size"]]
                try:
                    self._plain.put(part["url"], content=body)
                except httpx.TransportError:
                    time.sleep(0.5)

    def _answered(self, call: Callable[[], httpx.Response]) -> Any:
        """Repeat a call until it is answered, for a minute; what is refused for good is an error."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                answer = call()
                if answer.status_code < 500 and answer.status_code != 429:
                    assert answer.is_success, answer.text
                    return answer.json()
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, "no answer for a minute"
            time.sleep(0.5)


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
