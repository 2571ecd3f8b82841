"""Units as processes of this machine, in sessions of their own so that they outlive the controller.

All state is in the folder of each unit. A controller claims an attempt by creating `attempt-N`, and then
writes the process id into it; the unit itself writes `lock` and `exit.json`. If two processes are started for
one unit, the second finds it locked and ends.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path

import psutil
import structlog
from django.conf import settings

from agent.protocol import ExitReport, Link, ProbeCode, ProbeResult, decode, encode
from simulations.backends.base import Capacity, Job, Placement, UnitState, UnitStatus
from simulations.backends.machine import machine_capacity
from simulations.exceptions import BackendError

log = structlog.get_logger(__name__)

DATA_SUFFIXES = {".db3", ".mcap"}
LOG_BYTES = 4096
"""Bytes of the end of a unit's output that tell why it never reported."""

CLAIM_SECONDS = 10.0
"""Time for which a claim without a process id counts as the launch of another controller."""

RECOGNITION_POLL_SECONDS = 0.001

NO_RETRY_CODE = 2
"""Exit code of a unit that would fail again in the same way."""


class LocalBackend:
    """The backend `local`."""

    controller_only = False

    def launch(self, job: Job) -> str:
        for unit in range(job.units):
            if not self._attempts(self._folder(job, unit)):
                self._start(job, unit, 1)
        return str(_root(job))

    def observe(self, job: Job, *, retry: bool) -> list[UnitStatus]:
        units = []
        for number in range(job.units):
            unit = self._observe_unit(job, number)
            if retry and self._may_retry(job, unit):
                unit = self._retry(job, unit)
            units.append(unit)
        return units

    def _retry(self, job: Job, failed: UnitStatus) -> UnitStatus:
        attempts = failed.attempts + 1
        try:
            self._start(job, failed.unit, attempts)
        except BackendError as error:
            # Go on with the other units; the age of the claim limits how long this one is tried.
            log.warning("retry_failed", unit=failed.unit, stage_run=job.stage_run, error=str(error))
            if self._attempts(self._folder(job, failed.unit)) < attempts:
                return failed
        return UnitStatus(failed.unit, UnitState.ALIVE, attempts, failed.failure, restarted=True)

    def kill(self, job: Job, units: Collection[int]) -> None:
        for unit in units:
            for pid in self._processes(self._folder(job, unit)):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def on_lost_machines(self, job: Job, units: Collection[int]) -> Mapping[int, str]:
        return {}  # they run on the machine that asks

    def kept_recording(self, job: Job, unit: int, attempt: int) -> str:
        folder = self._folder(job, unit) / f"recording-{attempt}"
        kept = {path.parent for path in folder.rglob("*") if path.suffix in DATA_SUFFIXES}
        if len(kept) == 1:  # the segment that was open
            return str(kept.pop())
        return str(folder) if kept else ""

    def last_log(self, job: Job, unit: int) -> str:
        console = self._folder(job, unit) / "console.log"
        with suppress(OSError), console.open("rb") as file:
            file.seek(max(0, console.stat().st_size - LOG_BYTES))
            return file.read().decode(errors="replace")
        return ""

    def remove(self, job: Job, *, keep_recordings: bool = False) -> int:
        if keep_recordings:
            return 0
        folder = _root(job)
        exists = folder.is_dir()
        shutil.rmtree(folder, ignore_errors=True)
        return int(exists)

    def remove_others(self, active: Callable[[], Collection[int]]) -> int:
        return 0  # folders of failed executions are kept; `prune` removes them

    def capacity(self) -> Capacity:
        return machine_capacity(settings.DATA_DIR / "units")

    def problem(self) -> str:
        return ""

    def probe(self, link: Link, placement: Placement, seconds: float) -> ProbeResult:
        try:
            process = subprocess.run(
                [sys.executable, "-m", "agent", "probe"],
                cwd=settings.BASE_DIR,
                env=_environment(),
                input=encode(link),
                capture_output=True,
                timeout=seconds,
                check=False,
            )
            return decode(process.stdout, ProbeResult)
        except subprocess.TimeoutExpired:
            return ProbeResult(reachable=False, code=ProbeCode.NO_ANSWER_IN_TIME, text="")
        except (OSError, ValueError) as error:
            raise BackendError(str(error)) from error

    def _may_retry(self, job: Job, unit: UnitStatus) -> bool:
        if unit.state is not UnitState.FAILED or unit.attempts > job.retries:
            return False
        status = _read_exit_status(self._folder(job, unit.unit))
        return status is None or status.code != NO_RETRY_CODE

    def _observe_unit(self, job: Job, unit: int) -> UnitStatus:
        folder = self._folder(job, unit)
        attempts = self._attempts(folder)
        if not attempts:
            return UnitStatus(unit, UnitState.ABSENT)
        claim = folder / f"attempt-{attempts}"
        # Read before its process is looked for: another controller may launch it in between.
        launched = claim.stat().st_size > 0
        if self._processes(folder):
            return UnitStatus(unit, UnitState.ALIVE, attempts)
        waited = time.time() - claim.stat().st_mtime
        if not launched and waited <= CLAIM_SECONDS:
            # It is being launched; an exit status would still be that of the attempt before.
            return UnitStatus(unit, UnitState.ALIVE, attempts)
        status = _read_exit_status(folder)
        if status is None:
            if launched:  # it was killed
                return UnitStatus(unit, UnitState.FAILED, attempts)
            return self._take_over(job, unit, attempts, waited)
        state = UnitState.ENDED if status.code == 0 else UnitState.FAILED
        return UnitStatus(unit, state, attempts, status.failure)

    def _take_over(self, job: Job, unit: int, attempts: int, waited: float) -> UnitStatus:
        """Launch a unit whose claiming controller has died; if both launch, the lock lets one run."""
        try:
            self._spawn(job, unit, self._folder(job, unit) / f"attempt-{attempts}")
        except BackendError:  # tried again at each observation, until the limit
            if waited > settings.STRAGGLER_LIMIT_SECONDS:
                return UnitStatus(unit, UnitState.FAILED, attempts, "BACKEND_UNAVAILABLE")
        return UnitStatus(unit, UnitState.ALIVE, attempts)

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
        # No database URL and no storage key: a unit knows the server only.
        environment = {
            **_environment(),
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
            _await_recognition(process, folder)
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
        pids = {_read_pid(newest), _read_pid(folder / "lock")} - {0}
        return [pid for pid in pids if _is_unit(pid, folder)]


def _environment() -> dict[str, str]:
    """The environment of units and tests of links: no key of ours, and where those of MECs are."""
    inherited = {n: os.environ[n] for n in ("PATH", "HOME", "LANG", "TZ") if n in os.environ}
    return inherited | {"MEC_SECRETS_DIR": str(settings.MEC_SECRETS_DIR)}


def _root(job: Job) -> Path:
    return Path(settings.DATA_DIR) / "units" / job.name


def _read_pid(path: Path) -> int:
    try:
        return int(path.read_text() or 0)
    except (OSError, ValueError):
        return 0


def _is_unit(pid: int, folder: Path) -> bool:
    """Check that a process is alive and the unit of this folder, as process ids are reused."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # an ended child stays a zombie until it is waited for
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        # A process without the variable is no unit: in containers process ids start again at 1, and that of
        # an earlier unit may be the controller's own.
        return process.environ().get("ROBOTSIM_WORK_DIR") == str(folder)
    except psutil.Error:
        return False


def _await_recognition(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait until a new process shows its environment, which the kernel sets a moment after the start.

    Until then an observation would take the unit for one that is gone.
    """
    deadline = time.monotonic() + CLAIM_SECONDS
    while not _is_unit(process.pid, folder) and process.poll() is None:
        if time.monotonic() > deadline:
            return
        time.sleep(RECOGNITION_POLL_SECONDS)


def running_units(data_dir: Path) -> list[psutil.Process]:
    """The processes of this machine that are units with this data folder."""
    units = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):  # ended meanwhile, or of another user
            folder = process.environ().get("ROBOTSIM_WORK_DIR", "")
            is_ours = bool(folder) and Path(folder).is_relative_to(data_dir)
            if is_ours and process.status() != psutil.STATUS_ZOMBIE:
                units.append(process)
    return units


def _read_exit_status(folder: Path) -> ExitReport | None:
    try:
        return decode((folder / "exit.json").read_bytes(), ExitReport)
    except (OSError, ValueError):
        return None
