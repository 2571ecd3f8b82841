"""Manifests of units; `make check` validates them against the schemas of Kubernetes."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from agent.protocol import Link
from simulations.backends.base import Job, Placement, Resources, Toleration
from simulations.backends.kubernetes.manifests import indexed_job, probe_job, secret
from simulations.backends.kubernetes.pods import Site

SITE = Site(pull_policy="Never", queue="", disk_mib=1024, upload_seconds=600)
JOB = Job(
    execution=7,
    stage_run=9,
    units=40,
    retries=2,
    token="the-token",  # noqa: S106
    server="http://server/api/v1",
    image="agent:1",
    requested="2026-01-01T00:00:00",
)


def pod(job: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = job["spec"]["template"]["spec"]
    return spec


def test_kubernetes_alone_retries_and_only_the_controller_judges() -> None:
    spec = indexed_job(JOB, SITE)["spec"]
    assert (spec["completions"], spec["parallelism"]) == (40, 40)
    assert spec["backoffLimitPerIndex"] == 2
    assert pod({"spec": spec})["restartPolicy"] == "Never"
    assert spec["podReplacementPolicy"] == "Failed"
    rules = {rule["action"]: rule for rule in spec["podFailurePolicy"]["rules"]}
    assert rules["Ignore"]["onPodConditions"][0]["type"] == "DisruptionTarget"
    assert rules["FailIndex"]["onExitCodes"]["values"] == [2]
    assert not {"successPolicy", "maxFailedIndexes", "backoffLimit"} & set(spec)


def test_a_unit_holds_its_token_and_no_other_key() -> None:
    job = indexed_job(JOB, SITE)
    assert b"the-token" not in msgspec.json.encode(job)
    assert secret(JOB)["stringData"] == {"token": "the-token"}
    (container,) = pod(job)["containers"]
    assert {row["name"] for row in container["env"]} == {
        *("ROBOTSIM_SERVER", "ROBOTSIM_TOKEN", "ROBOTSIM_STAGE_RUN", "ROBOTSIM_UNIT"),
        *("ROBOTSIM_PROCESS", "ROBOTSIM_WORK_DIR", "ROBOTSIM_BAG_CACHE"),
        *("ROBOTSIM_TERMINATION_LOG", "MEC_SECRETS_DIR"),
    }
    assert "envFrom" not in container


def test_everything_of_an_execution_has_its_label() -> None:
    job = indexed_job(JOB, SITE)
    for metadata in (
        job["metadata"],
        job["spec"]["template"]["metadata"],
        secret(JOB)["metadata"],
    ):
        assert metadata["labels"]["robotsim.io/execution"] == "7"
        assert metadata["labels"]["robotsim.io/stage-run"] == "9"


def test_resources_are_of_one_unit() -> None:
    job = replace(JOB, resources=Resources(cpu=250, cpu_limit=2000, memory=256, memory_limit=512))
    (container,) = pod(indexed_job(job, SITE))["containers"]
    assert container["resources"] == {
        "requests": {"cpu": "250m", "memory": "256Mi", "ephemeral-storage": "288Mi"},
        "limits": {"cpu": "2000m", "memory": "512Mi", "ephemeral-storage": "1152Mi"},
    }
    work, _tmp = pod(indexed_job(job, SITE))["volumes"]
    assert work["emptyDir"] == {"sizeLimit": "1024Mi"}


PLACEMENT = Placement({"site": "north"}, (Toleration("robots", "Exists", effect="NoExecute"),))
LINK = Link(transport="zenoh", secret="site-7")  # noqa: S106  a name


@pytest.mark.parametrize(
    "job",
    [
        indexed_job(replace(JOB, placement=PLACEMENT), SITE),
        probe_job("probe-0", LINK, PLACEMENT, "agent:1", "", SITE),
    ],
)
def test_units_and_tests_run_where_the_mec_says(job: dict[str, Any]) -> None:
    spec = pod(job)
    assert spec["nodeSelector"] == {"site": "north"}
    assert spec["tolerations"] == [{"key": "robots", "operator": "Exists", "effect": "NoExecute"}]


@pytest.mark.parametrize(
    "job",
    [
        indexed_job(replace(JOB, secret="site-7"), SITE),  # noqa: S106
        probe_job("probe-0", LINK, PLACEMENT, "agent:1", "", SITE),
    ],
)
def test_the_secret_of_the_mec_is_a_folder(job: dict[str, Any]) -> None:
    mounts = {mount["name"]: mount for mount in pod(job)["containers"][0]["volumeMounts"]}
    variables = {row["name"]: row.get("value") for row in pod(job)["containers"][0]["env"]}
    assert mounts["mec"]["mountPath"] == f"{variables['MEC_SECRETS_DIR']}/site-7"
    assert mounts["mec"]["readOnly"]


def test_a_unit_that_has_to_end_may_upload_what_it_recorded() -> None:
    assert pod(indexed_job(JOB, SITE))["terminationGracePeriodSeconds"] > SITE.upload_seconds


def test_a_limit_of_time_is_in_whole_seconds() -> None:
    assert "activeDeadlineSeconds" not in indexed_job(JOB, SITE)["spec"]
    limited = replace(JOB, max_seconds=90.2)
    assert indexed_job(limited, SITE)["spec"]["activeDeadlineSeconds"] == 91


def test_a_queue_admits_the_job() -> None:
    job = indexed_job(JOB, replace(SITE, queue="robots"))
    assert job["spec"]["suspend"] is True
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "robots"
    assert "suspend" not in indexed_job(JOB, SITE)["spec"]
