"""Answers of the server that the end of a unit depends on."""

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from agent.orders import Orders
from agent.protocol import Answer, Command, Snapshot
from agent.reporter import Reporter
from agent.status import Status
from agent.tests.conftest import until
from agent.tests.server import FakeServer


class SlowClient:
    """A server whose first answer, to go on, arrives only when it may; the next ones are to stop."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.may_arrive = threading.Event()

    def report(self, _snapshot: Snapshot) -> Answer:
        command = Command.STOP if self.asked.is_set() else Command.WAIT
        if command is Command.STOP:
            time.sleep(0.1)
        self.asked.set()
        self.may_arrive.wait(60)
        return Answer(command=command, received_ns=1, sent_ns=1, log_received=0)


def test_an_answer_that_was_under_way_is_not_the_one_to_wait_for(bag: Path) -> None:
    client: Any = SlowClient()
    assignment = FakeServer(bag, {"heartbeat_seconds": 60}).register(None)  # type: ignore[arg-type]
    orders, log = Orders(), SimpleNamespace(read=lambda _offset: "")
    reporter = Reporter(client, Status(1, 0, assignment), orders, log)  # type: ignore[arg-type]
    reporter.start()
    until(client.asked.is_set)
    reasons: list[str] = []
    waiting = threading.Thread(
        target=lambda: (reporter.await_answer(), reasons.append(orders.reason))
    )
    waiting.start()
    until(reporter._wake.is_set)
    client.may_arrive.set()
    waiting.join(60)
    assert reasons == ["stop"]
    reporter.finish()
