"""What runs in the child process of `sandbox`: it limits itself, does one task, and says how it ended.

Lines of JSON on standard output: `{"done": bytes}` on the way, then `{"verdict": …}` or `{"failed": …}`.
"""

import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPORT_SECONDS = 0.1
"""Between two reports of progress."""


def main() -> None:
    """Carry out the task that the one argument describes."""
    task = json.loads(sys.argv[1])
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _limit(task)
    try:
        _say({"verdict": _work(task)})
    except MemoryError:
        _say({"failed": "memory"})
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent has to hear of it
        _say({"failed": f"{type(error).__name__}: {error}"[:300]})


def _work(task: dict[str, Any]) -> dict[str, Any]:
    # Only now: what is imported is limited too.
    from rosbag2.budget import Effort  # noqa: PLC0415
    from rosbag2.checks import verdict, verify  # noqa: PLC0415
    from rosbag2.errors import BagError  # noqa: PLC0415
    from rosbag2.reading import archive  # noqa: PLC0415
    from rosbag2.recovery import repair  # noqa: PLC0415

    effort = Effort(Path(task["scratch"]), _reporter())
    source, target = Path(task["source"]), Path(task["target"])
    verbs: dict[str, Callable[[], verdict.Verdict]] = {
        "verify": lambda: verify.verify(source, effort),
        "rescue": lambda: repair.rescue(source, target, effort),
        "judge": lambda: repair.judge(source, target, effort),
        "unpack": lambda: verdict.unpacked(archive.unpack(source, target, effort)),
    }
    try:
        return verdict.as_json(verbs[task["verb"]]())
    except BagError as error:
        return verdict.as_json(verdict.rejected(error))


def _limit(task: dict[str, Any]) -> None:
    for kind, value in (
        (resource.RLIMIT_AS, task["memory_bytes"]),
        (resource.RLIMIT_FSIZE, task["file_bytes"]),
        (resource.RLIMIT_NOFILE, task["open_files"]),
        (resource.RLIMIT_CPU, task["cpu_seconds"]),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (most, most))


def _reporter() -> Callable[[int], None]:
    said = time.monotonic()

    def report(done: int) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said >= REPORT_SECONDS:
            said = now
            _say({"done": done})

    return report


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _end_with_parent() -> None:
    """Standard input closes when the parent is gone, however it went."""
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
