"""The Prometheus metrics of the whole system; docs/observing.md has the same table for readers."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from django.conf import settings
from django.utils import timezone
from prometheus_client.core import Metric

from robotsim_project.telemetry.statistics import SystemStatistics, system_statistics
from simulations.choices import ACTIVE, AGENT_ENDED, ENDED, AgentStatus, RecordingStatus, RunStatus
from simulations.services.monitoring.metrics import LiveStatistics, RunStatistics
from simulations.streaming import hub
from storage.services.maintenance.metrics import StorageStatistics

Sample = tuple[tuple[str, ...], float]
"""Values of the labels, and the value of the sample."""


@dataclass(frozen=True)
class Family:
    """One metric: name, help text, labels, and a function that returns its samples."""

    name: str
    help: str
    labels: tuple[str, ...]
    samples: Callable[[SystemStatistics], Iterable[Sample]]
    kind: Literal["gauge", "summary", "info"] = "gauge"

    def metric(self, statistics: SystemStatistics) -> Metric | None:
        """Return the metric with its samples, or None when there are no samples."""
        metric = Metric(self.name, self.help, self.kind)
        suffix = "_info" if self.kind == "info" else ""
        for values, value in self.samples(statistics):
            labels = dict(zip(self.labels, values, strict=True))
            metric.add_sample(self.name + suffix, labels, value)
        return metric if metric.samples else None


def _runs(
    read: Callable[[RunStatistics], Iterable[Sample]],
) -> Callable[[SystemStatistics], Iterable[Sample]]:
    return lambda statistics: read(statistics.runs) if statistics.runs else ()


def _live(
    read: Callable[[LiveStatistics], Iterable[Sample]],
) -> Callable[[SystemStatistics], Iterable[Sample]]:
    return lambda statistics: read(statistics.live) if statistics.live else ()


def _units(
    read: Callable[[LiveStatistics], Iterable[Sample]],
) -> Callable[[SystemStatistics], Iterable[Sample]]:
    """Read from Redis, only if the database has said which units are running."""
    return lambda statistics: read(statistics.live) if statistics.live and statistics.runs else ()


def _stored(
    read: Callable[[StorageStatistics], Iterable[Sample]],
) -> Callable[[SystemStatistics], Iterable[Sample]]:
    return lambda statistics: read(statistics.storage) if statistics.storage else ()


def _age(since: float | None) -> Iterator[Sample]:
    if since is not None:
        yield (), max(0.0, timezone.now().timestamp() - since)


def _filled(counts: dict[str, int], names: Iterable[str]) -> Iterator[Sample]:
    """Yield a sample for every name, also those without a count: a missing series looks like an outage."""
    for name in sorted({str(name) for name in names} | set(counts)):
        yield (name,), counts.get(name, 0)


def _states(runs: RunStatistics) -> Iterator[Sample]:
    counts: Counter[str] = Counter()
    for status, _code, count in runs.executions:
        counts[status] += count
    return _filled(counts, ACTIVE | ENDED - {RunStatus.SKIPPED})


def _quantiles(values: dict[float, float]) -> Iterator[Sample]:
    for quantile, value in values.items():
        yield (f"{quantile:g}",), value


def _ended(runs: RunStatistics) -> Iterator[Sample]:
    for status, code, count in runs.executions:
        if status in ENDED:
            yield (status, code), count


FAMILIES = (
    Family(
        "robotsim_build",
        "The version of this server.",
        ("version",),
        lambda _statistics: [((settings.VERSION,), 1)],
        kind="info",
    ),
    Family(
        "robotsim_up",
        "1 when a dependency answers, else 0.",
        ("part",),
        lambda statistics: [((part,), float(up)) for part, up in sorted(statistics.up.items())],
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
        "Time since the oldest of the units' last heartbeats; absent while no unit runs.",
        (),
        _units(lambda live: _age(live.oldest_heartbeat_at)),
    ),
    Family(
        "robotsim_snapshots",
        "Snapshots of running units, received and lost.",
        ("result",),
        _units(lambda live: [(("received",), live.received), (("lost",), live.lost)]),
    ),
    Family(
        "robotsim_controller_last_pass_age_seconds",
        "Time since the last pass of a controller; absent when there was none within a day.",
        (),
        _live(lambda live: _age(live.controller_at)),
    ),
    Family(
        "robotsim_backup_age_seconds",
        "Time since the last full backup; absent when none is known.",
        (),
        _live(lambda live: _age(live.backup_at)),
    ),
    Family(
        "robotsim_tasks",
        "Background tasks that are waiting or running, by task and status.",
        ("task", "status"),
        _runs(lambda runs: [((task.task, task.status), task.count) for task in runs.tasks]),
    ),
    Family(
        "robotsim_tasks_oldest_age_seconds",
        "Age of the oldest of these.",
        ("task", "status"),
        _runs(
            lambda runs: [
                ((task.task, task.status), age)
                for task in runs.tasks
                for _none, age in _age(task.since)
            ]
        ),
    ),
    Family(
        "robotsim_recent_executions",
        "Executions requested in the last hour and released; the next four metrics are about them.",
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
        "Delay of publications, of each execution that has ended the p99 of the worst agent.",
        ("quantile",),
        _runs(lambda runs: _quantiles(runs.lateness)),
        kind="summary",
    ),
    Family(
        "robotsim_start_skew_seconds",
        "First publication minus release, of each execution that has ended the worst agent.",
        ("quantile",),
        _runs(lambda runs: _quantiles(runs.start_skew)),
        kind="summary",
    ),
    Family(
        "robotsim_messages_undelivered",
        "Messages of these executions that may not have arrived, as the connection was lost.",
        (),
        _runs(lambda runs: [((), runs.undelivered)]),
    ),
    Family(
        "robotsim_recordings",
        "Expected recordings of executions that are active or were requested in the last day, by status.",
        ("status",),
        _runs(lambda runs: _filled(runs.recordings, RecordingStatus)),
    ),
    Family(
        "robotsim_rosbags",
        "Rosbags in the database, by origin and status; `deleted` ones are waiting to be purged.",
        ("origin", "status"),
        _stored(lambda stored: [((r.origin, r.status), r.count) for r in stored.rosbags]),
    ),
    Family(
        "robotsim_rosbags_size_bytes",
        "Size of these rosbags.",
        ("origin", "status"),
        _stored(lambda stored: [((r.origin, r.status), r.size) for r in stored.rosbags]),
    ),
    Family(
        "robotsim_rosbags_in_verification",
        "Rosbags that are being verified.",
        (),
        _stored(lambda stored: [((), stored.verifying)]),
    ),
    Family(
        "robotsim_upload_sessions",
        "Open uploads in parts.",
        (),
        _stored(lambda stored: [((), stored.sessions)]),
    ),
    Family(
        "robotsim_stream_watchers",
        "Open event streams of this process.",
        (),
        lambda _statistics: [((), hub.count_watchers())],
    ),
)


class SystemCollector:
    """Collector of the metrics of the whole system."""

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics that have samples."""
        statistics = system_statistics()
        for family in FAMILIES:
            metric = family.metric(statistics)
            if metric is not None:
                yield metric
