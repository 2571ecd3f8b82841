"""Images of the real node, built without a registry.

A base by debootstrap; ours from the project's Dockerfile on it; and the services that the manifests name,
from Debian's packages, under the names of the published images, which they obey in variables and paths.
buildah keeps each step, so that a change of code builds what comes after the requirements only. Debian's
packages and wheels come from where this machine gets them: its apt sources, pip settings and certificates go
into the base, which stays on this machine.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from robotsim_project.environment import BASE_DIR
from tests.deployment.node.machine import run
from tests.support.programs import cache, find

VERSION = (BASE_DIR / ".version").read_text().strip()
AGENT = f"docker.io/library/robot-sim-agent:{VERSION}"
BASE = "localhost/robotsim-base:1"
SANDBOX = "localhost/robotsim-sandbox:1"
_HERE = Path(__file__).parent / "images"
_SUITE = "bookworm"
_PACKAGES = "ca-certificates,python3,python3-venv"
_SETTINGS = (
    *("/etc/apt/sources.list", "/etc/apt/sources.list.d/debian.sources"),
    *("/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt"),
)
"""Settings by which this machine reaches Debian's packages and wheels."""


def folder() -> Path:
    return cache() / "images"


def make() -> dict[str, str]:
    """Build all images, as far as they are not there.

    Returns:
        The id of each image by its name.
    """
    busybox = named("busybox")
    ids = {busybox: build(busybox, _HERE / "busybox", [Path("/usr/bin/busybox")])}
    ids[SANDBOX] = build(SANDBOX, _HERE / "sandbox", BUSYBOX=busybox)
    base = _base()
    _buildah("tag", base, BASE)
    ids[BASE] = _id(BASE)
    for image in ("postgres", "redis", "minio/minio"):
        copy = [find("minio")] if image == "minio/minio" else []
        name = named(image)
        ids[name] = build(name, _HERE / image.partition("/")[0], copy, BASE=BASE)
    for name, target in ((AGENT, "agent"), (named("robot-sim-backend"), "server")):
        ids[name] = build(name, BASE_DIR, target=target, PYTHON_IMAGE=BASE, VERSION=VERSION)
    return ids


def named(image: str) -> str:
    """Return the full name of an image of the manifests, such as `busybox`, with its tag."""
    for manifest in sorted((BASE_DIR / "k8s").glob("*.yaml")):
        found = re.search(rf"image: ({image}:\S+)$", manifest.read_text(), re.MULTILINE)
        if found is not None:
            place = "docker.io/" if "/" in found[1] else "docker.io/library/"
            return place + found[1]
    raise AssertionError(f"no manifest names {image}")


def write_archive(name: str, path: Path) -> Path:
    """Write an image into a file as `docker save` does."""
    _buildah("push", name, f"docker-archive:{path}:{name}")
    return path


def _base() -> str:
    """Return the name of the base, which is made when there is none of these packages and settings."""
    digest = hashlib.sha256(f"{_SUITE} {_PACKAGES}".encode())
    for path in (str(_HERE / "base" / "Containerfile"), *_SETTINGS):
        digest.update(Path(path).read_bytes() if Path(path).exists() else b"")
    name = f"localhost/robotsim-base:{digest.hexdigest()[:16]}"
    if not _buildah("images", "--filter", f"reference={name}", "--quiet"):
        with tempfile.TemporaryDirectory(dir=folder(), prefix="building-") as context:
            root = Path(context) / "rootfs"
            options = ["--variant=minbase", f"--include={_PACKAGES}"]
            _build(name, ["debootstrap", *options, _SUITE, str(root), _mirror()])
            _take_settings(root)
            file = str(_HERE / "base" / "Containerfile")
            _buildah("bud", *_OPTIONS, "--tag", name, "--file", file, context)
    return name


def _mirror() -> str:
    """Return where this machine gets Debian's packages."""
    form = "$(REPO_URI) $(RELEASE) $(COMPONENT) $(CREATED_BY)"
    for line in run(["apt-get", "indextargets", "--format", form]).splitlines():
        if line.split()[1:] == [_SUITE, "main", "Packages"]:
            return line.split()[0]
    raise AssertionError(f"apt knows no place of Debian {_SUITE}")


def _take_settings(root: Path) -> None:
    for path in _SETTINGS:
        there = root / path.lstrip("/")
        there.unlink(missing_ok=True)
        if Path(path).exists():
            shutil.copy(path, there)
    for rest in ("var/cache/apt", "var/lib/apt/lists"):
        shutil.rmtree(root / rest)
        (root / rest).mkdir()


_OPTIONS = ("--isolation", "chroot", "--network", "host", "--format", "docker", "--layers")


def build(
    name: str, source: Path, copy: Sequence[Path] = (), *, target: str = "", **arguments: str
) -> str:
    """Build an image of a folder, with further files copied into it; return its id."""
    words = [word for key in arguments for word in ("--build-arg", f"{key}={arguments[key]}")]
    words += ["--target", target] if target else []
    with _context(source, copy) as context:
        _build(name, _buildah_command("bud", *_OPTIONS, *words, "--tag", name, str(context)))
    return _id(name)


def _id(name: str) -> str:
    return _buildah("images", "--quiet", "--no-trunc", name).strip()


@contextmanager
def _context(source: Path, copy: Sequence[Path]) -> Iterator[Path]:
    """A folder for a build; a copy of it where further files go in."""
    if not copy:
        yield source
        return
    with tempfile.TemporaryDirectory(dir=folder(), prefix="building-") as made:
        context = Path(made) / "context"
        shutil.copytree(source, context)
        for path in copy:
            shutil.copy(path, context)
        yield context


def _buildah_command(*words: str) -> list[str]:
    store = folder() / "layers"
    place = ["--root", str(store), "--runroot", str(store / "run"), "--storage-driver", "overlay"]
    return ["buildah", *place, *words]


def _buildah(*words: str) -> str:
    return run(_buildah_command(*words))


def _build(name: str, words: list[str]) -> None:
    """Run a command that may take minutes; say so, and print its output when it fails."""
    began = time.monotonic()
    log = folder() / "build.log"
    with log.open("wb") as out:
        done = subprocess.run(words, stdout=out, stderr=out, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        tail = log.read_text(errors="replace")[-3000:]
        raise AssertionError(f"{name} could not be built; the end of its output:\n{tail}")
    sys.stdout.write(f"Made {name} in {time.monotonic() - began:.0f} s\n")
    sys.stdout.flush()
