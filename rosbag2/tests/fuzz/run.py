"""Runs damaged bags through the check, in a pool of processes with limits, some in the sandbox."""

import multiprocessing
import random
import resource
import shutil
import signal
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rosbag2.recovery.repair import verify_or_repair
from rosbag2.sandbox import checks
from rosbag2.tests.fuzz.bags import KINDS, Bag
from rosbag2.tests.fuzz.damage import Damage, damages
from rosbag2.tests.fuzz.judge import contradictions

MEMORY_BYTES = 2**30
CASE_SECONDS = 30
_SANDBOXED = 50
"""One case in so many runs in the sandbox."""
_ALONE = 4
"""One case in so many has no metadata.yaml."""


@dataclass(frozen=True)
class Result:
    """One case, and what was wrong with its verdict."""

    number: int
    bag: str
    damage: Damage
    alone: bool
    verdict: str
    wrong: list[str]


@dataclass(frozen=True)
class _Case:
    number: int
    bag: str
    made: Bag
    damage: Damage
    alone: bool


def run(cases: int, seed: int, processes: int, only: str = "") -> Iterator[Result]:
    """Damage bags in turn, and yield the results."""
    with TemporaryDirectory(prefix="fuzz-") as folder:
        todo = _cases(Path(folder), cases, seed, only)
        context = multiprocessing.get_context("fork")
        with context.Pool(processes, _limit) as pool:
            yield from pool.imap_unordered(_result, todo, chunksize=4)


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    signal.signal(signal.SIGALRM, _too_slow)


class _SlowError(BaseException):
    """A case takes too long; no check may catch it."""


def _too_slow(_number: int, _frame: object) -> None:
    raise _SlowError


def _cases(folder: Path, cases: int, seed: int, only: str) -> list[_Case]:
    rolled = random.Random(seed)  # noqa: S311
    sources = []
    for name, make in KINDS.items():
        if name.startswith(only):
            place = folder / name.replace(" ", "_")
            place.mkdir()
            made = make(place)
            sources.append((name, made, damages(made, rolled)))
    result = []
    for number in range(cases):
        name, made, stream = sources[number % len(sources)]
        alone = rolled.randrange(_ALONE) == 0
        result.append(_Case(number, name, made, next(stream), alone))
    return result


def _result(case: _Case) -> Result:
    signal.alarm(CASE_SECONDS)
    with TemporaryDirectory(prefix="fuzz-case-") as spare:
        source, target = Path(spare) / "bag", Path(spare) / "new"
        shutil.copytree(case.made.folder, source)
        case.damage.apply(source)
        if case.alone:
            (source / "metadata.yaml").unlink()
        try:
            check = checks.verify_or_repair if case.number % _SANDBOXED == 0 else verify_or_repair
            verdict = check(source, target)
            folder = target if verdict.status == "repaired" else source
            wrong = contradictions(verdict, folder, case.made.truth, case.damage)
            told = f"{verdict.status} {verdict.code} {verdict.details} " + " ".join(
                warning.code for warning in verdict.warnings
            )
        except (Exception, _SlowError):  # noqa: BLE001 - a case that breaks is a result
            told = traceback.format_exc()[-600:]
            wrong = ["crash"]
    signal.alarm(0)
    return Result(case.number, case.bag, case.damage, case.alone, told, wrong)
