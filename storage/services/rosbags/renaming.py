"""Renaming rosbags; the name is their only editable field."""

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.services import audit
from common.exceptions import FieldError
from storage.exceptions import NameInvalidError, RosbagNotFoundError
from storage.models import MAX_NAME_LENGTH, Rosbag


def rename(rosbag: Rosbag, name: str) -> None:
    """Give a rosbag another name; names need not be unique.

    Raises:
        NameInvalidError: It is empty, too long, or has unprintable characters.
        RosbagNotFoundError: It was deleted in the meantime.
    """
    name = name.strip()
    if not 0 < len(name) <= MAX_NAME_LENGTH or not name.isprintable():
        message = _("Use a name of 1 to %(max)d printable characters.") % {"max": MAX_NAME_LENGTH}
        raise NameInvalidError(errors=[FieldError("/name", message, "NAME_INVALID")])
    now = timezone.now()
    if not Rosbag.objects.living().filter(pk=rosbag.pk).update(name=name, updated_at=now):
        raise RosbagNotFoundError(_("This rosbag was deleted: restore it first."))
    audit.record_change(rosbag, name=(rosbag.name, name))
    rosbag.refresh_from_db()
