"""The program of a unit: take the name, register, carry the assignment out, leave a last word."""

import logging
import os
import signal
import socket
import sys
import threading
import time
from types import FrameType

from agent.attempt import Attempt
from agent.backoff import pauses
from agent.client import Client, Refused, ServerAway
from agent.failures import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_POINTLESS,
    EXIT_TAKEN,
    Halted,
    UnitFailure,
)
from agent.orders import Orders
from agent.protocol import PROTOCOL, Assignment, Registration
from agent.settings import Settings, UnknownUnit
from agent.work_dir import LastWord, Taken, UnitLog, WorkDir

AWAY_SECONDS = 600.0

log = logging.getLogger(__name__)


def main() -> int:
    """Run one unit; the answer is its exit code."""
    try:
        settings = Settings.from_environment()
    except UnknownUnit as error:
        sys.stderr.write(f"{error} The backend sets these for each unit it starts.\n")
        return EXIT_POINTLESS
    try:
        work_dir = WorkDir(settings.work_dir)
    except Taken:
        return EXIT_TAKEN
    unit_log = UnitLog(settings.work_dir)
    orders = Orders()

    def stop(_number: int, _frame: FrameType | None) -> None:
        # By a thread: the main thread may hold the very lock that `stop` needs.
        threading.Thread(target=orders.stop, args=("terminated",), daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    word = live(settings, orders, unit_log)
    log.info("exit %d %s", word.code, word.failure)
    work_dir.say_last(word)
    return word.code


def live(settings: Settings, orders: Orders, unit_log: UnitLog) -> LastWord:
    """From registration to the end; the answer is what `exit.json` is to say."""
    client = Client(settings.server, settings.token)
    try:
        assignment = register(client, settings, orders)
        return Attempt(settings, assignment, client, orders, unit_log).run()
    except Halted:
        return LastWord(0, EXIT_DONE)
    except UnitFailure as failure:
        log.warning("failed: %s %s", failure.code, failure)
        return LastWord(0, failure.exit_code, failure.code)
    except Exception:
        log.exception("crashed")
        return LastWord(0, EXIT_FAILED, "AGENT_CRASHED")


def register(client: Client, settings: Settings, orders: Orders) -> Assignment:
    """Register, however long the server is away, up to ten minutes. Raises Halted, UnitFailure."""
    registration = Registration(
        protocol=PROTOCOL,
        stage_run=settings.stage_run,
        unit=settings.unit,
        host=socket.gethostname(),
        pid=os.getpid(),
    )
    deadline = time.monotonic() + AWAY_SECONDS
    for pause in pauses():
        if orders.halt.is_set():
            raise Halted
        try:
            return client.register(registration)
        except Refused as error:
            code = "SUPERSEDED" if error.superseded else "REGISTRATION_REFUSED"
            raise UnitFailure(code, str(error), exit_code=EXIT_POINTLESS) from error
        except ServerAway as error:
            log.warning("server is away: %s", error)
            if time.monotonic() > deadline:
                raise UnitFailure("AGENT_LOST", f"The server never answered: {error}") from error
        orders.halt.wait(pause)
    raise AssertionError("pauses never end")
