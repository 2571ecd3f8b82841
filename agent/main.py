"""The program of a unit: lock the work folder, register, run the assignment, write the exit report."""

import logging
import os
import signal
import socket
import sys
import threading
import traceback
from types import FrameType

from msgspec.structs import replace

from agent.attempt import Attempt
from agent.backoff import Patience, pauses
from agent.client import Client, RequestRefused, ServerUnreachable
from agent.failures import (
    EXIT_ALREADY_RUNNING,
    EXIT_FAILED,
    EXIT_NO_RETRY,
    UnitFailure,
    is_disk_full,
    terminated,
)
from agent.orders import TERMINATED, Orders
from agent.protocol import PROTOCOL, Assignment, ExitReport, Registration
from agent.settings import Settings, SettingsError
from agent.termination import MAX_CHARACTERS, write_termination_message
from agent.work_dir import AlreadyRunning, UnitLog, WorkDir

MAX_UNREACHABLE_SECONDS = 600.0

log = logging.getLogger(__name__)


def main() -> int:
    """Run one unit.

    Returns:
        Exit code.
    """
    orders = Orders()

    def stop(_number: int, _frame: FrameType | None) -> None:
        # In a thread: the main thread may hold the lock that `stop` needs.
        threading.Thread(target=orders.stop, args=(TERMINATED,), daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    report = run(orders)
    write_termination_message(replace(report, text=report.text[:MAX_CHARACTERS]))
    return report.code


def run(orders: Orders) -> ExitReport:
    """Run one unit; whatever stops it before it has a log is printed.

    Returns:
        The end of the unit.
    """
    try:
        settings = Settings.from_environment()
        work_dir = WorkDir(settings.work_dir)
        unit_log = UnitLog(settings.work_dir)
    except SettingsError as error:
        text = f"{error} The backend sets these for each unit it starts."
        sys.stderr.write(f"{text}\n")
        return failed(UnitFailure("AGENT_CRASHED", text, exit_code=EXIT_NO_RETRY))
    except AlreadyRunning:
        return ExitReport(code=EXIT_ALREADY_RUNNING)
    except OSError as error:
        traceback.print_exc()
        code = "DISK_FULL" if is_disk_full(error) else "AGENT_CRASHED"
        return failed(UnitFailure(code, f"The folder of the unit cannot be used: {error}."))
    report = run_unit(settings, orders, unit_log)
    log.info("exit %d %s", report.code, report.failure)
    work_dir.write_exit(report)
    return report


def failed(failure: UnitFailure) -> ExitReport:
    """Return the end of a unit that failed before it had an attempt."""
    return ExitReport(code=failure.exit_code, failure=failure.code, text=str(failure))


def run_unit(settings: Settings, orders: Orders, unit_log: UnitLog) -> ExitReport:
    """Register and run the assignment.

    Returns:
        Content of `exit.json`.
    """
    client = Client(settings.server, settings.token)
    try:
        assignment = register(client, settings, orders)
        return Attempt(settings, assignment, client, orders, unit_log).run()
    except UnitFailure as failure:
        log.warning("failed: %s %s", failure.code, failure)
        return failed(failure)
    except Exception as error:
        log.exception("crashed")
        text = f"{type(error).__name__}: {error}"
        return ExitReport(code=EXIT_FAILED, failure="AGENT_CRASHED", text=text)


def register(client: Client, settings: Settings, orders: Orders) -> Assignment:
    """Register, with retries for ten minutes while the server is unreachable.

    Raises:
        UnitFailure: Refused, or the server did not answer, or a SIGTERM came first.
    """
    registration = Registration(
        protocol=PROTOCOL,
        stage_run=settings.stage_run,
        unit=settings.unit,
        host=socket.gethostname(),
        pid=os.getpid(),
        process=settings.process,
    )
    patience = Patience(MAX_UNREACHABLE_SECONDS)
    for pause in pauses():
        if orders.halt.is_set():
            raise terminated()
        try:
            return client.register(registration)
        except RequestRefused as error:
            code = "SUPERSEDED" if error.superseded else "REGISTRATION_REFUSED"
            raise UnitFailure(code, str(error), exit_code=EXIT_NO_RETRY) from error
        except ServerUnreachable as error:
            log.warning("server is unreachable: %s", error)
            if patience.is_over():
                raise UnitFailure("AGENT_LOST", f"The server did not answer: {error}") from error
        orders.halt.wait(pause)
    raise AssertionError("pauses never end")
