"""States and origins of a rosbag."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Status(TextChoices):
    """Where a rosbag stands; `READY` and `READY_WITH_WARNINGS` may be played."""

    UPLOADING = "uploading", _("Uploading")
    VERIFYING = "verifying", _("Verifying")
    READY = "ready", _("Ready")
    READY_WITH_WARNINGS = "ready_with_warnings", _("Ready with warnings")
    REJECTED = "rejected", _("Rejected")


USABLE = frozenset({Status.READY, Status.READY_WITH_WARNINGS})
VERIFIED = USABLE | {Status.REJECTED}


class Origin(TextChoices):
    """Where a rosbag comes from."""

    UPLOADED = "uploaded", _("Uploaded")
    RECORDED = "recorded", _("Recorded")
    REPAIRED = "repaired", _("Repaired")
    EXPORTED = "exported", _("Exported")
