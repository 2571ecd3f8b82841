"""Rosbags, their files and their topics."""

from functools import lru_cache

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from common.db.leases import LeasedWork
from common.db.soft_delete import DELETED, LIVING, SoftDeleted
from rosbag2.formats import qos
from rosbag2.formats.metadata import PLAYABLE
from storage.choices import (
    USABLE,
    Origin,
    Status,
    lost_sentence,
    sentence,
)
from storage.models.type_definition import TypeDefinition
from storage.querysets import RosbagFileQuerySet, RosbagQuerySet, RosbagTopicQuerySet

MAX_NAME_LENGTH = 200
QOS_SHOWN = ("reliability", "durability")
MAX_SERIALIZATION_LENGTH = 64


class Rosbag(SoftDeleted, LeasedWork):
    """One stored rosbag2 bundle: uploaded, recorded by a run, exported or repaired.

    Times are nanoseconds since the Unix epoch as recorded, sizes are bytes. Verification computes the fields
    from `storage_id` to `message_count`; they are empty before.
    """

    name = models.CharField(_("name"), max_length=MAX_NAME_LENGTH)
    origin = models.CharField(
        _("origin"), max_length=20, choices=Origin.choices, default=Origin.UPLOADED
    )
    original = models.ForeignKey(
        "self",
        verbose_name=_("made from"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="derived",
    )
    # For a damaged rosbag: its repaired version, whose `original` refers back to it.
    repaired = models.ForeignKey(
        "self",
        verbose_name=_("repaired as"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    status = models.CharField(
        _("status"), max_length=20, choices=Status.choices, default=Status.UPLOADING
    )
    code = models.CharField(_("code"), max_length=64, blank=True, default="")
    details = models.JSONField(_("details"), default=dict, blank=True)
    text = models.TextField(_("sentence in English"), blank=True, default="")
    warnings = models.JSONField(_("warnings"), default=list, blank=True)
    # Of a repair, on both rosbags: the lost spans, as `rosbag2` reports them.
    lost_spans = models.JSONField(_("lost"), default=list, blank=True)
    storage_id = models.CharField(_("storage format"), max_length=64, blank=True, default="")
    version = models.IntegerField(_("metadata version"), null=True, blank=True)
    ros_distro = models.CharField(_("ROS distribution"), max_length=64, blank=True, default="")
    compression = models.CharField(_("compression"), max_length=64, blank=True, default="")
    start_ns = models.BigIntegerField(_("start (ns)"), null=True, blank=True)
    duration_ns = models.BigIntegerField(_("duration (ns)"), null=True, blank=True)
    message_count = models.BigIntegerField(_("messages"), null=True, blank=True)
    size = models.BigIntegerField(_("size (bytes)"), default=0)
    content_digest = models.CharField(_("content digest"), max_length=64, blank=True, default="")
    # The same digest, held by at most one uploaded rosbag: concurrent imports of the same content collide
    # here. A rosbag that is no longer usable loses the claim to the next one
    # (services/rosbags/deduplication.py).
    claimed_digest = models.CharField(
        max_length=64, unique=True, null=True, blank=True, default=None, editable=False
    )
    # Uploaded in parts by an upload session, not within one request.
    in_parts = models.BooleanField(default=False, editable=False)
    # Of the uploader: names in an archive may be in the code page of this language.
    language = models.CharField(
        max_length=16, blank=True, default="", db_default="", editable=False
    )
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

    objects = RosbagQuerySet.as_manager()

    class Meta:
        verbose_name = _("rosbag")
        verbose_name_plural = _("rosbags")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["content_digest"], name="storage_rosbag_digest"),
            models.Index(fields=["created_at"], name="storage_rosbag_created"),
            models.Index(fields=["status", "created_at"], name="storage_rosbag_status"),
            # The orders of paginated lists of rosbags that are not deleted, each followed by the id.
            models.Index(fields=["name", "id"], name="storage_rosbag_by_name", condition=LIVING),
            models.Index(fields=["size", "id"], name="storage_rosbag_by_size", condition=LIVING),
            models.Index(
                Coalesce("duration_ns", -1), "id", name="storage_rosbag_by_span", condition=LIVING
            ),
            models.Index(
                Coalesce("message_count", -1),
                "id",
                name="storage_rosbag_by_count",
                condition=LIVING,
            ),
            models.Index(
                fields=["lease_until"],
                name="storage_rosbag_verifying",
                condition=Q(status=Status.VERIFYING),
            ),
            models.Index(
                fields=["deleted_at"],
                name="storage_rosbag_deleted",
                condition=DELETED,
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=Status.values), name="storage_rosbag_status_known"
            ),
            models.CheckConstraint(
                condition=Q(origin__in=Origin.values), name="storage_rosbag_origin_known"
            ),
            models.CheckConstraint(condition=Q(size__gte=0), name="storage_rosbag_size_positive"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def usable(self) -> bool:
        """True if a template can play it now."""
        return self.status in USABLE and self.deleted_at is None

    @property
    def sentence(self) -> str:
        """The reason of its rejection or repair in the current language; else empty."""
        return sentence(self.code, self.details, self.text) if self.code else ""

    @property
    def warning_sentences(self) -> list[str]:
        """Its warnings in the current language."""
        return [
            sentence(warning["code"], warning.get("details", {}), warning.get("text", ""))
            for warning in self.warnings
        ]

    @property
    def lost_sentences(self) -> list[str]:
        """Its lost spans in the current language."""
        return [lost_sentence(span) for span in self.lost_spans]


class RosbagFile(models.Model):
    """One file of a bundle; `path` is relative to the bundle's folder.

    `sha256` is hex; it may be empty before verification.
    """

    rosbag = models.ForeignKey(
        Rosbag, verbose_name=_("rosbag"), on_delete=models.CASCADE, related_name="files"
    )
    path = models.CharField(_("path"), max_length=400)
    size = models.BigIntegerField(_("size (bytes)"))
    sha256 = models.CharField(_("SHA-256"), max_length=64, blank=True)
    key = models.CharField(_("object key"), max_length=500)
    upload_id = models.CharField(_("upload"), max_length=1024, blank=True, default="")

    objects = RosbagFileQuerySet.as_manager()

    class Meta:
        verbose_name = _("file")
        verbose_name_plural = _("files")
        ordering = ["path"]
        constraints = [
            models.UniqueConstraint(fields=["rosbag", "path"], name="storage_file_path_unique"),
            models.UniqueConstraint(fields=["key"], name="storage_file_key_unique"),
            models.CheckConstraint(condition=Q(size__gte=0), name="storage_file_size_positive"),
        ]

    def __str__(self) -> str:
        return self.path


class RosbagTopic(models.Model):
    """A topic of a bundle; `histogram` counts messages in equal intervals of the bundle."""

    rosbag = models.ForeignKey(
        Rosbag, verbose_name=_("rosbag"), on_delete=models.CASCADE, related_name="topics"
    )
    name = models.TextField(_("name"))
    type = models.TextField(_("type"))
    serialization_format = models.CharField(
        _("serialization"), max_length=MAX_SERIALIZATION_LENGTH, default="cdr"
    )
    offered_qos_profiles = models.TextField(_("offered QoS"), blank=True, default="")
    type_hash = models.TextField(_("type hash"), blank=True, default="")
    definition = models.ForeignKey(
        TypeDefinition,
        verbose_name=_("definition"),
        to_field="digest",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="topics",
    )
    message_count = models.BigIntegerField(_("messages"))
    size = models.BigIntegerField(_("size (bytes)"), default=0)
    first_ns = models.BigIntegerField(_("first message (ns)"), null=True, blank=True)
    last_ns = models.BigIntegerField(_("last message (ns)"), null=True, blank=True)
    mean_rate_hz = models.FloatField(_("mean rate (Hz)"), null=True, blank=True)
    histogram = models.JSONField(_("activity"), default=list, blank=True)
    # Regularity: the median period, the deviation from it without gaps, and gaps longer than three periods
    # (the longest ones, each as the times of the messages before and after it).
    period_ns = models.BigIntegerField(_("period (ns)"), default=0)
    jitter_ns = models.FloatField(_("jitter (ns)"), default=0.0)
    gap_count = models.BigIntegerField(_("gaps"), default=0)
    gaps = models.JSONField(_("longest gaps"), default=list, blank=True)

    objects = RosbagTopicQuerySet.as_manager()

    class Meta:
        verbose_name = _("topic")
        verbose_name_plural = _("topics")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["rosbag", "name"], name="storage_topic_name_unique"),
            models.CheckConstraint(
                condition=Q(message_count__gte=0), name="storage_topic_count_positive"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def qos(self) -> str:
        """Its offered QoS in words, such as "reliable, transient local"; empty if none was recorded."""
        return qos_text(self.offered_qos_profiles)

    @property
    def playable(self) -> bool:
        """False for a topic that is listed and skipped, as its messages are not CDR."""
        return self.serialization_format in PLAYABLE


@lru_cache(maxsize=1000)  # most topics have one of a few profiles, and parsing takes a millisecond
def qos_text(profiles: str) -> str:
    """Return the reliability and durability of QoS profiles in words, those of each publisher once."""
    rows = qos.profiles(profiles) or []
    texts = [", ".join(str(row[name]).replace("_", " ") for name in QOS_SHOWN) for row in rows]
    return "; ".join(dict.fromkeys(texts))
