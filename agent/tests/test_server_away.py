"""A server that is unreachable, or refuses requests."""

import pytest

from agent.tests.conftest import MESSAGES, until
from agent.tests.server import FakeServer


def test_agents_go_on_while_the_server_is_unreachable(bag, serve, start):
    record = [{"name": "/odom", "type": "x/msg/Y"}]
    fake = FakeServer(bag, {"passes": 2, "rate": 0.25, "record": record})
    server = serve(fake)
    unit = start(server)
    until(lambda: fake.snapshots and fake.last.agents[0].published > 0)
    server.stop()
    until(lambda: '"event":"uploading"' in (unit.work_dir / "unit.log").read_text())
    assert fake.last.agents[0].published < 2 * MESSAGES
    server.start()
    assert unit.wait() == 0
    assert fake.last.final
    assert fake.last.agents[0].published == 2 * MESSAGES
    assert fake.recorded.total() == MESSAGES


def test_registration_waits_for_an_unreachable_server(bag, serve, start):
    fake = FakeServer(bag)
    server = serve(fake)
    server.stop()
    unit = start(server)
    log = unit.work_dir / "unit.log"
    until(lambda: log.exists() and "server is unreachable" in log.read_text())
    server.start()
    assert unit.wait() == 0
    assert fake.last.agents[0].published == MESSAGES


def test_registration_is_retried_after_server_errors(bag, serve, start):
    fake = FakeServer(bag, refuse={"register": [(503, "AWAY"), (500, "")]})
    assert start(serve(fake)).wait() == 0


@pytest.mark.parametrize("status", [401, 403, 409, 422])
def test_a_refused_registration_is_final(bag, serve, start, status):
    fake = FakeServer(bag, refuse={"register": [(status, "NO")]})
    unit = start(serve(fake))
    assert unit.wait() == 2
    assert unit.exit["code"] == 2
    assert fake.snapshots == []


def test_repeatedly_refused_reports_end_the_unit(bag, serve, start):
    fake = FakeServer(bag, {"passes": 1_000_000})
    unit = start(serve(fake))
    until(lambda: fake.snapshots and fake.last.agents[0].published > 0)
    fake.refuse["report"] = [(404, "UNKNOWN_UNIT")] * 99
    assert unit.wait() == 2


def test_answers_of_a_proxy_are_no_refusals(bag, serve, start):
    refusals = [(404, ""), (403, "")] * 4
    fake = FakeServer(bag, refuse={"register": refusals[:2], "report": refusals})
    assert start(serve(fake)).wait() == 0
    assert fake.last.agents[0].published == MESSAGES
