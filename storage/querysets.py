"""Questions that are asked of rosbags in more than one place."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Q

from common.db.soft_delete import SoftDeleteQuerySet
from storage.choices import USABLE, Status

if TYPE_CHECKING:
    from storage.models import Rosbag  # noqa: F401  (names the generic below)


class RosbagQuerySet(SoftDeleteQuerySet["Rosbag"]):
    """Rosbags by state."""

    def usable(self) -> RosbagQuerySet:
        """Those that may be played."""
        return self.living().filter(status__in=USABLE)

    def verifying(self) -> RosbagQuerySet:
        """Those that wait for verification, or are being verified."""
        return self.living().filter(status=Status.VERIFYING)

    def uploading(self, asked_before: datetime) -> RosbagQuerySet:
        """Uploads in parts begun before an instant, without a request for addresses since then."""
        return (
            self.living()
            .filter(status=Status.UPLOADING, created_at__lt=asked_before)
            .filter(Q(enqueued_at=None) | Q(enqueued_at__lt=asked_before))
        )
