"""Events of an execution as sentences, with the tone of each."""

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _

from simulations.admin.formatting import event_label, tone
from simulations.choices import EventKind, RecordingStatus, RunStatus, Stopper
from simulations.failures import recording_name, recording_text, remedy, waiting_text
from simulations.models import Event

Payload = dict[str, Any]
_PROBLEMS: dict[str, str] = {
    EventKind.UNIT_LOST: "bad",
    EventKind.UNIT_NEVER_REGISTERED: "bad",
    EventKind.LINK_LOST: "bad",
    EventKind.UNIT_RETRIED: "warn",
    EventKind.TOPICS_LEFT_OUT: "warn",
    EventKind.LINK_RESTORED: "ok",
}


def event_sentence(event: Event) -> str:
    """Say what happened; of events of another version only the kind."""
    sentence = _SENTENCES.get(event.kind)
    try:
        return sentence(event.payload) if sentence else event_label(event)
    except KeyError:
        return event_label(event)


def event_tone(event: Event) -> str:
    """Return the tone of what happened."""
    status = event.payload.get("status")
    if event.kind == EventKind.STAGE_WAITING and event.payload.get("code"):
        return "warn"
    return tone(status) if status else _PROBLEMS.get(event.kind, "idle")


def _label(choices: Any, value: str) -> str:
    return str(choices(value).label) if value in choices.values else value


def _cause(code: str) -> str:
    return f": {remedy(code) or code}" if code else ""


def _requested(_payload: Payload) -> str:
    return _("Execution requested")


def _execution_status(payload: Payload) -> str:
    values = {"status": _label(RunStatus, payload["status"])}
    if stopper := payload.get("stopped_by"):
        name = {"name": _label(Stopper, stopper)}
        return _("Execution: %(status)s, by %(name)s") % (values | name)
    return _("Execution: %(status)s") % values + _cause(payload.get("failure_code", ""))


def _stage_status(payload: Payload) -> str:
    values = {"stage": payload["position"], "status": _label(RunStatus, payload["status"])}
    return _("Stage %(stage)d: %(status)s") % values + _cause(payload.get("failure_code", ""))


def _heartbeats(payload: Payload) -> str:
    return _("Heartbeats: %(received)d received, %(lost)d lost") % payload


def _topics_left_out(payload: Payload) -> str:
    return _("Stage %(position)d: topics left out: %(topics)s") % payload


def _stage_waiting(payload: Payload) -> str:
    if not payload["code"]:
        return _("Stage %(position)d: no unit waits any more") % payload
    text = _("Stage %(position)d: units that wait: %(units)d") % payload
    return f"{text}: {waiting_text(payload)}"


def _unit_lost(payload: Payload) -> str:
    text = _("Stage %(position)d: unit %(unit)d lost") % payload
    return text + _cause(payload.get("code", ""))


def _unit_never_registered(payload: Payload) -> str:
    text = _("Stage %(stage)d: unit %(unit)d never reported") % payload
    return text + _cause(payload.get("failure_code", ""))


def _unit_retried(payload: Payload) -> str:
    return _("Unit %(unit)d: attempt %(attempt)d began") % payload


def _link_lost(payload: Payload) -> str:
    return _("Stage %(position)d: connection of unit %(unit)d lost") % payload


def _link_restored(payload: Payload) -> str:
    message = _(
        "Stage %(position)d: connection of unit %(unit)d restored; messages that may be lost: %(messages)d"
    )
    return message % payload


def _recording_status(payload: Payload) -> str:
    name = recording_name(payload["unit"], payload.get("agent"), payload.get("attempt", 1))
    values = {"name": name, "status": _label(RecordingStatus, payload["status"])}
    sentence = _("Recording of %(name)s: %(status)s") % values
    text = recording_text(payload.get("text", ""), payload.get("lost_spans"))
    return f"{sentence}: {text}" if text else sentence


_SENTENCES: dict[str, Callable[[Payload], str]] = {
    EventKind.EXECUTION_REQUESTED: _requested,
    EventKind.EXECUTION_STATUS: _execution_status,
    EventKind.EXECUTION_HEARTBEATS: _heartbeats,
    EventKind.STAGE_STATUS: _stage_status,
    EventKind.TOPICS_LEFT_OUT: _topics_left_out,
    EventKind.STAGE_WAITING: _stage_waiting,
    EventKind.UNIT_LOST: _unit_lost,
    EventKind.UNIT_NEVER_REGISTERED: _unit_never_registered,
    EventKind.UNIT_RETRIED: _unit_retried,
    EventKind.LINK_LOST: _link_lost,
    EventKind.LINK_RESTORED: _link_restored,
    EventKind.RECORDING_STATUS: _recording_status,
}
