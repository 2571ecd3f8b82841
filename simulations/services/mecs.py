"""Removing mecs; what else may happen to one is plain editing."""

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from simulations.exceptions import MecInUseError
from simulations.models import Mec


def delete(mec: Mec) -> None:
    """Remove a mec for good.

    Raises:
        MecInUseError: a simulation uses it, or a deleted one that has not been cleared away yet.
    """
    living = mec.simulations.filter(deleted_at=None).order_by("id").first()
    if living is not None:
        sentence = _(
            "The simulation “%(name)s” uses this mec: choose another there, or disable the mec."
        )
        raise MecInUseError(sentence % {"name": living.name})
    try:
        with transaction.atomic():
            mec.delete()
    except (ProtectedError, IntegrityError) as error:
        sentence = _("A simulation still keeps this mec: disable it instead.")
        raise MecInUseError(sentence) from error
