"""Units as pods: one Indexed Job for each stage run, which Kubernetes schedules, retries and places.

The cluster holds all state, under names that are the same for every controller: what is to be created and
exists already was created by another controller, or by this one before it was killed.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.utils import timezone

from agent.protocol import Link, ProbeResult
from simulations.backends.base import Capacity, Job, Placement, UnitStatus
from simulations.backends.kubernetes import labels as tags
from simulations.backends.kubernetes import manifests, watching
from simulations.backends.kubernetes.capacity import free_capacity
from simulations.backends.kubernetes.client import BACKGROUND, Cluster, Object, shared_cluster
from simulations.backends.kubernetes.errors import (
    ConflictError,
    NoClusterError,
    NotFoundError,
    PassingError,
)
from simulations.backends.kubernetes.probing import run_probe
from simulations.backends.kubernetes.site import server_address, site
from simulations.exceptions import BackendError

log = structlog.get_logger(__name__)

AT_ONCE = {"gracePeriodSeconds": 0}
ENDED = frozenset({"Succeeded", "Failed"})
KINDS = ("jobs", "secrets")
PARALLEL_CALLS = 8
NODES_AT_ONCE = 32
"""Nodes that are asked at once: one that is lost takes all the time of a call."""
LOG_SIZE = 4096
"""Characters of the end of a unit's output that tell why it never reported."""
PROBE_AGE = timedelta(minutes=5)
"""Age of the Job of a test that nobody waits for any more."""


class KubernetesBackend:
    """The backend `kubernetes`."""

    controller_only = True

    @property
    def _cluster(self) -> Cluster:
        return shared_cluster()

    @property
    def _namespace(self) -> str:
        return str(settings.AGENT_NAMESPACE)

    def launch(self, job: Job) -> str:
        # A pod needs the Secret, and the Secret's owner is the Job. Whatever exists already is kept.
        self._create_secret(job)
        uid = self._create_job(job)
        self._cluster.patch("secrets", self._namespace, job.name, manifests.owner(job, uid))
        return uid

    def observe(self, job: Job, *, retry: bool) -> list[UnitStatus]:
        return watching.shared(self._cluster, self._namespace).observe(job, retry=retry)

    def kill(self, job: Job, units: Collection[int]) -> None:
        wanted = set(units)
        self._kill_pods(
            [pod for pod in self._pods(job.name, tags.identity(job)) if _index(pod) in wanted]
        )

    def on_lost_machines(self, job: Job, units: Collection[int]) -> Mapping[int, str]:
        # Kubernetes itself marks a node after 40 s or more, when a silent unit has been given up.
        newest = _newest_that_ran(self._pods(job.name, tags.identity(job)))
        silent = {unit: newest[unit] for unit in units if unit in newest}
        nodes = {pod["spec"]["nodeName"]: pod["metadata"]["name"] for pod in silent.values()}
        with ThreadPoolExecutor(NODES_AT_ONCE) as pool:
            answers = dict(zip(nodes, pool.map(self._node_answers, nodes.values()), strict=True))
        return {
            unit: f"The node {pod['spec']['nodeName']} does not answer the cluster's API."
            for unit, pod in silent.items()
            if not answers[pod["spec"]["nodeName"]]
        }

    def kept_recording(self, job: Job, unit: int, attempt: int) -> str:
        return ""  # a pod's files go with it

    def remove(self, job: Job, *, keep_recordings: bool = False) -> int:
        return sum(self._remove(kind, job.name, tags.identity(job)) for kind in KINDS)

    def remove_others(self, active: Callable[[], Collection[int]]) -> int:
        jobs, _version = self._cluster.list_raw("jobs", self._namespace, tags.SELECTOR)
        kept = {str(execution) for execution in active()}
        others = [found for found in jobs if _is_ours(found) and _is_over(found, kept)]
        return self._remove_all(others)

    def last_log(self, job: Job, unit: int) -> str:
        pods = self._pods(job.name, tags.identity(job), unit)
        if (newest := _newest_that_ran(pods).get(unit)) is None:
            return ""
        return self._cluster.pod_log(self._namespace, newest["metadata"]["name"])[-LOG_SIZE:]

    def capacity(self) -> Capacity | None:
        try:
            return free_capacity(self._cluster, self._namespace)
        except NoClusterError:
            return None

    def problem(self) -> str:
        return watching.shared(self._cluster, self._namespace).complaint()

    def probe(self, link: Link, placement: Placement, seconds: float) -> ProbeResult:
        return run_probe(self._cluster, self._namespace, link, placement, seconds)

    def _create_secret(self, job: Job) -> None:
        manifest = manifests.secret(job)
        try:
            self._cluster.create("secrets", self._namespace, manifest)
        except ConflictError:
            self._own("secrets", job)
            change = {"stringData": manifest["stringData"]}
            self._cluster.patch("secrets", self._namespace, job.name, change)

    def _create_job(self, job: Job) -> str:
        manifest = manifests.indexed_job(job, site())
        try:
            created = self._cluster.create("jobs", self._namespace, manifest)
        except ConflictError:
            created = self._own("jobs", job)
        return str(created["metadata"]["uid"])

    def _own(self, kind: str, job: Job) -> Object:
        """Return an object that exists already, if it is of this stage run.

        Raises:
            BackendError: It is not.
        """
        found = self._cluster.get(kind, self._namespace, job.name)
        if not tags.has(found, tags.identity(job)):
            one = kind.removesuffix("s")
            message = (
                f"A {one} {job.name} exists that this execution did not create. If nobody needs it, "
                f"remove it: kubectl -n {self._namespace} delete {one} {job.name}"
            )
            raise BackendError(message)
        return found

    def _remove(self, kind: str, name: str, identity: Mapping[str, str]) -> int:
        """Remove an object unless it is another's of the same name; return the number removed."""
        try:
            found = self._cluster.get(kind, self._namespace, name)
            if not tags.has(found, identity):
                return 0
            options = {**BACKGROUND, "preconditions": {"uid": found["metadata"]["uid"]}}
            self._cluster.delete(kind, self._namespace, name, options)
        except (NotFoundError, ConflictError):  # removed, or removed and created again, meanwhile
            return 0
        return 1

    def _remove_all(self, jobs: Iterable[Object]) -> int:
        """Remove Jobs; one that cannot be removed keeps no other."""
        removed, refused = 0, None
        for job in jobs:
            try:
                removed += self._remove_found(job)
            except PassingError:
                raise
            except BackendError as error:
                refused = error
        if refused is not None:
            raise refused
        return removed

    def _remove_found(self, job: Object) -> int:
        """Remove a Job that nobody waits for, with its Secret and the pods that still run."""
        name, identity = job["metadata"]["name"], tags.identity_of(job)
        log.info("job_removed", job=name)
        removed = sum(self._remove(kind, name, identity) for kind in KINDS)
        self._kill_pods(self._pods(name, identity))
        return removed

    def _kill_pods(self, pods: Iterable[Object]) -> None:
        names = [pod["metadata"]["name"] for pod in pods if _may_be_killed(pod)]
        with ThreadPoolExecutor(PARALLEL_CALLS) as pool:
            list(pool.map(self._kill_pod, names))

    def _pods(
        self, job_name: str, identity: Mapping[str, str], unit: int | None = None
    ) -> list[Object]:
        """Return the pods of a Job or of a unit, none of a Job of the same name that is another's."""
        labels = f"{tags.JOB_NAME}={job_name}"
        if unit is not None:
            labels += f",{tags.INDEX}={unit}"
        pods, _version = self._cluster.list_raw("pods", self._namespace, labels)
        return [pod for pod in pods if tags.has(pod, identity)]

    def _node_answers(self, pod: str) -> bool:
        return self._cluster.node_answers(self._namespace, pod)

    def _kill_pod(self, name: str) -> None:
        self._cluster.delete("pods", self._namespace, name, AT_ONCE)


def _index(pod: Object) -> int:
    return int(pod["metadata"]["labels"][tags.INDEX])


def _created(pod: Object) -> str:
    return str(pod["metadata"]["creationTimestamp"])


def _newest_that_ran(pods: Iterable[Object]) -> dict[int, Object]:
    """Return the newest pod of each unit that has begun to run."""
    begun = [pod for pod in pods if _has_run(pod)]
    return {_index(pod): pod for pod in sorted(begun, key=_created)}


def _may_be_killed(pod: Object) -> bool:
    is_being_killed = pod["metadata"].get("deletionGracePeriodSeconds") == 0
    return not is_being_killed and pod["status"].get("phase") not in ENDED


def _has_run(pod: Object) -> bool:
    states = [status.get("state", {}) for status in pod["status"].get("containerStatuses", ())]
    return any("running" in state or "terminated" in state for state in states)


def _is_ours(job: Object) -> bool:
    """Check that a Job is of this installation: another may use the same namespace."""
    return tags.has(job, tags.installation(server_address()))


def _is_over(job: Object, active: Collection[str]) -> bool:
    """Check that the execution of a Job is not active, or that a test of a link has left it."""
    execution = job["metadata"]["labels"].get(tags.EXECUTION)
    if execution is not None:
        return execution not in active
    created = datetime.fromisoformat(job["metadata"]["creationTimestamp"])
    return timezone.now() - created > PROBE_AGE
