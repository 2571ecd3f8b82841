"""Causes of what happens to units: conditions, states of containers and events as failure codes.

The sentences are those of the cluster.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from agent.protocol import ExitReport, decode
from common.db.text import storable
from simulations.backends.kubernetes.objects import (
    Condition,
    Event,
    KubernetesJob,
    Pod,
    Terminated,
    Waiting,
)
from simulations.choices import FailureCode

MAX_REASON = 1000
"""Characters of a sentence that are kept."""


@dataclass(frozen=True, slots=True)
class Cause:
    """A failure code, and the sentence of the cluster about it."""

    code: str = ""
    reason: str = ""


NOTHING = Cause()
SIGTERM_EXIT = 143

IMAGE_REASONS = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)
STARTING_REASONS = frozenset({"", "ContainerCreating", "PodInitializing"})
"""Reasons of containers that only need more time."""

DISRUPTIONS = {
    "EvictionByEvictionAPI": FailureCode.EVICTED,
    "PreemptionByScheduler": FailureCode.EVICTED,
    "TerminationByKubelet": FailureCode.EVICTED,
    "DeletionByTaintManager": FailureCode.NODE_LOST,
    "DeletionByPodGC": FailureCode.NODE_LOST,
}
"""Codes of the reasons of a pod's condition `DisruptionTarget`."""

POD_REASONS = {
    "Evicted": FailureCode.EVICTED,
    "Preempting": FailureCode.EVICTED,
    "NodeShutdown": FailureCode.EVICTED,
    "Terminated": FailureCode.EVICTED,
    "Shutdown": FailureCode.EVICTED,
    "NodeLost": FailureCode.NODE_LOST,
    "DeadlineExceeded": FailureCode.DEADLINE_EXCEEDED,
    "OutOfcpu": FailureCode.UNSCHEDULABLE,
    "OutOfmemory": FailureCode.UNSCHEDULABLE,
    "OutOfephemeral-storage": FailureCode.UNSCHEDULABLE,
    "OutOfpods": FailureCode.UNSCHEDULABLE,
    "NodeAffinity": FailureCode.UNSCHEDULABLE,
    "UnexpectedAdmissionError": FailureCode.START_FAILED,
}
"""Codes of the reasons that a kubelet gives for a whole pod."""

EXIT_REASONS = {
    "OOMKilled": FailureCode.OUT_OF_MEMORY,
    "StartError": FailureCode.START_FAILED,
    "ContainerCannotRun": FailureCode.START_FAILED,
}
"""Codes of the reasons of an ended container."""

JOB_REASONS = {"DeadlineExceeded": FailureCode.DEADLINE_EXCEEDED}
"""Codes of the reasons for which a whole Job fails."""

VAGUE = frozenset({FailureCode.TERMINATED, FailureCode.AGENT_LOST})
"""Codes that say less than the cause of the whole Job does."""

READ_EVENTS = frozenset({"FailedCreate", "FailedMount", "FailedCreatePodSandBox", "NodeNotReady"})
"""Reasons of the events that are kept."""


def waiting_cause(pod: Pod) -> Cause:
    """Return why a pod does not run yet; NOTHING if it is only starting."""
    scheduled = _condition(pod.status.conditions, "PodScheduled")
    if scheduled is not None and scheduled.status == "False":
        code = FailureCode.UNSCHEDULABLE
        if scheduled.reason == "SchedulingGated":
            code = FailureCode.NOT_ADMITTED
        return _cause(code, scheduled.message)
    for container in pod.status.container_statuses:
        if container.state.waiting is not None:
            cause = _container_cause(container.state.waiting)
            if cause.code:
                return cause
    return NOTHING


def _container_cause(waiting: Waiting) -> Cause:
    if waiting.reason in STARTING_REASONS:
        return NOTHING
    sentence = waiting.message or waiting.reason
    if waiting.reason in IMAGE_REASONS:
        return _cause(FailureCode.IMAGE_PULL_FAILED, sentence)
    if waiting.reason == "CreateContainerConfigError" and _about_secret(sentence):
        return _cause(FailureCode.SECRET_MISSING, sentence)
    return _cause(FailureCode.START_FAILED, sentence)


def failed_cause(pod: Pod) -> Cause:
    """Return why a pod has failed."""
    disrupted = _condition(pod.status.conditions, "DisruptionTarget")
    if disrupted is not None and disrupted.status == "True" and disrupted.reason in DISRUPTIONS:
        sentence = pod.status.message or disrupted.message
        return _cause(DISRUPTIONS[disrupted.reason], sentence)
    if pod.status.reason in POD_REASONS:
        return _cause(POD_REASONS[pod.status.reason], pod.status.message)
    ended = _ended_containers(pod)
    for container in ended:
        if container.reason in EXIT_REASONS:
            return _cause(EXIT_REASONS[container.reason], container.message)
    for container in ended:
        if report := _exit_report(container):
            return report
    told_to_end = pod.metadata.deletion_timestamp is not None
    if told_to_end or any(container.exit_code == SIGTERM_EXIT for container in ended):
        return _cause(FailureCode.TERMINATED, pod.status.message)
    return _cause(FailureCode.AGENT_LOST, pod.status.message)


def _ended_containers(pod: Pod) -> list[Terminated]:
    states = [container.state.terminated for container in pod.status.container_statuses]
    return [state for state in states if state is not None]


def _exit_report(container: Terminated) -> Cause | None:
    """The failure that the agent wrote as the message of its container."""
    try:
        report = decode(container.message, ExitReport)
    except ValueError:
        return None
    return _cause(report.failure, report.text) if report.failure else None


def is_ready(pod: Pod) -> bool:
    """Check whether a pod is ready; a running one that is not has lost its node, or has not started quite."""
    ready = _condition(pod.status.conditions, "Ready")
    return ready is not None and ready.status == "True"


def job_cause(job: KubernetesJob) -> Cause:
    """Return why all pods of a Job end; NOTHING if it goes on, or if only single units failed."""
    for kind in ("FailureTarget", "Failed"):
        condition = _condition(job.status.conditions, kind)
        if condition is not None and condition.status == "True" and condition.reason in JOB_REASONS:
            return _cause(JOB_REASONS[condition.reason], condition.message)
    return NOTHING


def suspended_cause(job: KubernetesJob) -> Cause:
    """Return why a Job makes no pods yet; NOTHING if it is not suspended."""
    if not job.spec.suspend:
        return NOTHING
    suspended = _condition(job.status.conditions, "Suspended")
    return _cause(FailureCode.NOT_ADMITTED, suspended.message if suspended else "")


def has_failed(job: KubernetesJob) -> bool:
    """Check whether a Job as a whole has failed: it makes no more pods."""
    failed = _condition(job.status.conditions, "Failed")
    return failed is not None and failed.status == "True"


def event_cause(event: Event) -> Cause:
    """Return what an event says about its Job or pod; its reason is one of READ_EVENTS."""
    if event.reason == "NodeNotReady":
        return _cause(FailureCode.NODE_LOST, event.message)
    if event.reason == "FailedCreate" and "exceeded quota" in event.message:
        return _cause(FailureCode.QUOTA_EXCEEDED, event.message)
    if event.reason == "FailedMount" and _about_secret(event.message):
        return _cause(FailureCode.SECRET_MISSING, event.message)
    return _cause(FailureCode.START_FAILED, event.message)


def of_job(cause: Cause, job: Cause) -> Cause:
    """Prefer the cause of the whole Job over a cause that only says that a unit ended."""
    return job if job.code and cause.code in VAGUE else cause


def _about_secret(sentence: str) -> bool:
    """Check for `secret "mec" not found`, `references non-existent secret key`, `couldn't find key`."""
    words = sentence.lower()
    return "secret" in words and any(s in words for s in ("not found", "non-existent", "find key"))


def _condition(conditions: Iterable[Condition], kind: str) -> Condition | None:
    return next((condition for condition in conditions if condition.type == kind), None)


def _cause(code: str, sentence: str) -> Cause:
    return Cause(str(code), storable(sentence).strip()[:MAX_REASON])
