"""One stack to a data folder."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from launcher.data_folder import Address, LaunchError, Place, free_port
from robotsim_project.environment import private_socket

HOLDER = (
    "import sys; from pathlib import Path; from launcher.data_folder import Place;"
    "place = Place(Path(sys.argv[1])); print(place.take(), flush=True); sys.stdin.read()"
)


def test_a_folder_is_taken_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    place = Place(tmp_path)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"True\n"
        assert not place.take()
        other.kill()
    assert place.take()
    place.release()


def test_the_running_stack_is_found(tmp_path: Path) -> None:
    place = Place(tmp_path)
    assert place.take()
    assert place.running() is None
    address = Address(os.getpid(), serving=True, url="http://127.0.0.1:8000", redis="")
    place.announce(address)
    assert Place(tmp_path).running() == address
    place.release()
    assert Place(tmp_path).running() is None


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LaunchError, match="set DATA_DIR"):
        Place(tmp_path / "file").take()


def test_a_socket_of_a_deep_folder_has_a_short_name(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 120)
    place = Place(deep)
    assert place.take()
    assert len(os.fsencode(place.redis_socket)) <= 100
    assert place.redis_socket.parent.stat().st_mode & 0o777 == 0o700
    assert place.redis_socket == private_socket(deep, "redis.sock")
    place.release()
    place.redis_socket.parent.rmdir()


def test_a_socket_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    place = Place(tmp_path / ("y" * 120))
    place.redis_socket.parent.mkdir(mode=0o755)
    try:
        with pytest.raises(LaunchError, match="shorter name"):
            place.take()
    finally:
        place.redis_socket.parent.rmdir()


def test_a_taken_port_gives_the_next() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) > port
