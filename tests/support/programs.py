"""Programs of the second tier of tests, built from Go modules at pinned versions and cached between runs.

`python -m tests.support.programs NAME...` makes what is missing. They lie in
`~/.cache/robotsim-tests` (or below XDG_CACHE_HOME), a folder for each program and version; a program stands
there only when it is whole. Two calls at once make it once.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MINIO_VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"
"""The last commit of MinIO's community edition that the module proxy serves."""
KWOK_VERSION = "v0.8.0"
# Where Kubernetes keeps what it calls itself.
STAMPED = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
CONTROLPLANE = Path(__file__).resolve().parents[1] / "deployment" / "cluster" / "controlplane"
# Without symbols a program takes half the space; paths of this machine are kept out of it.
FLAGS = ["-trimpath", "-ldflags=-s -w"]
NO_GO = "`go` is missing: install Go 1.26 or newer (https://go.dev/doc/install) and see that it is on PATH"
MESSAGE_SECONDS = 30


class ProgramMissingError(Exception):
    """A program cannot be built; the message says what to do."""


@dataclass(frozen=True)
class Program:
    """A program and its build: `go` with `words`, in `source`, writes it to GOBIN or OUTPUT."""

    name: str
    version: str
    words: tuple[str, ...]
    source: Path | None = None

    @property
    def path(self) -> Path:
        """Path of the built program."""
        return cache() / f"{self.name}-{self.version}" / self.name


def cache() -> Path:
    """Return the folder of the cache."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "robotsim-tests"


def minio() -> Program:
    module = f"github.com/minio/minio@{MINIO_VERSION}"
    return Program("minio", MINIO_VERSION, ("install", *FLAGS, module))


def kubernetes_version() -> str:
    """Return the version of Kubernetes of the control plane, such as v1.37.2."""
    requires = (CONTROLPLANE / "go.mod").read_text()
    found = re.search(r"^\tk8s\.io/kubernetes (v\S+)$", requires, re.MULTILINE)
    assert found is not None, "go.mod names no k8s.io/kubernetes"
    return found[1]


def controlplane() -> Program:
    """Return a version computed from the source, which includes the versions of modules."""
    digest = hashlib.sha256()
    for file in sorted(CONTROLPLANE.glob("*")):
        digest.update(f"{file.name}\n".encode() + file.read_bytes())
    version = kubernetes_version()
    stamp = " ".join(f"-X {package}.gitVersion={version}" for package in STAMPED)
    words = ("build", "-trimpath", f"-ldflags=-s -w {stamp}", "-o", "OUTPUT", ".")
    return Program("controlplane", digest.hexdigest()[:16], words, CONTROLPLANE)


def kwok() -> Program:
    """The kubelet of fake nodes, for benchmarks."""
    module = f"sigs.k8s.io/kwok/cmd/kwok@{KWOK_VERSION}"
    return Program("kwok", KWOK_VERSION, ("install", *FLAGS, module))


PROGRAMS = {"minio": minio, "controlplane": controlplane, "kwok": kwok}


def find(name: str) -> Path:
    """Return the path of a built program.

    Raises:
        ProgramMissingError: it has not.
    """
    path = PROGRAMS[name]().path
    if not path.is_file():
        message = f"{path} is missing: `make test-cluster` makes it, with Go 1.26 or newer"
        raise ProgramMissingError(message)
    return path


def make(program: Program) -> Path:
    """Build a program, unless it exists.

    Raises:
        ProgramMissingError: there is no Go, or it failed.
    """
    with _locked(program):
        if not program.path.is_file():
            go = shutil.which("go")
            if go is None:
                raise ProgramMissingError(NO_GO)
            with tempfile.TemporaryDirectory(prefix=".making-", dir=cache()) as folder:
                _run(go, program, Path(folder))
                program.path.parent.mkdir(exist_ok=True)
                (Path(folder) / program.name).replace(program.path)
    return program.path


def _run(go: str, program: Program, folder: Path) -> None:
    sys.stdout.write(f"Making {program.name} {program.version} (once; some minutes)\n")
    sys.stdout.flush()
    began = time.monotonic()
    output = str(folder / program.name)
    words = [output if word == "OUTPUT" else word for word in program.words]
    log = folder / "log"
    with log.open("wb") as out:
        child = subprocess.Popen(
            ["nice", go, *words],
            cwd=program.source or folder,
            env={**os.environ, "GOBIN": str(folder), "GOWORK": "off"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
        try:
            _wait(child, program, began)
        finally:
            child.kill()
    if child.returncode != 0 or not Path(output).is_file():
        tail = log.read_text(errors="replace")[-2000:]
        message = f"`go {' '.join(program.words)}` failed; the end of what it said:\n{tail}"
        raise ProgramMissingError(message)
    seconds = time.monotonic() - began
    sys.stdout.write(f"Made {program.name} in {seconds:.0f} s\n")


def _wait(child: subprocess.Popen[bytes], program: Program, began: float) -> None:
    """Wait for the build and print a sign of life from time to time, as CI kills silent commands."""
    while True:
        try:
            child.wait(MESSAGE_SECONDS)
        except subprocess.TimeoutExpired:
            seconds = time.monotonic() - began
            sys.stdout.write(f"  still making {program.name}, {seconds:.0f} s\n")
            sys.stdout.flush()
        else:
            return


@contextmanager
def _locked(program: Program) -> Iterator[None]:
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / f"{program.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main(names: list[str]) -> int:
    """Build the named programs; return 1 when one cannot be built."""
    try:
        for name in names:
            sys.stdout.write(f"{make(PROGRAMS[name]())}\n")
    except ProgramMissingError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
