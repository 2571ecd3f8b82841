"""The program of a unit: lock the work folder, register, run the assignment, write the exit report."""

import logging
import os
import signal
import socket
import sys
import threading
import uuid
from types import FrameType

from agent.attempt import Attempt
from agent.backoff import Patience, pauses
from agent.client import Client, RequestRefused, ServerUnreachable
from agent.failures import (
    EXIT_ALREADY_RUNNING,
    EXIT_FAILED,
    EXIT_NO_RETRY,
    EXIT_OK,
    Halted,
    UnitFailure,
)
from agent.orders import Orders
from agent.protocol import PROTOCOL, Assignment, Registration
from agent.settings import Settings, SettingsError
from agent.work_dir import AlreadyRunning, ExitReport, UnitLog, WorkDir

MAX_UNREACHABLE_SECONDS = 600.0

log = logging.getLogger(__name__)


def main() -> int:
    """Run one unit.

    Returns:
        Exit code.
    """
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        sys.stderr.write(f"{error} The backend sets these for each unit it starts.\n")
        return EXIT_NO_RETRY
    try:
        work_dir = WorkDir(settings.work_dir)
    except AlreadyRunning:
        return EXIT_ALREADY_RUNNING
    unit_log = UnitLog(settings.work_dir)
    orders = Orders()

    def stop(_number: int, _frame: FrameType | None) -> None:
        # In a thread: the main thread may hold the lock that `stop` needs.
        threading.Thread(target=orders.stop, args=("terminated",), daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    report = run_unit(settings, orders, unit_log)
    log.info("exit %d %s", report.code, report.failure)
    work_dir.write_exit(report)
    return report.code


def run_unit(settings: Settings, orders: Orders, unit_log: UnitLog) -> ExitReport:
    """Register and run the assignment.

    Returns:
        Content of `exit.json`.
    """
    client = Client(settings.server, settings.token)
    try:
        assignment = register(client, settings, orders)
        return Attempt(settings, assignment, client, orders, unit_log).run()
    except Halted:
        return ExitReport(0, EXIT_OK)
    except UnitFailure as failure:
        log.warning("failed: %s %s", failure.code, failure)
        return ExitReport(0, failure.exit_code, failure.code)
    except Exception:
        log.exception("crashed")
        return ExitReport(0, EXIT_FAILED, "AGENT_CRASHED")


def register(client: Client, settings: Settings, orders: Orders) -> Assignment:
    """Register, with retries for ten minutes while the server is unreachable.

    Raises:
        Halted: A stop came first.
        UnitFailure: Refused, or the server did not answer.
    """
    registration = Registration(
        protocol=PROTOCOL,
        stage_run=settings.stage_run,
        unit=settings.unit,
        host=socket.gethostname(),
        pid=os.getpid(),
        process=uuid.uuid4().hex,
    )
    patience = Patience(MAX_UNREACHABLE_SECONDS)
    for pause in pauses():
        if orders.halt.is_set():
            raise Halted
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
