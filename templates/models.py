"""The model of simulation templates."""

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from common.db.soft_delete import LIVING, SoftDeleted
from storage.models import Rosbag
from templates.choices import RecordScope, RecordStorage, UnsupportedTopics
from templates.querysets import TemplateQuerySet


class Template(SoftDeleted):
    """One kind of virtual robot: the rosbag that it plays and the topics that it records.

    An empty `topics` plays every topic of the rosbag but `excluded_topics`. `renames` maps topics of the
    rosbag to the names under which they are published. Played is what was recorded from `start_offset` to
    `end_offset` seconds after the first message of these topics (null: to the end), with `pass_gap` seconds
    between passes. `clock_hz` is the rate of `/clock`, 0: none. `required_subscribers` are played topics to
    which somebody must subscribe within `match_seconds` before the start. `definitions` maps message types
    to their definitions, for types that neither the rosbag nor a ROS distribution defines. `rate` is a
    factor on recorded time, 0 plays as fast as possible. Where no message of these topics was recorded for
    longer than `max_gap_seconds`, the wait is only that long, in recorded time; null waits for any.
    `agent_cpu` (thousandths of a core), `agent_memory` (MiB) and their limits are what a cluster reserves
    for each agent; null: a default of the transport. `record_topics` is a list of `{"name": ..., "type":
    ...}`, names as the robot sees them. `version` increases with each change and is recorded by runs.
    """

    name = models.CharField(_("name"), max_length=200)
    robot_type = models.CharField(_("robot type"), max_length=100, blank=True, default="")
    description = models.TextField(_("description"), blank=True, default="")
    rosbag = models.ForeignKey(
        Rosbag, verbose_name=_("rosbag"), on_delete=models.PROTECT, related_name="templates"
    )
    topics = models.JSONField(_("topics to play"), default=list, blank=True)
    rate = models.FloatField(_("rate"), default=1.0, validators=[MinValueValidator(0)])
    max_gap_seconds = models.FloatField(_("longest gap (s)"), null=True, blank=True)
    excluded_topics = models.JSONField(
        _("topics not to play"), default=list, db_default=[], blank=True
    )
    renames = models.JSONField(_("renamed topics"), default=dict, db_default={}, blank=True)
    start_offset = models.FloatField(_("play from (s)"), default=0.0, db_default=0.0)
    end_offset = models.FloatField(_("play to (s)"), null=True, blank=True)
    pass_gap = models.FloatField(_("pause between passes (s)"), default=0.0, db_default=0.0)
    clock_hz = models.FloatField(_("rate of /clock (Hz)"), default=0.0, db_default=0.0)
    restamp = models.BooleanField(_("stamp headers anew"), default=False, db_default=False)
    prefix_frames = models.BooleanField(_("prefix frame IDs"), default=False, db_default=False)
    required_subscribers = models.JSONField(
        _("topics that need a subscriber"), default=list, db_default=[], blank=True
    )
    match_seconds = models.FloatField(_("wait for subscribers (s)"), default=30.0, db_default=30.0)
    definitions = models.JSONField(
        _("message definitions"), default=dict, db_default={}, blank=True
    )
    record_topics = models.JSONField(_("topics to record"), default=list, blank=True)
    record_own = models.BooleanField(_("record own publications"), default=True)
    record_scope = models.CharField(
        _("recordings"),
        max_length=10,
        choices=RecordScope.choices,
        default=RecordScope.UNIT,
        db_default=RecordScope.UNIT,
    )
    record_storage = models.CharField(
        _("format of recordings"),
        max_length=10,
        choices=RecordStorage.choices,
        default=RecordStorage.MCAP,
        db_default=RecordStorage.MCAP,
    )
    agent_cpu = models.PositiveIntegerField(_("CPU of an agent (m)"), null=True, blank=True)
    agent_cpu_limit = models.PositiveIntegerField(
        _("CPU limit of an agent (m)"), null=True, blank=True
    )
    agent_memory = models.PositiveIntegerField(_("memory of an agent (MiB)"), null=True, blank=True)
    agent_memory_limit = models.PositiveIntegerField(
        _("memory limit of an agent (MiB)"), null=True, blank=True
    )
    unsupported_topics = models.CharField(
        _("topics that the transport cannot carry"),
        max_length=20,
        choices=UnsupportedTopics.choices,
        default=UnsupportedTopics.REFUSE,
        db_default=UnsupportedTopics.REFUSE,
    )
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("created by"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = TemplateQuerySet.as_manager()

    class Meta:
        verbose_name = _("template")
        verbose_name_plural = _("templates")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["created_at"], name="templates_template_created"),
            models.Index(fields=["robot_type"], name="templates_template_robot"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["name"],
                condition=LIVING,
                name="templates_name_unique_living",
            ),
            models.CheckConstraint(
                condition=Q(rate__gte=0), name="templates_template_rate_positive"
            ),
            models.CheckConstraint(
                condition=Q(max_gap_seconds__gt=0), name="templates_template_gap_positive"
            ),
            models.CheckConstraint(
                condition=Q(version__gte=1), name="templates_template_version_positive"
            ),
        ]

    def __str__(self) -> str:
        return self.name
