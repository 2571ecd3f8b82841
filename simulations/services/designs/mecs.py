"""The one door for changes to mecs."""

import re
from collections.abc import Iterable, Set
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Min, ProtectedError
from django.utils.translation import gettext as _

from common.exceptions import FieldError
from simulations.exceptions import MecInUseError, MecInvalidError
from simulations.models import Mec, Simulation

_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_PREFIX = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
FIELDS = Mec._meta.fields  # noqa: SLF001  as documented by Django


def create(**values: Any) -> Mec:
    """Make a mec.

    Raises:
        MecInvalidError: values that cannot be used; `errors` points at each.
    """
    return _save(Mec(**values))


def update(mec: Mec, **changes: Any) -> Mec:
    """Change a mec. Runs keep their frozen plan.

    Raises:
        MecInvalidError: values that cannot be used; `errors` points at each.
    """
    for name, value in changes.items():
        setattr(mec, name, value)
    # What older versions took must not keep the rest from being changed.
    return _save(mec, unchanged={field.name for field in FIELDS} - set(changes))


def ensure(
    slug: str, *, name: str, transport: str, endpoint: str = "", discovery: str = "none"
) -> Mec:
    """Make the enabled mec of that slug, or bring it to these values.

    Raises:
        MecInvalidError: values that cannot be used; `errors` points at each.
    """
    values = {
        "name": name,
        "transport": transport,
        "endpoint": endpoint,
        "discovery": discovery,
        "enabled": True,
    }
    mec = Mec.objects.filter(slug=slug).first()
    return update(mec, **values) if mec else create(slug=slug, **values)


def _save(mec: Mec, unchanged: Set[str] = frozenset()) -> Mec:
    errors = _field_errors(mec, unchanged)
    if errors:
        raise MecInvalidError(errors=errors)
    try:
        with transaction.atomic():
            mec.save()
    except IntegrityError as error:
        sentence = _("Another mec has this slug: choose another.")
        raise MecInvalidError(errors=[FieldError("/slug", sentence, "SLUG_TAKEN")]) from error
    return mec


def _field_errors(mec: Mec, unchanged: Set[str]) -> list[FieldError]:
    errors = []
    if "node_selector" not in unchanged:
        texts = selector_errors(mec.node_selector)
        errors = [FieldError("/node_selector", text) for text in texts]
    try:
        mec.clean_fields(exclude=unchanged)
    except ValidationError as error:
        for name, texts in error.message_dict.items():
            errors += [FieldError(f"/{name}", text) for text in texts]
    return errors


def selector_errors(selector: Any) -> list[str]:
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
