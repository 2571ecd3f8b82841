"""Lock and address file of the data folder."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from launcher.data_folder import Address, DataFolder, LaunchError, free_port
from robotsim_project.environment import private_socket

HOLDER = (
    "import sys; from pathlib import Path; from launcher.data_folder import DataFolder;"
    "folder = DataFolder(Path(sys.argv[1])); print(folder.lock(), flush=True); sys.stdin.read()"
)


def test_a_folder_is_locked_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    folder = DataFolder(tmp_path)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"True\n"
        assert not folder.lock()
        other.kill()
    assert folder.lock()
    folder.release()


def test_the_running_stack_is_found(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    assert folder.lock()
    assert folder.running() is None
    address = Address(os.getpid(), serving=True, url="http://127.0.0.1:8000", redis="")
    folder.announce(address)
    assert DataFolder(tmp_path).running() == address
    folder.release()
    assert DataFolder(tmp_path).running() is None


def test_an_unusable_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LaunchError, match="set DATA_DIR"):
        DataFolder(tmp_path / "file").lock()


def test_the_socket_of_a_deep_folder_has_a_short_path(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 120)
    folder = DataFolder(deep)
    assert folder.lock()
    assert len(os.fsencode(folder.redis_socket)) <= 100
    assert folder.redis_socket.parent.stat().st_mode & 0o777 == 0o700
    assert folder.redis_socket == private_socket(deep, "redis.sock")
    folder.release()
    folder.redis_socket.parent.rmdir()


def test_a_socket_folder_with_wrong_rights_is_refused(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / ("y" * 120))
    folder.redis_socket.parent.mkdir(mode=0o755)
    try:
        with pytest.raises(LaunchError, match="shorter path"):
            folder.lock()
    finally:
        folder.redis_socket.parent.rmdir()


def test_a_used_port_gives_the_next() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        assert free_port(port) > port
