"""Causes: the cluster's conditions, states and events become failure codes, with its own sentence."""

from typing import Any

import pytest

from simulations.backends.kubernetes.records import event_record, pod_record
from simulations.tests.cluster_objects import ended, event, pod, waits

NO_NODE = "0/3 nodes are available: 3 Insufficient cpu."
LIMIT = 'Usage of EmptyDir volume "work" exceeds the limit "64Mi".'
UNKNOWN = 'secret "mec-lab" not found'
QUOTA = 'pods "execution-1-stage-2-7-x" is forbidden: exceeded quota: agents, requested: cpu=1'
LIMITS = 'pods "x" is forbidden: maximum cpu usage per Container is 1, but limit is 2'
LEVEL = 'pods "x" is forbidden: violates PodSecurity "restricted:latest": seccompProfile'
REPORT = '{"attempt":1,"code":2,"failure":"BAG_INVALID","text":"The bag has no topic."}'
TERMINATED = '{"attempt":1,"code":143,"failure":"TERMINATED","text":"It was told to end."}'


@pytest.mark.parametrize(
    ("reason", "message", "code"),
    [
        ("ErrImagePull", "not found", "IMAGE_PULL_FAILED"),
        ("ImagePullBackOff", 'Back-off pulling image "a:1"', "IMAGE_PULL_FAILED"),
        ("InvalidImageName", "couldn't parse image name", "IMAGE_PULL_FAILED"),
        ("ErrImageNeverPull", "is not present with pull policy of Never", "IMAGE_PULL_FAILED"),
        ("CreateContainerConfigError", UNKNOWN, "SECRET_MISSING"),
        (
            "CreateContainerConfigError",
            "couldn't find key token in Secret robot-agents/mec-lab",
            "SECRET_MISSING",
        ),
        (
            "CreateContainerConfigError",
            "container has runAsNonRoot and image will run as root",
            "START_FAILED",
        ),
        ("CreateContainerError", "no space left on device", "START_FAILED"),
        ("ContainerCreating", "", ""),
        ("PodInitializing", "", ""),
    ],
)
def test_a_container_that_cannot_start(reason: str, message: str, code: str) -> None:
    record = pod_record(pod("a", 0, "Pending", state=waits(reason, message)))
    assert record is not None
    assert record.cause.code == code
    assert record.cause.reason == message


def test_no_node_has_room() -> None:
    record = pod_record(pod("a", 0, "Pending", PodScheduled=("Unschedulable", NO_NODE)))
    assert record is not None
    assert (record.cause.code, record.cause.reason) == ("UNSCHEDULABLE", NO_NODE)


@pytest.mark.parametrize(
    ("failed", "code", "reason"),
    [
        (pod("a", 0, "Failed", state=ended(137, "OOMKilled")), "OUT_OF_MEMORY", ""),
        (
            pod(
                "a",
                0,
                "Failed",
                state=ended(143, message=TERMINATED),
                DisruptionTarget=("EvictionByEvictionAPI", "Eviction API: evicting"),
            ),
            "EVICTED",
            "Eviction API: evicting",
        ),
        (
            pod("a", 0, "Failed", DisruptionTarget=("PreemptionByScheduler", "preempted")),
            "EVICTED",
            "preempted",
        ),
        (
            pod("a", 0, "Failed", DisruptionTarget=("TerminationByKubelet", "node shutdown")),
            "EVICTED",
            "node shutdown",
        ),
        (
            pod("a", 0, "Failed", status={"reason": "Evicted", "message": LIMIT}),
            "EVICTED",
            LIMIT,
        ),
        (
            pod("a", 0, "Failed", DisruptionTarget=("DeletionByTaintManager", "NoExecute taint")),
            "NODE_LOST",
            "NoExecute taint",
        ),
        (pod("a", 0, "Failed", status={"reason": "NodeLost"}), "NODE_LOST", ""),
        (
            pod("a", 0, "Failed", status={"reason": "OutOfcpu", "message": "Node has no cpu"}),
            "UNSCHEDULABLE",
            "Node has no cpu",
        ),
        (
            pod("a", 0, "Failed", state=ended(2, message=REPORT)),
            "BAG_INVALID",
            "The bag has no topic.",
        ),
        (
            pod("a", 0, "Failed", state=ended(143, message=TERMINATED)),
            "TERMINATED",
            "It was told to end.",
        ),
        (
            pod("a", 0, "Failed", state=ended(137, "OOMKilled", "the\0 end")),
            "OUT_OF_MEMORY",
            "the end",
        ),
        (pod("a", 0, "Failed", state=ended(143)), "TERMINATED", ""),
        (pod("a", 0, "Failed", state=ended(137), grace=0), "TERMINATED", ""),
        (
            pod("a", 0, "Failed", state=ended(128, "StartError", 'exec: "python3": not found')),
            "START_FAILED",
            'exec: "python3": not found',
        ),
        (pod("a", 0, "Failed", state=ended(139, message="Segmentation fault")), "AGENT_LOST", ""),
    ],
)
def test_a_pod_that_failed(failed: dict[str, Any], code: str, reason: str) -> None:
    record = pod_record(failed)
    assert record is not None
    assert (record.cause.code, record.cause.reason) == (code, reason)


@pytest.mark.parametrize(
    ("reason", "message", "code"),
    [
        ("FailedCreate", f"Error creating: {QUOTA}", "QUOTA_EXCEEDED"),
        ("FailedCreate", f"Error creating: {LIMITS}", "START_FAILED"),
        ("FailedCreate", f"Error creating: {LEVEL}", "START_FAILED"),
        ("FailedMount", f"MountVolume.SetUp failed for volume: {UNKNOWN}", "SECRET_MISSING"),
        ("FailedMount", "MountVolume.SetUp failed: no space left", "START_FAILED"),
        ("NodeNotReady", "Node is not ready", "NODE_LOST"),
    ],
)
def test_an_event(reason: str, message: str, code: str) -> None:
    record = event_record(event("uid", reason, message))
    assert record is not None
    assert (record.cause.code, record.cause.reason) == (code, message)


def test_other_events_and_pods_of_nobody_are_dropped() -> None:
    assert event_record(event("uid", "BackOff", "Back-off pulling image")) is None
    assert pod_record({"metadata": {"uid": "a"}, "status": {"phase": "Running"}}) is None
