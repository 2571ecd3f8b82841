"""Executions with their stage runs and agent runs."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from simulations.choices import (
    ACTIVE,
    ENDED,
    AgentStatus,
    DataStatus,
    FailureCode,
    RunStatus,
)
from simulations.models.simulation import Simulation
from simulations.querysets import AgentRunQuerySet, ExecutionQuerySet, StageRunQuerySet


class Execution(models.Model):
    """One run of a simulation, from a frozen plan; only `services.runs.lifecycle` writes its status."""

    simulation = models.ForeignKey(
        Simulation,
        verbose_name=_("simulation"),
        on_delete=models.CASCADE,
        related_name="executions",
    )
    number = models.PositiveIntegerField(_("number"))
    status = models.CharField(
        _("status"), max_length=12, choices=RunStatus, default=RunStatus.PENDING
    )
    data_status = models.CharField(
        _("data status"), max_length=12, choices=DataStatus, default=DataStatus.PENDING
    )
    plan = models.JSONField(_("frozen plan"))
    again_of = models.ForeignKey(
        "self",
        verbose_name=_("same plan as"),
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text=_("The execution whose plan this one repeats."),
    )
    exclusive = models.BooleanField(default=True, editable=False)
    event_count = models.PositiveBigIntegerField(default=0, editable=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("requested by"),
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
    )
    stopped_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("stopped by"),
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
    )
    failure_code = models.CharField(
        _("failure"), max_length=30, choices=FailureCode, blank=True, default=""
    )
    failure_values = models.JSONField[dict[str, Any] | None](
        null=True, default=None, editable=False
    )
    failure_text = models.TextField(_("failure text"), blank=True, default="")
    warnings = models.JSONField[list[dict[str, Any]] | None](
        _("warnings"), null=True, default=None, editable=False
    )
    outcome = models.JSONField(
        _("outcome"),
        null=True,
        editable=False,
        help_text=_("The progress and the statistics at its end."),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)
    started_at = models.DateTimeField(_("started at"), null=True)
    stop_asked_at = models.DateTimeField(_("stop requested at"), null=True)
    ended_at = models.DateTimeField(_("ended at"), null=True)

    objects = ExecutionQuerySet.as_manager()

    class Meta:
        verbose_name = _("execution")
        verbose_name_plural = _("executions")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["simulation", "-id"], name="simulations_exec_of_sim"),
            models.Index(fields=["status", "-id"], name="simulations_exec_status"),
            models.Index(fields=["data_status", "-id"], name="simulations_exec_data"),
            models.Index(fields=["failure_code", "-id"], name="simulations_exec_failure"),
            models.Index(fields=["requested_by", "-id"], name="simulations_exec_asked_by"),
            models.Index(fields=["created_at", "id"], name="simulations_exec_created"),
            models.Index(fields=["ended_at", "status"], name="simulations_exec_ended"),
            models.Index(fields=["number", "-id"], name="simulations_exec_number"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["simulation", "number"], name="simulations_execution_number"
            ),
            models.UniqueConstraint(
                fields=["simulation"],
                condition=Q(exclusive=True, status__in=sorted(ACTIVE)),
                name="simulations_execution_one_active",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.simulation_id}/{self.number}"

    @property
    def ended(self) -> bool:
        """Return True when the status is final."""
        return self.status in ENDED


class StageRun(models.Model):
    """One stage of an execution; the release is the common start time of its agents."""

    execution = models.ForeignKey(
        Execution, verbose_name=_("execution"), on_delete=models.CASCADE, related_name="stage_runs"
    )
    position = models.PositiveIntegerField(_("position"))
    status = models.CharField(
        _("status"), max_length=12, choices=RunStatus, default=RunStatus.PENDING
    )
    units = models.PositiveIntegerField(_("units"))
    handle = models.CharField(_("backend handle"), max_length=300, blank=True, default="")
    waiting = models.JSONField[dict[str, Any] | None](null=True, default=None, editable=False)
    """Why units do not run yet: `code` (a failure code), `reason` of the backend, number of `units`."""
    prepared_at = models.DateTimeField(_("prepared at"), null=True)
    release_at = models.DateTimeField(_("release"), null=True)
    agents_ended_at = models.DateTimeField(_("agents ended at"), null=True)
    ended_at = models.DateTimeField(_("ended at"), null=True)
    failure_code = models.CharField(
        _("failure"), max_length=30, choices=FailureCode, blank=True, default=""
    )
    failure_values = models.JSONField[dict[str, Any] | None](
        null=True, default=None, editable=False
    )
    failure_text = models.TextField(_("failure text"), blank=True, default="")

    objects = StageRunQuerySet.as_manager()

    class Meta:
        verbose_name = _("stage run")
        verbose_name_plural = _("stage runs")
        ordering = ["execution", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["execution", "position"], name="simulations_stagerun_position"
            )
        ]

    def __str__(self) -> str:
        return f"{self.execution_id}/{self.position}"


class AgentRun(models.Model):
    """One attempt of one agent; reports of older attempts are refused."""

    stage_run = models.ForeignKey(
        StageRun, verbose_name=_("stage run"), on_delete=models.CASCADE, related_name="agent_runs"
    )
    number = models.PositiveIntegerField(_("agent"))
    attempt = models.PositiveIntegerField(_("attempt"), default=1)
    unit = models.PositiveIntegerField(_("unit"))
    process = models.CharField(max_length=64, default="", db_default="", editable=False)
    """Name that the process of the unit gave itself; empty for older ones."""
    status = models.CharField(
        _("status"), max_length=12, choices=AgentStatus, default=AgentStatus.PENDING
    )
    late = models.BooleanField(_("joined late"), default=False)
    failure_code = models.CharField(
        _("failure"), max_length=30, choices=FailureCode, blank=True, default=""
    )
    failure_values = models.JSONField[dict[str, Any] | None](
        null=True, default=None, editable=False
    )
    failure_text = models.TextField(_("failure text"), blank=True, default="")
    last_log = models.TextField(_("last log lines"), blank=True, default="")
    published = models.PositiveBigIntegerField(_("messages published"), default=0)
    messages_undelivered = models.PositiveBigIntegerField(
        _("messages undelivered"),
        default=0,
        db_default=0,
        help_text=_("Published while the connection was not known to be good."),
    )
    messages_late = models.PositiveBigIntegerField(
        _("messages late"),
        null=True,
        help_text=_("Published more than 5 ms after they were due."),
    )
    messages_unchanged = models.PositiveBigIntegerField(
        _("messages unchanged"),
        default=0,
        db_default=0,
        help_text=_(
            "Published with the stamps and frame IDs that they were recorded with, although the template "
            "changes these: their data cannot be read."
        ),
    )
    outages = models.JSONField[list[dict[str, Any]] | None](
        _("outages"), null=True, default=None, editable=False
    )
    link_changes = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    matched = models.JSONField[list[dict[str, Any]] | None](
        _("subscribers at the start"), null=True, default=None, editable=False
    )
    """Of all agents of the unit, kept with the first of them."""
    published_bytes = models.PositiveBigIntegerField(_("bytes published"), default=0)
    passes = models.PositiveIntegerField(_("passes"), default=0)
    lateness_p50_us = models.FloatField(_("lateness p50 (µs)"), null=True)
    lateness_p99_us = models.FloatField(_("lateness p99 (µs)"), null=True)
    start_skew_us = models.FloatField(_("start skew (µs)"), null=True)
    skew_uncertainty_us = models.FloatField(_("uncertainty of the skew (µs)"), null=True)
    last_publication_at = models.DateTimeField(_("last publication"), null=True)
    unit_cpu_seconds = models.FloatField(
        _("CPU time of the unit (s)"),
        null=True,
        help_text=_("Of all agents of the unit, since its process began."),
    )
    unit_memory_peak_bytes = models.PositiveBigIntegerField(
        _("most memory of the unit (bytes)"), null=True, help_text=_("Of all agents of the unit.")
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    ended_at = models.DateTimeField(_("ended at"), null=True)

    objects = AgentRunQuerySet.as_manager()

    class Meta:
        verbose_name = _("agent run")
        verbose_name_plural = _("agent runs")
        ordering = ["stage_run", "number", "attempt"]
        indexes = [
            models.Index(fields=["stage_run", "unit"], name="simulations_agentrun_unit"),
            models.Index(fields=["ended_at"], name="simulations_agentrun_ended"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["stage_run", "number", "attempt"], name="simulations_agentrun_attempt"
            )
        ]

    def __str__(self) -> str:
        return f"{self.stage_run_id}/{self.number}.{self.attempt}"
