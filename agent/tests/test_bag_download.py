"""Download of the bag: damaged files, an unreachable storage, invalid bags, the cache."""

from agent.tests.conftest import MESSAGES
from agent.tests.server import FakeServer


def test_a_damaged_file_is_downloaded_again(bag, serve, start):
    fake = FakeServer(bag)
    fake.damage["metadata.yaml"] = 1
    unit = start(serve(fake))
    assert unit.wait() == 0
    assert fake.downloads.count("metadata.yaml") == 2
    assert fake.last.agents[0].published == MESSAGES


def test_damaged_twice_it_fails_and_nothing_is_played(bag, serve, start):
    fake = FakeServer(bag)
    fake.damage["metadata.yaml"] = 99
    unit = start(serve(fake))
    assert unit.wait() == 1
    assert fake.last.final
    assert fake.last.agents[0].state == "FAILED"
    assert fake.last.agents[0].published == 0
    assert fake.last.failure.code == "BAG_DOWNLOAD_FAILED"
    assert "metadata.yaml" in fake.last.failure.text
    assert unit.exit["failure"] == "BAG_DOWNLOAD_FAILED"
    assert fake.downloads.count("metadata.yaml") == 2


def test_a_refused_address_fails(bag, serve, start):
    fake = FakeServer(bag, refuse={"download": [(403, "EXPIRED")]})
    unit = start(serve(fake))
    assert unit.wait() == 1
    assert fake.last.failure.code == "BAG_DOWNLOAD_FAILED"


def test_a_download_is_retried(bag, serve, start):
    fake = FakeServer(bag, refuse={"download": [(503, "AWAY")]})
    unit = start(serve(fake))
    assert unit.wait() == 0


def test_the_cache_is_verified_and_used(bag, serve, start):
    fake = FakeServer(bag)
    server = serve(fake)
    assert start(server).wait() == 0
    unit = start(server)
    assert unit.wait() == 0
    assert len(fake.downloads) == len(fake.files())
    cached = next((unit.work_dir / "bags").glob("*/metadata.yaml"))
    cached.write_text("damaged")
    assert start(server).wait() == 0
    assert len(fake.downloads) == len(fake.files()) + 1
    assert cached.read_bytes() == (bag / "metadata.yaml").read_bytes()


def test_an_invalid_bag_is_not_retried(bag, serve, start):
    (bag / "metadata.yaml").write_text("nothing: here\n")
    fake = FakeServer(bag)
    unit = start(serve(fake))
    assert unit.wait() == 2
    assert fake.last.failure.code == "BAG_INVALID"


def test_a_topic_that_the_bag_lacks_fails_for_good(bag, serve, start):
    fake = FakeServer(bag, {"topics": ["/odom", "/nowhere"]})
    unit = start(serve(fake))
    assert unit.wait() == 2
    assert fake.last.failure.code == "BAG_INVALID"
    assert "/nowhere" in fake.last.failure.text


def test_a_file_outside_the_bag_is_refused(bag, serve, start, tmp_path):
    files = [{"path": "../evil", "size": 1, "sha256": "0" * 64, "url": "/files/x?signature=x"}]
    fake = FakeServer(bag, {"bag": files})
    unit = start(serve(fake))
    assert unit.wait() == 2
    assert fake.last.failure.code == "BAG_INVALID"
    assert not list(tmp_path.rglob("evil"))
