"""Tests of links to ROS 2."""

import json

from agent.protocol import ProbeCode
from agent.tests.conftest import until
from agent.tests.ros2.conftest import subscription
from agent.tests.test_probe import run
from tests.support.ros2 import link


def test_nodes_are_found_and_named(domain, listen):
    listener = listen(subscription("/odom", 1))
    until(lambda: listener.publishers)
    code, result = run(json.dumps(link(domain)))
    assert (code, result.code, result.detail) == (0, ProbeCode.PEER_FOUND, "/listener")


def test_nobody_is_found(domain):
    code, result = run(json.dumps(link(domain)))
    assert (code, result.code) == (1, ProbeCode.NO_PEER)
    assert f"domain {domain}" in result.detail


def test_a_peer_whose_name_is_unknown(domain):
    unknown = link(domain) | {"addresses": ["no-such-host.invalid"]}
    code, result = run(json.dumps(unknown))
    assert (code, result.code) == (1, ProbeCode.NAME_UNKNOWN)
