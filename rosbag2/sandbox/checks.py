"""Verifies, repairs and unpacks bags from strangers in a child process with limits.

A small bag that takes long is ended; a large one may take its time as long as it makes progress (see
docs/decisions/0023). Whatever happens to the child, the outcome is a verdict; nothing is raised.
"""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from rosbag2.budget import MAX_COPIES, MAX_MESSAGE, max_unpacked
from rosbag2.checks.verdict import Verdict, from_json, rejected, unpacked
from rosbag2.errors import BagError
from rosbag2.recovery.repair import is_taken
from rosbag2.sandbox.runner import Job, JobEndedError, JobFailedError, Limits, run

LIMITS = Limits(
    memory_bytes=512 * 2**20,
    large_bytes=MAX_COPIES * MAX_MESSAGE,
    cpu_seconds=8.0,
    pace_bytes=8 * 2**20,
    wall_seconds=6 * 3600.0,
    silent_seconds=60.0,
    open_files=512,
)

_KEEPS_TARGET = {"repair": "repaired", "verify_or_repair": "repaired", "unpack": "ready"}
"""The status with which a job leaves something in its target."""


def verify(folder: Path, limits: Limits = LIMITS, **options: Any) -> Verdict:
    """As `verify.verify`; `options` are those of `runner.run`."""
    return _verdict("verify", folder, None, limits, **options)


def repair(source: Path, target: Path, limits: Limits = LIMITS, **options: Any) -> Verdict:
    """As `repair.repair`; `options` are those of `runner.run`."""
    return _verdict("repair", source, target, limits, **options)


def verify_or_repair(
    source: Path, target: Path, limits: Limits = LIMITS, **options: Any
) -> Verdict:
    """As `repair.verify_or_repair`; `options` are those of `runner.run`."""
    return _verdict("verify_or_repair", source, target, limits, **options)


def unpack(
    source: Path, target: Path, limits: Limits = LIMITS, *, language: str = "", **options: Any
) -> Verdict:
    """As `archive.unpack`; the folder is `details["folder"]`. `options` are those of `runner.run`."""
    return _verdict("unpack", source, target, limits, {"language": language}, **options)


def _verdict(
    name: str,
    source: Path,
    target: Path | None,
    limits: Limits,
    arguments: Job | None = None,
    **options: Any,
) -> Verdict:
    if target is not None and is_taken(target):
        return rejected(BagError("BAG_EXISTS", file=target.name))
    job: Job = {"name": name, "source": str(source.absolute()), **(arguments or {})}
    if target is not None:
        job["target"] = str(target.absolute())
    limits = replace(limits, file_bytes=2 * max_unpacked(_size(source)))
    try:
        [line] = run(job, limits, **options)
        result = json.loads(line)
        verdict = unpacked(result) if name == "unpack" else from_json(result)
    except JobFailedError as error:
        verdict = rejected(BagError(error.code, **error.details))
    except JobEndedError as error:
        verdict = rejected(_end(error, limits))
    if target is not None and verdict.status != _KEEPS_TARGET[name]:
        shutil.rmtree(target, ignore_errors=True)
    return verdict


def _end(error: JobEndedError, limits: Limits) -> BagError:
    if error.cause == "time":
        return BagError("CHECK_TOO_SLOW", seconds=round(error.seconds))
    if error.cause == "memory":
        return BagError("CHECK_TOO_LARGE", megabytes=limits.memory_bytes // 2**20)
    return BagError("CHECK_BROKE_OFF", reason=error.reason)


def _size(source: Path) -> int:
    paths = [source] if source.is_file() else source.rglob("*")
    return sum(path.stat().st_size for path in paths if path.is_file() and not path.is_symlink())
