"""Size on disk of the environments: that of an agent with and without ROS 2, and that of the server.

    .venv/bin/python -m benchmarks.environment_size

Installs each requirements file into an environment of its own, without pip, as the images do.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import _options

ROOT = Path(__file__).resolve().parent.parent
FILES = ("requirements-agent.txt", "requirements-ros2.txt", "requirements.txt")


def size(folder: Path) -> int:
    """Bytes that a folder takes on disk."""
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))


def install(requirements: Path, folder: Path) -> None:
    """Make an environment without pip and install into it."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    pip = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", "--quiet"]
    options = ["--disable-pip-version-check", "--only-binary", ":all:", "--no-compile"]
    options += ["--no-binary", "empy"]  # it has no wheel, and is plain Python
    subprocess.run([*pip, *options, "-r", requirements], check=True)


def main() -> int:
    """Print a row for each requirements file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", nargs="+", default=FILES)
    options = _options.parse(parser, files=FILES[:1])
    print(f"{'environment':26} {'MB on disk':>10} {'packages':>8} {'seconds':>8}")
    for name in options.files:
        with tempfile.TemporaryDirectory() as temporary:
            folder, began = Path(temporary), time.monotonic()
            install(ROOT / name, folder)
            packages = len(list(folder.rglob("*.dist-info")))
            seconds = time.monotonic() - began
            print(f"{name:26} {size(folder) / 2**20:10.0f} {packages:8} {seconds:8.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
