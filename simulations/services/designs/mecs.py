"""Removing mecs, and what their node selectors may be; what else may happen to one is plain editing."""

import re
from collections.abc import Iterable
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Min, ProtectedError
from django.utils.translation import gettext as _

from simulations.exceptions import MecInUseError
from simulations.models import Mec, Simulation

_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_PREFIX = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


def selector_faults(selector: Any) -> list[str]:
    """What is wrong with a node selector, in sentences: labels with values, as Kubernetes has them."""
    if not isinstance(selector, dict):
        return [_('Write labels with their values, such as {"site": "north"}.')]
    found = []
    for label, value in selector.items():
        prefix, slash, name = label.rpartition("/")
        if not _LABEL.fullmatch(name) or (slash and not _PREFIX.fullmatch(prefix)):
            found.append(_("“%(label)s” is no label of a node.") % {"label": label})
        elif not isinstance(value, str) or (value and not _LABEL.fullmatch(value)):
            sentence = _("“%(value)s” is no value of a label: write letters, digits, -, _ and .")
            found.append(sentence % {"value": value})
    return found


def users_of(chosen: Iterable[Mec]) -> dict[int, str]:
    """The name of a living simulation that uses it, for each mec that is used."""
    rows = Simulation.objects.living().filter(mec__in=[mec.pk for mec in chosen])
    return dict(rows.order_by().values_list("mec").annotate(Min("name")))


def in_use(simulation: str) -> str:
    """Why a mec cannot be removed that the simulation of this name uses."""
    sentence = _(
        "The simulation “%(name)s” uses this mec: choose another there, or disable the mec."
    )
    return sentence % {"name": simulation}


def delete(mec: Mec) -> None:
    """Remove a mec for good.

    Raises:
        MecInUseError: a simulation uses it, or a deleted one that has not been cleared away yet.
    """
    living = mec.simulations.filter(deleted_at=None).order_by("id").first()
    if living is not None:
        raise MecInUseError(in_use(living.name))
    try:
        with transaction.atomic():
            mec.delete()
    except (ProtectedError, IntegrityError) as error:
        sentence = _("A simulation still keeps this mec: disable it instead.")
        raise MecInUseError(sentence) from error
