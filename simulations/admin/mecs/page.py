"""Parts of the page of a system under test beside its form: the last test, and its uses."""

from typing import Any

from django.utils.html import format_html
from django.utils.translation import gettext as _

from common.admin.badges import badge
from common.admin.times import between, moment
from simulations.admin import formatting
from simulations.choices import Discovery
from simulations.failures import mec_test_text
from simulations.models import Execution, LinkProbe, Mec
from simulations.services.designs import probe_requests

MAX_ROWS = 10
MAX_SIMULATIONS = 100
"""Simulations whose executions are looked through for the last ones."""
PARTS = frozenset({"badge", "tested"})
"""Parts of the page that are asked for again and again."""
TEST_SECONDS = 1
IDLE_SECONDS = 60
MAX_DETAIL = 300
"""Characters of a message of the system."""


def context(mec: Mec) -> dict[str, Any]:
    """Return the values of the page's template."""
    simulations = list(
        mec.simulations.filter(deleted_at=None)
        .order_by("-latest_execution", "-pk")
        .only("name", "mec")[:MAX_SIMULATIONS]
    )
    return test_context(mec) | {
        "connection": connection(mec),
        "executions": _executions(mec, [simulation.pk for simulation in simulations]),
        "simulations": [
            (formatting.link(simulation, simulation.name)) for simulation in simulations[:MAX_ROWS]
        ],
        "more_simulations": len(simulations) > MAX_ROWS,
        "simulations_url": formatting.list_url("simulation", mec__id__exact=mec.pk),
    }


def test_context(mec: Mec) -> dict[str, Any]:
    """Return the values of the parts that change while it is tested."""
    requested = probe_requests.latest(mec)
    ongoing = requested is not None and requested.is_open
    return {
        "mec_badge": badge("run", _("being tested")) if ongoing else state_badge(mec),
        "last_test": last_test(mec),
        "ongoing_test": _ongoing(requested) if requested and ongoing else None,
        "failed_test": "" if ongoing else _failure(mec, requested),
        "seconds": TEST_SECONDS if ongoing else IDLE_SECONDS,
    }


def _ongoing(requested: LinkProbe) -> dict[str, Any]:
    if requested.taken_at is None:
        text = probe_requests.waiting_text(requested)
    else:
        text = _("A controller tests it, in a pod that has to start first.")
    return {"text": text, "at": moment(requested.created_at), "by": requested.requested_by or "-"}


def _failure(mec: Mec, requested: LinkProbe | None) -> str:
    """Say why the last requested test has no result; empty if it has, or a newer one has."""
    if requested is None or (
        mec.last_tested_at and mec.last_tested_at > (requested.ended_at or requested.created_at)
    ):
        return ""
    return probe_requests.failure_text(requested)


def connection(mec: Mec) -> str:
    """Show the transport, and the address or how peers find each other."""
    transport = mec.get_transport_display()
    discovery = mec.get_discovery_display() if mec.discovery != Discovery.NONE else ""
    address = mec.endpoint or (mec.addresses[0] if mec.addresses else discovery)
    more = f"+{len(mec.addresses) - 1}" if len(mec.addresses) > 1 else ""
    return format_html('{} <span class="mono nowrap">{} {}</span>', transport, address, more)


def state_badge(mec: Mec) -> str:
    """Show whether it is disabled, else the result of its last test."""
    if not mec.enabled:
        return badge("idle", _("disabled"))
    if mec.last_test is None:
        return badge("idle", _("not tested"))
    return test_badge(mec.last_test)


def test_badge(result: dict[str, Any]) -> str:
    """Show the result of a test in one or two words."""
    reachable = result["reachable"]
    if reachable is None:
        return badge("idle", _("nothing to reach"))
    if not reachable:
        return badge("bad", _("unreachable"))
    if result["code"] == "NOT_FORWARDED":
        return badge("warn", _("reachable, forwards nothing"))
    return badge("ok", _("reachable"))


def last_test(mec: Mec) -> dict[str, Any] | None:
    """Return the last test in words; None if there was none of the present link."""
    result = mec.last_test
    if result is None:
        return None
    tones = {True: "ok", False: "bad", None: "idle"}
    warn = result["code"] == "NOT_FORWARDED"
    return {
        "tone": "warn" if warn else tones[result["reachable"]],
        "text": mec_test_text(result),
        "detail": result["detail"][:MAX_DETAIL],
        "round_trip": round_trip(result),
        "at": moment(mec.last_tested_at),
        "by": mec.last_tested_by or "-",
    }


def round_trip(result: dict[str, Any]) -> str:
    """Show the round trip of a test; empty if it was not measured."""
    milliseconds = result["round_trip_ms"]
    return "" if milliseconds is None else f"{milliseconds:.2f} ms"


def _executions(mec: Mec, simulations: list[int]) -> list[dict[str, Any]]:
    rows = (
        Execution.objects.filter(simulation__in=simulations, plan__mec=mec.pk)
        .select_related("simulation")
        .only(
            "simulation__name",
            "number",
            "status",
            "data_status",
            "created_at",
            "started_at",
            "ended_at",
        )
        .order_by("-pk")[:MAX_ROWS]
    )
    return [
        {
            "link": formatting.execution_link(row),
            "status": formatting.status_label(row),
            "data": formatting.status_label(row, "data_status"),
            "requested": moment(row.created_at),
            "duration": between(row.started_at, row.ended_at),
        }
        for row in rows
    ]
