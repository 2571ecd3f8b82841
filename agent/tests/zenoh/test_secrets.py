"""Certificates and credentials, right and wrong ones, with a real router; and what of them is ever shown."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent import probe
from agent.protocol import Link, ProbeCode
from agent.tests.conftest import ODOM, write_bag
from agent.tests.server import FakeServer
from agent.transports import TransportError, create
from agent.transports.zenoh.secrets import SecretError, read_secret
from tests.support.certificates import make_authority, sign
from tests.support.ports import free_port
from tests.support.zenoh import Node, settings

PASSWORD = "p4ss-never-shown"  # noqa: S105  of a router that the test starts
TLS = "transport/link/tls"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("authority")
    make_authority(folder)
    sign(folder, "router", folder)
    sign(folder, "tls", folder)
    return folder


@pytest.fixture(scope="module")
def endpoint(authority: Path) -> Iterator[str]:
    """A router that takes clients with a certificate of the authority, a name and a password."""
    address = f"tls/127.0.0.1:{free_port()}"
    users = authority / "users"
    users.write_text(f"robot:{PASSWORD}\n")
    router = Node(
        settings(
            "router",
            **{
                "listen/endpoints": [address],
                f"{TLS}/root_ca_certificate": str(authority / "ca.crt"),
                f"{TLS}/listen_certificate": str(authority / "router.crt"),
                f"{TLS}/listen_private_key": str(authority / "router.key"),
                f"{TLS}/enable_mtls": True,
                "transport/auth/usrpwd/user": "router",
                "transport/auth/usrpwd/password": "another",
                "transport/auth/usrpwd/dictionary_file": str(users),
            },
        )
    )
    yield address
    router.kill()


@pytest.fixture
def secret(tmp_path: Path, authority: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the secret `lab`, complete and right."""
    monkeypatch.setenv("MEC_SECRETS_DIR", str(tmp_path / "secrets"))
    folder = tmp_path / "secrets" / "lab"
    folder.mkdir(parents=True)
    for name in ("ca.crt", "tls.crt", "tls.key"):
        shutil.copy(authority / name, folder)
    (folder / "username").write_text("robot\n")
    (folder / "password").write_text(f"{PASSWORD}\n")
    return folder


def link(endpoint: str) -> Link:
    return Link(transport="zenoh", endpoint=endpoint, secret="lab")  # noqa: S106  its name


def test_unit_plays_with_them_and_shows_nothing_of_them(
    endpoint: str, secret: Path, tmp_path: Path, serve: Any, start: Callable[..., Any]
) -> None:
    bag = write_bag(tmp_path / "bag", [n * 10_000_000 for n in range(20)], (ODOM,))
    topic = {"name": "/odom", "type": ODOM.type, "type_hash": f"RIHS01_{'0' * 64}"}
    values = {"transport": "zenoh", "endpoint": endpoint, "secret": "lab"}
    fake = FakeServer(bag, {"link": values, "topics": [topic]})
    unit = start(serve(fake))
    assert unit.wait() == 0
    assert fake.last.agents[0].published == 20
    private = [PASSWORD, *(secret / "tls.key").read_text().splitlines()[1:-1]]
    texts = [fake.log, repr(fake.snapshots)]
    texts += [
        path.read_text(errors="replace") for path in unit.work_dir.rglob("*") if path.is_file()
    ]
    assert not [text for text in texts if any(value in text for value in private)]


def test_link_is_tested_with_them(endpoint: str, secret: Path, tmp_path: Path) -> None:
    assert probe.probe(link(endpoint), tmp_path).code == ProbeCode.REACHED


def other_authority(secret: Path) -> None:
    make_authority(secret)


def wrong_password(secret: Path) -> None:
    (secret / "password").write_text("p4ss-that-is-wrong")


def no_certificate(secret: Path) -> None:
    (secret / "tls.crt").unlink()
    (secret / "tls.key").unlink()


@pytest.mark.parametrize("spoil", [other_authority, wrong_password, no_certificate])
def test_wrong_ones_are_not_accepted(
    endpoint: str, secret: Path, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(secret)
    with pytest.raises(
        TransportError, match="accepts these certificates and credentials"
    ) as caught:
        create(link(endpoint)).open(link(endpoint), tmp_path)
    assert "p4ss" not in f"{caught.value!r} {caught.value.__cause__!r}"
    result = probe.probe(link(endpoint), tmp_path)
    assert (result.reachable, result.code) == (False, ProbeCode.NOT_ACCEPTED)


def test_missing_files_are_named(secret: Path, tmp_path: Path) -> None:
    def refusal() -> str:
        with pytest.raises(SecretError) as caught:
            create(tls).open(tls, tmp_path)
        assert probe.probe(tls, tmp_path).code == ProbeCode.SECRET_INVALID
        return str(caught.value)

    tls = link(f"udp/127.0.0.1:{free_port()}")
    (secret / "tls.key").unlink()
    assert f"{secret}/tls.key is missing" in refusal()
    (secret / "tls.key").mkdir()
    assert f"{secret}/tls.key cannot be read" in refusal()
    (secret / "tls.key").rmdir()
    (secret / "tls.key").write_bytes(b"\xff\xfe")
    assert f"{secret}/tls.key is not text" in refusal()
    (secret / "tls.key").write_text("\n")
    assert f"{secret}/tls.key is empty" in refusal()
    shutil.rmtree(secret)
    assert f"{secret} has none of ca.crt" in refusal()
    del os.environ["MEC_SECRETS_DIR"]
    assert "MEC_SECRETS_DIR is not set" in refusal()


@pytest.mark.parametrize("name", ["../lab", "/etc", "a/b", ".", "Lab", "lab\n"])
def test_names_that_are_paths_are_refused(name: str) -> None:
    with pytest.raises(SecretError, match="no name of a secret"):
        read_secret(name)
