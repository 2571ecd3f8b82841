"""Changes to MECs; nothing else writes them."""

from collections.abc import Iterable, Sequence, Set
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Min, ProtectedError
from django.utils.translation import gettext as _

from common.db.violations import refusing_duplicates
from common.exceptions import FieldError
from simulations.choices import Discovery, Transport
from simulations.exceptions import MecInUseError, MecInvalidError
from simulations.models import Mec, Simulation
from simulations.models.mec import ADDRESS, LINK_FIELDS, MAX_PORT, PLACEMENT_FIELDS
from simulations.services.designs.placement import (
    complete_tolerations,
    selector_errors,
    toleration_errors,
)
from simulations.services.runs import usage

USED_FIELDS: dict[str, tuple[str, ...]] = {
    Transport.NULL: (),
    Transport.ROS2: ("discovery", "addresses", "domain_id"),
    Transport.ZENOH: (
        *("endpoint", "zenoh_mode", "discovery"),
        *("domain_id", "attachment", "secret"),
    ),
    Transport.ZENOH_RAW: ("endpoint", "zenoh_mode", "discovery", "secret"),
}
"""The fields of a link that each transport uses."""
ADDRESSED = {Discovery.PEERS, Discovery.SERVER}
"""Kinds of discovery that need addresses."""
PLACEMENT_CHECKS = {"node_selector": selector_errors, "tolerations": toleration_errors}
FIELDS = Mec._meta.fields  # noqa: SLF001  as documented by Django


def create(**values: Any) -> Mec:
    """Create a MEC.

    Raises:
        MecInvalidError: Some values are invalid; `errors` points at each.
    """
    return _save(Mec(**values))


def update(mec: Mec, **changes: Any) -> Mec:
    """Change a MEC; executions keep their frozen plan.

    Raises:
        MecInvalidError: Some values are invalid; `errors` points at each.
    """
    tested = _tested(mec)
    for name, value in changes.items():
        setattr(mec, name, value)
    fields = {*changes, "updated_at"}
    if _tested(mec) != tested:  # another link was tested, or from other nodes
        mec.last_test = mec.last_tested_at = mec.last_tested_by = None
        fields |= {"last_test", "last_tested_at", "last_tested_by"}
    # Unchanged values may be invalid by now; that must not prevent other changes.
    return _save(mec, {field.name for field in FIELDS} - set(changes), fields)


def _tested(mec: Mec) -> list[Any]:
    """Return the values on which the result of a test depends."""
    return [mec.link, *(getattr(mec, name) for name in PLACEMENT_FIELDS)]


def ensure(
    slug: str,
    *,
    name: str,
    transport: str,
    endpoint: str = "",
    discovery: str = "none",
    addresses: Sequence[str] = (),
) -> Mec:
    """Create or update the MEC of a slug, and enable it.

    Raises:
        MecInvalidError: Some values are invalid; `errors` points at each.
    """
    values = {
        "name": name,
        "transport": transport,
        "endpoint": endpoint,
        "discovery": discovery,
        "addresses": list(addresses),
        "enabled": True,
    }
    mec = Mec.objects.filter(slug=slug).first()
    return update(mec, **values) if mec else create(slug=slug, **values)


def _save(mec: Mec, unchanged: Set[str] = frozenset(), fields: Set[str] | None = None) -> Mec:
    errors = _field_errors(mec, unchanged)
    if errors:
        raise MecInvalidError(errors=errors)
    mec.tolerations = complete_tolerations(mec.tolerations)
    taken = FieldError(
        "/slug", _("Another system under test has this slug: choose another."), "SLUG_TAKEN"
    )
    with refusing_duplicates(Mec, "slug", lambda: MecInvalidError(errors=[taken])):
        mec.save(update_fields=fields)
    return mec


def _field_errors(mec: Mec, unchanged: Set[str]) -> list[FieldError]:
    errors: list[FieldError] = []
    for name, check in PLACEMENT_CHECKS.items():
        if name not in unchanged:
            errors += [FieldError(f"/{name}", message) for message in check(getattr(mec, name))]
    try:
        mec.clean_fields(exclude=unchanged)
    except ValidationError as error:
        for name, messages in error.message_dict.items():
            errors += [FieldError(f"/{name}", message) for message in messages]
    if not set(LINK_FIELDS) <= unchanged:
        errors += link_errors(mec)
    return errors


def link_errors(mec: Mec) -> list[FieldError]:
    """The errors of a link as a whole: what its transport does not use, lacks, or cannot use."""
    if mec.transport not in USED_FIELDS:
        return []
    errors = _unused_errors(mec) + _discovery_errors(mec)
    if not errors and not mec.link.leads_somewhere:
        errors.append(_nowhere_error(mec.transport))
    return errors


def _unused_errors(mec: Mec) -> list[FieldError]:
    """Refuse values that would be ignored, as whoever gives them expects something of them.

    What has a default is ignored, and so is all of it where nothing is connected.
    """
    if mec.transport == Transport.NULL:
        return []
    transport = Transport(mec.transport).label
    message = _("The transport “%(transport)s” does not use it: leave it empty.")
    return [
        FieldError(f"/{name}", message % {"transport": transport}, "NOT_USED")
        for name in ("endpoint", "addresses", "secret")
        if getattr(mec, name) and name not in USED_FIELDS[mec.transport]
    ]


def _discovery_errors(mec: Mec) -> list[FieldError]:
    by_address = mec.discovery in ADDRESSED
    if mec.transport in {Transport.ZENOH, Transport.ZENOH_RAW} and by_address:
        message = _("Only ROS 2 (DDS) has it: choose none or multicast, and write an endpoint.")
        return [FieldError("/discovery", message)]
    if mec.transport != Transport.ROS2:
        return []
    if by_address and not mec.addresses:
        return [FieldError("/addresses", _("Write the addresses that this discovery needs."))]
    if mec.addresses and not by_address:
        message = _("Leave it empty, or choose static peers or a discovery server as discovery.")
        return [FieldError("/addresses", message)]
    wrong = [address for address in mec.addresses if not _fits(address, mec.discovery)]
    if not wrong:
        return []
    forms = {
        Discovery.PEERS: _("Static peers are hosts without a port; “%(address)s” is none."),
        Discovery.SERVER: _("Discovery servers are written host:port; “%(address)s” is not."),
    }
    message = forms[Discovery(mec.discovery)] % {"address": str(wrong[0])}
    return [FieldError("/addresses", message)]


def _fits(address: Any, discovery: str) -> bool:
    """Check the port of an address: static peers have none, discovery servers one."""
    match = ADDRESS.fullmatch(str(address))
    port = ((match and match[3]) or "").removeprefix(":")
    if discovery == Discovery.PEERS:
        return not port
    return bool(port) and 0 < int(port) <= MAX_PORT


def _nowhere_error(transport: str) -> FieldError:
    if transport == Transport.ROS2:
        message = _(
            "Agents would reach nobody: choose multicast, static peers or a discovery server."
        )
        return FieldError("/discovery", message)
    message = _(
        "Agents would reach nobody: write an endpoint such as tcp/192.0.2.7:7447, or choose multicast "
        "as discovery."
    )
    return FieldError("/endpoint", message)


def simulation_names(mecs: Iterable[Mec]) -> dict[int, str]:
    """For each MEC that is in use, the name of a simulation that uses it."""
    rows = Simulation.objects.living().filter(mec__in=[mec.pk for mec in mecs])
    return dict(rows.order_by().values_list("mec").annotate(Min("name")))


def in_use_message(simulation: str) -> str:
    """The message for a MEC that cannot be deleted as a simulation uses it."""
    message = _(
        "The simulation “%(name)s” uses this system under test: choose another there, or disable this one."
    )
    return message % {"name": simulation}


def delete(mec: Mec) -> None:
    """Delete a MEC permanently.

    Raises:
        MecInUseError: An execution that has not ended uses it, or a simulation, or a deleted one that
            has not been purged yet.
    """
    if reason := usage.use_of_mec(mec):
        raise MecInUseError(reason)
    user = mec.simulations.filter(deleted_at=None).order_by("id").first()
    if user is not None:
        raise MecInUseError(in_use_message(user.name))
    try:
        with transaction.atomic():
            mec.delete()
    except (ProtectedError, IntegrityError) as error:
        if not mec.simulations.exists():
            raise
        message = _("A simulation still uses this system under test: disable it instead.")
        raise MecInUseError(message) from error
