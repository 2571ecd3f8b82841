"""The first process of a machine (see `machine.py`): mounts its folders, then collects ended processes."""

import os
import subprocess
import sys
import time
from pathlib import Path


def mount(*words: str | Path) -> None:
    subprocess.run(["mount", *words], check=True)


def main(folder: Path, ready: Path) -> None:
    """Hide what this machine has in folders that a node writes to, and be the parent of all orphans."""
    mount("--bind", folder / "lib", "/var/lib")
    mount("--bind", folder / "log", "/var/log")
    # Volumes of the overlay `dev`. An empty folder stays outside: something has to be there to mount on.
    Path("/data").mkdir(exist_ok=True)
    mount("--bind", folder / "data", "/data")
    mount("-t", "tmpfs", "tmpfs", "/run")
    mount("--make-rshared", "/")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    ready.touch()
    while True:
        try:
            os.wait()
        except ChildProcessError:
            time.sleep(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
