"""Units as processes of this machine, in sessions of their own, so that they outlive the controller.

All state is in the folder of each unit, written by whoever gets there first: `attempt-N` is claimed by
creating it and then holds the process id; `lock` and `exit.json` are the unit's own. A process that was
started twice for one unit finds the lock taken and ends.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import msgspec
import psutil
import structlog
from django.conf import settings

from simulations.backends.base import Job, UnitSeen, UnitState
from simulations.exceptions import BackendError

log = structlog.get_logger(__name__)

CLAIM_SECONDS = 10.0
"""How long a claim without a process id may be another controller's launch under way."""

POINTLESS = 2
"""Exit code of a unit for which another attempt would end the same way."""


class _LastWord(msgspec.Struct):
    code: int
    failure: str = ""


class LocalBackend:
    """The backend `local`."""

    def launch(self, job: Job) -> str:
        for unit in range(job.units):
            if not self._attempts(self._folder(job, unit)):
                self._start(job, unit, 1)
        return str(_root(job))

    def observe(self, job: Job, *, retry: bool) -> list[UnitSeen]:
        seen = []
        for unit in range(job.units):
            now = self._look(job, unit)
            if retry and self._may_retry(job, now):
                now = self._retry(job, now)
            seen.append(now)
        return seen

    def _retry(self, job: Job, failed: UnitSeen) -> UnitSeen:
        attempts = failed.attempts + 1
        try:
            self._start(job, failed.unit, attempts)
        except BackendError as error:
            # The other units are to be seen nevertheless; the claim says how long it was tried.
            log.warning("retry_failed", unit=failed.unit, stage_run=job.stage_run, error=str(error))
            if self._attempts(self._folder(job, failed.unit)) < attempts:
                return failed
        return UnitSeen(failed.unit, UnitState.ALIVE, attempts, failed.failure, restarted=True)

    def kill(self, job: Job, units: Collection[int]) -> None:
        for unit in units:
            for pid in self._processes(self._folder(job, unit)):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def living_here(self) -> int:
        return len(living_units(Path(settings.DATA_DIR)))

    def left(self, job: Job, unit: int) -> str:
        folders = [
            folder
            for folder in self._folder(job, unit).glob("recording-*")
            if any(folder.glob("*.db3"))
        ]
        return str(max(folders, key=lambda folder: folder.stat().st_mtime, default=""))

    def remove(self, job: Job) -> int:
        folder = _root(job)
        there = folder.is_dir()
        shutil.rmtree(folder, ignore_errors=True)
        return int(there)

    def _may_retry(self, job: Job, seen: UnitSeen) -> bool:
        if seen.state is not UnitState.FAILED or seen.attempts > job.retries:
            return False
        word = _last_word(self._folder(job, seen.unit))
        return word is None or word.code != POINTLESS

    def _look(self, job: Job, unit: int) -> UnitSeen:
        folder = self._folder(job, unit)
        attempts = self._attempts(folder)
        if not attempts:
            return UnitSeen(unit, UnitState.ABSENT)
        if self._processes(folder):
            return UnitSeen(unit, UnitState.ALIVE, attempts)
        word = _last_word(folder)
        if word is None:
            return self._wordless(job, unit, attempts)
        state = UnitState.ENDED if word.code == 0 else UnitState.FAILED
        return UnitSeen(unit, state, attempts, word.failure)

    def _wordless(self, job: Job, unit: int, attempts: int) -> UnitSeen:
        """A unit without a process and without a last word: being launched, or killed."""
        claim = self._folder(job, unit) / f"attempt-{attempts}"
        if claim.stat().st_size:
            return UnitSeen(unit, UnitState.FAILED, attempts)
        waited = time.time() - claim.stat().st_mtime
        if waited > settings.STRAGGLER_LIMIT_SECONDS:
            return UnitSeen(unit, UnitState.FAILED, attempts, "BACKEND_UNAVAILABLE")
        if waited > CLAIM_SECONDS:
            # Whoever claimed it died before the launch; should both launch, the lock lets one live.
            with suppress(BackendError):  # tried again at each look, until the limit
                self._spawn(job, unit, claim)
        return UnitSeen(unit, UnitState.ALIVE, attempts)

    def _start(self, job: Job, unit: int, attempt: int) -> None:
        folder = self._folder(job, unit)
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            claim = folder / f"attempt-{attempt}"
            os.close(os.open(claim, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            return  # another controller launches it
        except OSError as error:
            raise BackendError(str(error)) from error
        self._spawn(job, unit, claim)

    def _spawn(self, job: Job, unit: int, claim: Path) -> None:
        folder = claim.parent
        (folder / "exit.json").unlink(missing_ok=True)
        # No database address and no storage key: a unit knows the server alone.
        environment = {
            **{n: os.environ[n] for n in ("PATH", "HOME", "LANG", "TZ") if n in os.environ},
            "ROBOTSIM_SERVER": job.server,
            "ROBOTSIM_TOKEN": job.token,
            "ROBOTSIM_STAGE_RUN": str(job.stage_run),
            "ROBOTSIM_UNIT": str(unit),
            "ROBOTSIM_WORK_DIR": str(folder),
            "ROBOTSIM_BAG_CACHE": str(settings.DATA_DIR / "units" / "bags"),
        }
        try:
            with (folder / "console.log").open("ab") as console:
                process = subprocess.Popen(
                    [sys.executable, "-m", "agent"],
                    cwd=settings.BASE_DIR,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=console,
                    stderr=console,
                    start_new_session=True,
                )
            claim.write_text(str(process.pid))
        except OSError as error:
            raise BackendError(str(error)) from error

    def _folder(self, job: Job, unit: int) -> Path:
        return _root(job) / f"unit-{unit}"

    def _attempts(self, folder: Path) -> int:
        return max((int(path.name.split("-")[1]) for path in folder.glob("attempt-*")), default=0)

    def _processes(self, folder: Path) -> list[int]:
        """Process ids of this unit that are alive."""
        newest = folder / f"attempt-{self._attempts(folder)}"
        named = {_pid_in(newest), _pid_in(folder / "lock")} - {0}
        return [pid for pid in named if _is_unit(pid, folder)]


def _root(job: Job) -> Path:
    return Path(settings.DATA_DIR) / "units" / job.name


def _pid_in(path: Path) -> int:
    try:
        return int(path.read_text() or 0)
    except (OSError, ValueError):
        return 0


def _is_unit(pid: int, folder: Path) -> bool:
    """Whether this process is alive and the unit of this folder: process ids are used again."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # a child that ended stays in the table until it is asked for
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        # Of a process without the variable nothing is known, so it is none: in containers the numbers
        # begin anew with each start, and that of a unit of yesterday may be the controller's own.
        return process.environ().get("ROBOTSIM_WORK_DIR") == str(folder)
    except psutil.Error:
        return False


def living_units(data_dir: Path) -> list[psutil.Process]:
    """The processes of this machine that are units and work in this data folder."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):  # gone meanwhile, or not ours to look at
            folder = process.environ().get("ROBOTSIM_WORK_DIR", "")
            at_work = bool(folder) and Path(folder).is_relative_to(data_dir)
            if at_work and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _last_word(folder: Path) -> _LastWord | None:
    try:
        return msgspec.json.decode((folder / "exit.json").read_bytes(), type=_LastWord)
    except (OSError, msgspec.MsgspecError):
        return None
