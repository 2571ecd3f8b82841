"""A run whose router is killed for a while: what did not arrive is told, and decides."""

from collections.abc import Iterator

import pytest

from simulations.models import AgentRun, Event, Recording
from simulations.services.designs import mecs
from simulations.services.designs.simulations import StageSpec, create_simulation
from simulations.services.progress.progress import progress_of
from simulations.services.runs import lifecycle
from simulations.tests.conftest import ended, until
from simulations.tests.processes import System
from templates.models import Template
from tests.support.zenoh import Router

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def router() -> Iterator[Router]:
    router = Router()
    yield router
    router.close()


def test_lost_messages_fail_a_stage_that_allows_none(
    system: System, template: Template, router: Router
) -> None:
    mec = mecs.ensure("site", name="Site", transport="zenoh-raw", endpoint=router.endpoint)
    stages = [
        StageSpec(template, 1, repeat_count=10),
        StageSpec(template, 1, repeat_count=10, lost_messages_allowed=1000),
    ]
    simulation = create_simulation(name="drive", pattern="parallel", mec=mec, stages=stages)
    system.controller()
    execution = lifecycle.start(simulation)
    until(lambda: AgentRun.objects.filter(status="RUNNING").count() == 2)
    router.interrupt("killed")
    until(lambda: Event.objects.filter(kind="link.lost").count() == 2)
    assert all(outage.ended_at is None for outage in progress_of(execution).outages)
    router.resume("killed")
    until(lambda: Event.objects.filter(kind="link.restored").count() == 2)
    ended(execution)
    assert (execution.status, execution.failure_code) == ("FAILED", "TRANSPORT_LOST")
    strict, lenient = AgentRun.objects.order_by("stage_run__position")
    assert (strict.status, lenient.status) == ("FAILED", "COMPLETED")
    assert strict.messages_undelivered > 0
    assert f"{strict.messages_undelivered} messages may not have arrived" in execution.failure_text
    total = strict.messages_undelivered + lenient.messages_undelivered
    assert progress_of(execution).messages_undelivered == total
    recordings = set(Recording.objects.values_list("status", flat=True))
    assert recordings == {"STORED"}
    assert all(
        "may be missing" in text for text in Recording.objects.values_list("text", flat=True)
    )
