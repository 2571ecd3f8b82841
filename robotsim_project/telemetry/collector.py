"""The system's figures in the words of Prometheus; docs/observing.md has the same table for readers."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from django.conf import settings
from django.utils import timezone
from prometheus_client.core import Metric

from robotsim_project.telemetry.statistics import Vitals, vitals
from simulations.choices import ACTIVE, AGENT_ENDED, ENDED, AgentStatus, RecordingStatus, RunStatus
from simulations.services.monitoring.metrics import LiveVitals, RunVitals
from simulations.streaming import hub
from storage.services.maintenance.metrics import StorageStatistics

Sample = tuple[tuple[str, ...], float]
"""Values of the labels, and the figure."""


@dataclass(frozen=True)
class Family:
    """One metric: how it is called, what it means, and where its samples come from."""

    name: str
    about: str
    labels: tuple[str, ...]
    samples: Callable[[Vitals], Iterable[Sample]]
    kind: Literal["gauge", "summary", "info"] = "gauge"

    def metric(self, found: Vitals) -> Metric | None:
        """The metric with its samples; None: nothing is known of it now."""
        told = Metric(self.name, self.about, self.kind)
        suffix = "_info" if self.kind == "info" else ""
        for values, figure in self.samples(found):
            labels = dict(zip(self.labels, values, strict=True))
            told.add_sample(self.name + suffix, labels, figure)
        return told if told.samples else None


def _runs(read: Callable[[RunVitals], Iterable[Sample]]) -> Callable[[Vitals], Iterable[Sample]]:
    return lambda found: read(found.runs) if found.runs else ()


def _live(read: Callable[[LiveVitals], Iterable[Sample]]) -> Callable[[Vitals], Iterable[Sample]]:
    return lambda found: read(found.live) if found.live else ()


def _units(read: Callable[[LiveVitals], Iterable[Sample]]) -> Callable[[Vitals], Iterable[Sample]]:
    """Of what Redis knows only if the database said which units live."""
    return lambda found: read(found.live) if found.live and found.runs else ()


def _stored(
    read: Callable[[StorageStatistics], Iterable[Sample]],
) -> Callable[[Vitals], Iterable[Sample]]:
    return lambda found: read(found.storage) if found.storage else ()


def _age(since: float | None) -> Iterator[Sample]:
    if since is not None:
        yield (), max(0.0, timezone.now().timestamp() - since)


def _filled(counts: dict[str, int], names: Iterable[str]) -> Iterator[Sample]:
    """All states, also those that nothing is in: a line that is not there looks like an outage."""
    for name in sorted({str(name) for name in names} | set(counts)):
        yield (name,), counts.get(name, 0)


def _states(runs: RunVitals) -> Iterator[Sample]:
    counts: Counter[str] = Counter()
    for status, _code, count in runs.executions:
        counts[status] += count
    return _filled(counts, ACTIVE | ENDED - {RunStatus.SKIPPED})


def _quantiles(found: dict[float, float]) -> Iterator[Sample]:
    for quantile, value in found.items():
        yield (f"{quantile:g}",), value


def _ended(runs: RunVitals) -> Iterator[Sample]:
    for status, code, count in runs.executions:
        if status in ENDED:
            yield (status, code), count


FAMILIES = (
    Family(
        "robotsim_build",
        "The version of this server.",
        ("version",),
        lambda _found: [((settings.VERSION,), 1)],
        kind="info",
    ),
    Family(
        "robotsim_up",
        "Whether a part answers: 1, or 0.",
        ("part",),
        lambda found: [((part,), float(up)) for part, up in sorted(found.up.items())],
    ),
    Family(
        "robotsim_executions",
        "Executions in the database, by status.",
        ("status",),
        _runs(_states),
    ),
    Family(
        "robotsim_executions_ended",
        "Executions in the database that have ended, by outcome and failure code.",
        ("outcome", "failure_code"),
        _runs(_ended),
    ),
    Family(
        "robotsim_agents",
        "Agents that have registered and not ended, by status.",
        ("status",),
        _runs(lambda runs: _filled(runs.agents, set(AgentStatus) - AGENT_ENDED)),
    ),
    Family(
        "robotsim_units",
        "Units with such agents.",
        (),
        _runs(lambda runs: [((), runs.units)]),
    ),
    Family(
        "robotsim_oldest_heartbeat_age_seconds",
        "How long the unit that is silent for longest has not been heard; absent while no unit lives.",
        (),
        _units(lambda live: _age(live.heard_at)),
    ),
    Family(
        "robotsim_snapshots",
        "Snapshots of units that run: those that came and those that were made and did not come.",
        ("result",),
        _units(lambda live: [(("received",), live.received), (("lost",), live.lost)]),
    ),
    Family(
        "robotsim_controller_last_pass_age_seconds",
        "How long ago a controller went over all executions; absent when none did within a day.",
        (),
        _live(lambda live: _age(live.controller_at)),
    ),
    Family(
        "robotsim_backup_age_seconds",
        "How long ago the last whole backup was made; absent when none is known.",
        (),
        _live(lambda live: _age(live.backup_at)),
    ),
    Family(
        "robotsim_tasks",
        "Background tasks that wait or run, by task and status.",
        ("task", "status"),
        _runs(lambda runs: [((each.task, each.status), each.count) for each in runs.tasks]),
    ),
    Family(
        "robotsim_tasks_oldest_age_seconds",
        "How long the oldest of these waits or runs.",
        ("task", "status"),
        _runs(
            lambda runs: [
                ((each.task, each.status), age)
                for each in runs.tasks
                for _none, age in _age(each.since)
            ]
        ),
    ),
    Family(
        "robotsim_recent_executions",
        "Executions that were asked for in the last hour and released; the next three are taken of them.",
        (),
        _runs(lambda runs: [((), runs.recent)]),
    ),
    Family(
        "robotsim_start_latency_seconds",
        "From the request of a start to the common release.",
        ("quantile",),
        _runs(lambda runs: _quantiles(runs.start_latency)),
        kind="summary",
    ),
    Family(
        "robotsim_lateness_p99_seconds",
        "From due to handed to the transport: the p99 of the worst agent of each execution that has ended.",
        ("quantile",),
        _runs(lambda runs: _quantiles(runs.lateness)),
        kind="summary",
    ),
    Family(
        "robotsim_start_skew_seconds",
        "First publication minus release: of the worst agent of each execution that has ended.",
        ("quantile",),
        _runs(lambda runs: _quantiles(runs.start_skew)),
        kind="summary",
    ),
    Family(
        "robotsim_recordings",
        "Expected recordings of executions that run or were asked for in the last day, by status.",
        ("status",),
        _runs(lambda runs: _filled(runs.recordings, RecordingStatus)),
    ),
    Family(
        "robotsim_rosbags",
        "Rosbags in the database, by origin and status; `deleted` waits to be purged.",
        ("origin", "status"),
        _stored(lambda kept: [((r.origin, r.status), r.count) for r in kept.rosbags]),
    ),
    Family(
        "robotsim_rosbags_size_bytes",
        "Size of these rosbags.",
        ("origin", "status"),
        _stored(lambda kept: [((r.origin, r.status), r.size) for r in kept.rosbags]),
    ),
    Family(
        "robotsim_rosbags_in_verification",
        "Rosbags that a worker is verifying now.",
        (),
        _stored(lambda kept: [((), kept.verifying)]),
    ),
    Family(
        "robotsim_upload_sessions",
        "Uploads in parts that are open.",
        (),
        _stored(lambda kept: [((), kept.sessions)]),
    ),
    Family(
        "robotsim_stream_watchers",
        "Streams of executions that this process has open.",
        (),
        lambda _found: [((), hub.watchers())],
    ),
)


class SystemCollector:
    """Tells the figures of the whole system each time that it is asked."""

    def collect(self) -> Iterator[Metric]:
        """The metrics of which something is known."""
        found = vitals()
        for family in FAMILIES:
            metric = family.metric(found)
            if metric is not None:
                yield metric
