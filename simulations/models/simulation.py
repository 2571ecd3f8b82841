"""Simulations and their stages."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from common.db.soft_delete import DELETED, LIVING, SoftDeleted
from simulations.choices import DesignStatus, Pattern, design_status
from simulations.models.mec import Mec
from simulations.querysets import SimulationQuerySet
from templates.models import Template


class Simulation(SoftDeleted):
    """A design of runs: its stages run templates with a number of agents each."""

    name = models.CharField(_("name"), max_length=200)
    description = models.TextField(_("description"), blank=True, default="")
    pattern = models.CharField(_("pattern"), max_length=20, choices=Pattern)
    mec = models.ForeignKey(
        Mec,
        verbose_name=_("system under test"),
        on_delete=models.PROTECT,
        related_name="simulations",
    )
    namespace_prefix = models.CharField(_("namespace prefix"), max_length=100, default="/agent_")
    concurrent_executions = models.BooleanField(
        _("allow concurrent executions"),
        default=False,
        help_text=_("Otherwise one execution at a time."),
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("created by"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    latest_execution = models.ForeignKey(
        "simulations.Execution",
        verbose_name=_("latest execution"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )
    executions_made = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = SimulationQuerySet.as_manager()

    class Meta:
        verbose_name = _("simulation")
        verbose_name_plural = _("simulations")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["created_at", "id"], name="simulations_sim_created"),
            models.Index(fields=["updated_at", "id"], name="simulations_sim_updated"),
            models.Index(fields=["created_by", "-id"], name="simulations_sim_of_maker"),
            models.Index(
                fields=["-id"],
                condition=DELETED,
                name="simulations_sim_deleted",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["name"],
                condition=LIVING,
                name="simulations_simulation_name_living",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def status(self) -> DesignStatus:
        """The status of the design; needs rows annotated with `deleting` and `stage_count`."""
        deleting, stages = getattr(self, "deleting", False), getattr(self, "stage_count", 1)
        return design_status(self.deleted_at, deleting, stages)


class Stage(models.Model):
    """One step (sequential) or one group (parallel); times in seconds."""

    simulation = models.ForeignKey(
        Simulation, verbose_name=_("simulation"), on_delete=models.CASCADE, related_name="stages"
    )
    position = models.PositiveIntegerField(_("position"), validators=[MinValueValidator(1)])
    name = models.CharField(_("name"), max_length=200, blank=True, default="")
    template = models.ForeignKey(
        Template, verbose_name=_("template"), on_delete=models.PROTECT, related_name="stages"
    )
    agent_count = models.PositiveIntegerField(_("agents"), validators=[MinValueValidator(1)])
    execution_time = models.FloatField(
        _("execution time (s)"),
        default=0,
        validators=[MinValueValidator(0)],
        help_text=_("0: no limit."),
    )
    repeat_count = models.PositiveIntegerField(
        _("repeats"),
        default=1,
        validators=[MinValueValidator(1)],
        help_text=_("Full passes of the rosbag."),
    )
    delay_after = models.FloatField(
        _("delay after completion (s)"), default=0, validators=[MinValueValidator(0)]
    )
    assigned_area = models.CharField(_("assigned area"), max_length=200, blank=True, default="")
    retries = models.PositiveSmallIntegerField(
        _("retries"), default=0, validators=[MaxValueValidator(100)]
    )
    min_success = models.PositiveSmallIntegerField(
        _("minimum success (%)"), default=100, validators=[MaxValueValidator(100)]
    )
    lost_messages_allowed = models.PositiveIntegerField(
        _("lost messages allowed"),
        default=0,
        db_default=0,
        help_text=_(
            "Messages of each agent that may be lost with the connection before the agent fails."
        ),
    )
    continue_on_failure = models.BooleanField(_("continue on failure"), default=False)
    no_messages_allowed = models.BooleanField(
        _("allow no messages"),
        default=False,
        db_default=False,
        help_text=_("Otherwise a stage without messages to publish is refused at the start."),
    )

    class Meta:
        verbose_name = _("stage")
        verbose_name_plural = _("stages")
        ordering = ["simulation", "position"]
        indexes = [
            models.Index(fields=["template", "-simulation"], name="simulations_stage_template")
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["simulation", "position"], name="simulations_stage_position"
            ),
            models.CheckConstraint(
                condition=Q(agent_count__gte=1, repeat_count__gte=1, position__gte=1),
                name="simulations_stage_counts",
            ),
            models.CheckConstraint(
                condition=Q(execution_time__gte=0, delay_after__gte=0),
                name="simulations_stage_times",
            ),
            models.CheckConstraint(
                condition=Q(min_success__lte=100), name="simulations_stage_min_success"
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"{self.position}"
