"""Recordings that others made, over the transports of ROS 2: what the data hold is played and received."""

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.conf import settings
from msgspec.structs import replace

from agent.protocol import Link, Qos
from agent.tests.conftest import UnitProcess, until
from agent.tests.server import FakeServer, Running
from agent.topic_names import full_name
from robotsim_project.environment import BASE_DIR
from rosbag2.reading.reader import BagReader
from simulations.choices import Transport
from simulations.exceptions import NotStartableError
from simulations.models import Simulation
from simulations.services.designs import mecs
from simulations.services.designs.simulations import StageSpec, create_simulation
from simulations.services.plan import PlanStage
from simulations.services.planning import freeze
from templates.models import Template
from templates.services import templates
from tests.support import ros2
from tests.support.bags import stored_bag
from tests.support.zenoh import Router, close_session, open_session
from tests.support.zenoh import settings as zenoh_settings

BAGS = BASE_DIR.parent / "shared" / "bags"
BUNDLES = sorted(BAGS.glob("ok-*"))
UNDEFINED = {
    "ok-v1-crystal-cdr_test-sqlite": {
        "test_msgs/msg/Primitives",
        "test_msgs/msg/StaticArrayPrimitives",
    },
    "ok-v4-foxy-cdr_test-sqlite-wal": {"test_msgs/msg/BasicTypes", "test_msgs/msg/Arrays"},
}
"""Types of which nobody has a hash: neither the bundle nor a distribution defines them."""
NOTHING_IS_LOST = Qos(history="keep_all")
"""Subscribers that are slow make the agent wait; of what was recorded, DDS may drop some for them."""
AGENT = "/agent_7"

pytestmark = [
    pytest.mark.skipif(not BUNDLES, reason="the folder of recordings is absent"),
    pytest.mark.django_db,
    pytest.mark.usefixtures("own_storage"),
]


@pytest.fixture
def own_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "STORAGE_DIR", tmp_path / "objects")
    monkeypatch.setattr(settings, "DATA_DIR", tmp_path / "data")


@pytest.fixture
def design(tmp_path: Path) -> Any:
    """Factory of simulations that play a bundle, or what can be played of it."""

    def make(bundle: Path, transport: Transport, **more: Any) -> Simulation:
        rosbag = stored_bag(shutil.copytree(bundle, tmp_path / bundle.name))
        template = templates.create(name=bundle.name, rosbag=rosbag, **more)
        mec = mecs.create(slug="here", name="Here", transport=transport, discovery="multicast")
        stages = [StageSpec(template=template, agent_count=1)]
        return create_simulation(name="replay", pattern="sequential", mec=mec, stages=stages)

    return make


def planned(simulation: Simulation) -> PlanStage:
    return freeze(simulation).stages[0]


def counts_of(bundle: Path) -> Counter[str]:
    """Messages in the data, by topic."""
    with BagReader(bundle) as reader:
        return Counter(topic for batch in reader.batches() for _time, topic, _data in batch)


def rate_of(bundle: Path) -> float:
    """The rate that takes about 5 s, or less; 0 for a recording of no duration."""
    with BagReader(bundle) as reader:
        stamps = [time for batch in reader.batches() for time, _topic, _data in batch]
    seconds = (max(stamps) - min(stamps)) / 1e9
    return 0.0 if seconds < 0.1 else max(seconds / 5, 0.1)


@contextmanager
def unit(fake: FakeServer, folder: Path) -> Iterator[UnitProcess]:
    server = Running(fake)
    process = UnitProcess(server.url, folder)
    try:
        yield process
    finally:
        process.process.kill()
        process.process.wait()
        server.stop()


@contextmanager
def over_zenoh(_stage: PlanStage) -> Iterator[tuple[dict[str, Any], Any, Any]]:
    """The link, the condition of being matched, and the counts by topic of what is received."""
    router = Router()
    received: Counter[str] = Counter()
    session = open_session(zenoh_settings("client", **{"connect/endpoints": [router.endpoint]}))
    session.declare_subscriber(
        f"0{AGENT}/**",
        lambda sample: received.update(["/".join(str(sample.key_expr).split("/")[2:-2])]),
    )
    try:
        yield {"transport": "zenoh", "endpoint": router.endpoint}, lambda: True, lambda: received
    finally:
        close_session(session)
        router.close()


@contextmanager
def over_dds(stage: PlanStage) -> Iterator[tuple[dict[str, Any], Any, Any]]:
    """The same of a ROS 2 node in another process."""
    topics = [
        {
            "name": full_name(AGENT, topic.published_name),
            "type": topic.type,
            "hash": topic.type_hash,
            "history": "keep_all",
        }
        for topic in stage.topics
    ]
    with ros2.a_domain() as domain:
        listener = ros2.Listener(domain, topics)
        try:
            yield (
                ros2.link(domain),
                lambda: listener.matched,
                lambda: Counter(
                    {
                        name.removeprefix(f"{AGENT}/"): len(hashes)
                        for name, hashes in listener.received.items()
                    }
                ),
            )
        finally:
            listener.close()


WAYS = {Transport.ZENOH: over_zenoh, Transport.ROS2: over_dds}


def replay(bundle: Path, stage: PlanStage, transport: Transport, folder: Path) -> None:
    """Play the topics of a stage and compare what was published and received with the data."""
    counts = counts_of(bundle)
    wanted = Counter({name: count for name, count in counts.items() if name in stage.topic_names})
    rate = rate_of(bundle)
    topics = [replace(topic, qos=NOTHING_IS_LOST) for topic in stage.topics]
    with WAYS[transport](stage) as (link, is_matched, received):
        assignment = {
            "topics": msgspec.to_builtins(topics),
            "rate": rate,
            "link": msgspec.to_builtins(msgspec.convert(link, Link)),
        }
        fake = FakeServer(bundle, assignment, hold=True)
        with unit(fake, folder / "unit") as process:
            until(lambda: is_matched() or process.process.poll() is not None, 60)
            fake.hold = False
            assert process.wait(120) == 0, fake.log
        assert fake.last.agents[0].published == wanted.total()
        assert fake.last.agents[0].published == stage.messages_a_pass
        if rate:
            arrived = {name.removeprefix("/"): count for name, count in wanted.items()}
            until(lambda: received() == arrived)


@pytest.mark.parametrize("transport", WAYS)
@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda bundle: bundle.name)
def test_a_recording_is_played_and_received(
    bundle: Path, transport: Transport, design: Any, tmp_path: Path
) -> None:
    simulation = design(bundle, transport)
    undefined = UNDEFINED.get(bundle.name, set())
    if undefined and transport == Transport.ZENOH:
        with pytest.raises(NotStartableError) as refusal:
            planned(simulation)
        assert all(name in str(refusal.value) for name in undefined)
        return
    stage = planned(simulation)
    assert {topic.type for topic in stage.topics if not topic.type_hash} == undefined
    assert (stage.left_out, stage.untyped) == ((), {})
    replay(bundle, stage, transport, tmp_path)


def test_definitions_of_a_template_let_a_recording_play(design: Any, tmp_path: Path) -> None:
    """Foxy's recording holds no definitions; a later one of the same types does."""
    bundle = BAGS / "ok-v4-foxy-cdr_test-sqlite-wal"
    with BagReader(BAGS / "ok-v6-cdr_test-mcap") as reader:
        definitions = {topic.type: topic.definition for topic in reader.topics}
    simulation = design(bundle, Transport.ZENOH, definitions=definitions)
    assert Template.objects.get().definitions == definitions
    replay(bundle, planned(simulation), Transport.ZENOH, tmp_path)
