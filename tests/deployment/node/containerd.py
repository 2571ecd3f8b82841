"""containerd in a machine, and a store of images that is kept between runs.

`python -m tests.deployment.node.containerd` builds what is missing in the store.
"""

import fcntl
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tests.deployment.node import images
from tests.deployment.node.machine import Machine, run
from tests.deployment.node.needs import missing
from tests.support.servers import wait_until

SOCKET = "unix:///run/containerd/containerd.sock"
_CONFIG = """\
version = 2
root = "{root}"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs"]

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{sandbox}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  netns_mounts_under_state_dir = true

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{machine}/cni"

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
"""


class Containerd:
    """containerd in a machine; its images and containers lie in `root`."""

    def __init__(self, machine: Machine, root: Path) -> None:
        self._machine = machine
        self._root = root
        self._running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        config = self._machine.folder / "containerd.toml"
        text = _CONFIG.format(root=self._root, sandbox=images.SANDBOX, machine=self._machine.folder)
        config.write_text(text)
        self._running = self._machine.start_program(
            "containerd", ["containerd", "--config", config]
        )
        wait_until(self._answers, self._running, self._machine.log("containerd"))

    def stop(self) -> None:
        """Let it end by itself."""
        assert self._running is not None
        self._machine.kill(self._running, signal.SIGTERM)

    def load(self, archive: Path) -> None:
        """Load an image from an archive as `docker save` writes it."""
        # Once more, as containerd may collect a layer of the image before as garbage that this one shares.
        for check in (False, True):
            self._machine.run("ctr", "-n", "k8s.io", "images", "import", archive, check=check)

    def tag(self, image: str, name: str) -> None:
        """Give an image one more name."""
        self._machine.run("ctr", "-n", "k8s.io", "images", "tag", "--force", image, name)

    def _answers(self) -> bool:
        return "Server:" in self._machine.run("ctr", "version", check=False)


def fill_store() -> None:
    """Build all images and load those into the store that are not in it; two calls at once do it once."""
    images.folder().mkdir(parents=True, exist_ok=True)
    with (images.folder() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = images.make()
        changed = {name for name in made if _stored().get(name) != made[name]}
        if changed:
            _load_into_store(changed)
            _list().write_text(json.dumps(made))


def copy_store(root: Path) -> None:
    """Copy the store for one run: databases are copied, files of images are links to the same data."""
    run(["cp", "-al", _store(), root])
    for database in root.rglob("*.db"):
        copy = database.with_suffix(".copy")
        shutil.copy(database, copy)
        copy.replace(database)


def _load_into_store(names: set[str]) -> None:
    machine = Machine()
    try:
        machine.start()
        containerd = Containerd(machine, _store())
        containerd.start()
        for name in sorted(names):
            archive = images.write_archive(name, machine.folder / "image.tar")
            containerd.load(archive)
            archive.unlink()
        containerd.stop()
    finally:
        machine.stop()


def _store() -> Path:
    return images.folder() / "store"


def _list() -> Path:
    """Ids of the images in the store by name."""
    return images.folder() / "store.json"


def _stored() -> dict[str, str]:
    return dict(json.loads(_list().read_text())) if _list().exists() else {}


def main() -> None:
    """Build and load images, where a node can run."""
    if reason := missing():
        sys.stdout.write(f"NOT MADE: images of the real node: {reason}\n")
    else:
        fill_store()


if __name__ == "__main__":
    main()
