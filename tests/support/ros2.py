"""ROS 2 nodes in processes of their own, in a domain that no other test uses."""

import fcntl
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SAFE_DOMAINS = range(1, 102)
"""Of Linux: the ports of those above meet with those of connections."""
PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<profiles xmlns="http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles">
  <transport_descriptors><transport_descriptor>
    <transport_id>loopback</transport_id><type>UDPv4</type>
    <interfaceWhiteList><address>127.0.0.1</address></interfaceWhiteList>
  </transport_descriptor></transport_descriptors>
  <participant profile_name="loopback" is_default_profile="true"><rtps>
    <useBuiltinTransports>false</useBuiltinTransports>
    <userTransports><transport_id>loopback</transport_id></userTransports>
    <builtin><discovery_config>
      <leaseDuration><sec>{lease}</sec></leaseDuration>
      <leaseAnnouncement><sec>0</sec><nanosec>500000000</nanosec></leaseAnnouncement>
    </discovery_config></builtin>
  </rtps></participant>
</profiles>
"""
"""Nothing leaves the machine, and a node that is killed leaves nothing in shared memory."""
LEASE_SECONDS = 20
"""Fast DDS's default: time after which others take a silent process for gone."""
JOIN_SECONDS = 60


@contextmanager
def a_domain() -> Iterator[int]:
    """Take a domain that no other process of the tests uses, on this machine."""
    folder = Path(tempfile.gettempdir())
    for domain in SAFE_DOMAINS:
        with (folder / f"robotsim-ros-domain-{domain}").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield domain
            return
    raise RuntimeError("no ROS domain is free")


def loopback(lease: int = LEASE_SECONDS) -> dict[str, str]:
    """Return the environment of a node of this machine alone."""
    profile = Path(tempfile.gettempdir()) / f"robotsim-ros-loopback-{lease}.xml"
    # Nodes of other tests may be reading it: Fast DDS takes half a file for none.
    whole = profile.with_suffix(f".{os.getpid()}")
    whole.write_text(PROFILE.format(lease=lease))
    whole.replace(profile)
    return {
        "FASTRTPS_DEFAULT_PROFILES_FILE": str(profile),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "SYSTEM_DEFAULT",
    }


def link(domain: int) -> dict[str, Any]:
    """Return a link to nodes of this machine alone."""
    return {
        "transport": "ros2",
        "discovery": "peers",
        "addresses": ["127.0.0.1"],
        "domain_id": domain,
    }


class Listener:
    """A node in another process, which has joined its domain.

    `received` has the sha256 of raw messages by topic, in order.
    """

    def __init__(
        self,
        domain: int,
        topics: Sequence[dict[str, Any]],
        *,
        answers: Sequence[dict[str, Any]] = (),
        environment: dict[str, str] | None = None,
        within: Sequence[str] = (),
    ) -> None:
        specification = {"domain": domain, "topics": list(topics), "answers": list(answers)}
        words = [*within, sys.executable, "-m", "tests.support.ros2_listener"]
        self.process = subprocess.Popen(
            [*words, json.dumps(specification)],
            cwd=ROOT,
            env=os.environ | (loopback() if environment is None else environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.received: dict[str, list[str]] = defaultdict(list)
        self.messages: dict[str, list[str]] = defaultdict(list)
        self.publishers: dict[str, int] = {}
        self.subscribers: dict[str, int] = {}
        self._graphs: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self._joined = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        assert self._joined.wait(JOIN_SECONDS), "the node has not joined its domain"

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            values = json.loads(line)
            if "sha256" in values:
                self.received[values["topic"]].append(values["sha256"])
            elif "message" in values:
                self.messages[values["topic"]].append(values["message"])
            elif "graph" in values:
                self._graphs.put(values)
            else:
                self.publishers, self.subscribers = values["publishers"], values["subscribers"]
                self._joined.set()

    @property
    def matched(self) -> bool:
        """True when every subscription has a publisher."""
        return bool(self.publishers) and all(self.publishers.values())

    @property
    def heard(self) -> bool:
        """True when every answer has a subscriber."""
        return bool(self.subscribers) and all(self.subscribers.values())

    def graph(self) -> dict[str, Any]:
        """Ask the node for what it knows of the others."""
        assert self.process.stdin
        self.process.stdin.write("graph\n")
        self.process.stdin.flush()
        return self._graphs.get(timeout=30)

    def leave(self) -> None:
        """End it as Ctrl-C would, with a word to the others."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()

    def close(self) -> None:
        """End it, if it has not ended."""
        self.process.kill()
        self.process.wait()
        self._reader.join()
