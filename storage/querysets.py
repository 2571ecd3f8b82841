"""Shared queries of rosbags."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet

from common.db.soft_delete import SoftDeleteQuerySet
from rosbag2.formats.metadata import PLAYABLE
from storage.choices import USABLE, Status

if TYPE_CHECKING:
    from storage.models import Rosbag, RosbagFile, RosbagTopic  # noqa: F401  (name the generics below)


IS_PLAYABLE = Q(serialization_format__in=PLAYABLE)


class RosbagFileQuerySet(QuerySet["RosbagFile"]):
    """Queries of files by whether the storage has them."""

    def stored(self) -> RosbagFileQuerySet:
        """Files that must have an object: all but those of uploads, which the worker has yet to join."""
        unjoined = Q(rosbag__status=Status.VERIFYING) & ~Q(upload_id="")
        return self.exclude(Q(rosbag__status=Status.UPLOADING) | unjoined)


class RosbagQuerySet(SoftDeleteQuerySet["Rosbag"]):
    """Queries of rosbags by status."""

    def usable(self) -> RosbagQuerySet:
        """Rosbags that can be played."""
        return self.living().filter(status__in=USABLE)

    def verifying(self) -> RosbagQuerySet:
        """Rosbags that await verification or are being verified."""
        return self.living().filter(status=Status.VERIFYING)

    def uploading(self, inactive_since: datetime) -> RosbagQuerySet:
        """Uploads that were started before an instant and have had no activity since then."""
        return (
            self.living()
            .filter(status=Status.UPLOADING, created_at__lt=inactive_since)
            .filter(Q(enqueued_at=None) | Q(enqueued_at__lt=inactive_since))
        )


class RosbagTopicQuerySet(QuerySet["RosbagTopic"]):
    """Queries of topics."""

    def playable(self) -> RosbagTopicQuerySet:
        """Topics whose messages can be replayed; the others are listed and skipped."""
        return self.filter(IS_PLAYABLE)
