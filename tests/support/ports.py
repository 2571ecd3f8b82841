"""Free ports of this machine, each for one test alone."""

import fcntl
import os
import socket
import tempfile
from itertools import islice
from pathlib import Path

PORTS = range(15_000, 30_000)
"""Below those of connections, of which the kernel gives one away before its server has started."""
LAST_PORT = Path(tempfile.gettempdir()) / f"robotsim-last-port-{os.getuid()}"


def free_ports(count: int) -> list[int]:
    """Return free ports; no other process of the tests gets one of them until all had their turn."""
    with LAST_PORT.open("a+") as last:
        fcntl.flock(last, fcntl.LOCK_EX)
        last.seek(0)
        after = int(last.read() or PORTS[0]) - PORTS[0] + 1
        in_turn = (PORTS[(after + step) % len(PORTS)] for step in range(len(PORTS)))
        ports = list(islice(filter(is_free, in_turn), count))
        last.truncate(0)
        last.write(str(ports[-1]))
    return ports


def free_port() -> int:
    """Return a free port."""
    return free_ports(1)[0]


def is_free(port: int) -> bool:
    """Return True when a server could listen on a port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
