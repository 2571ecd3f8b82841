"""Failures: stored as code and values, worded in the language of the reader."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext, ngettext, override

from simulations.choices import DeletionFailure, FailureCode, LossReason, MecTestResult, Stopper

MAX_PERIODS = 3
"""Outages that a failure lists."""


def failure(code: str, **values: Any) -> dict[str, Any]:
    """Return the failure fields of a row.

    The English text is for older versions, which do not read the values.

    Args:
        code: A failure code; empty if nothing failed, then the value `cause` is the code to word.
        values: Values of `failure_text`.
    """
    with override("en"):
        text = failure_text(code, values, "")
    return {"failure_code": code, "failure_values": values, "failure_text": text}


def failure_text(code: str, values: Mapping[str, Any] | None, text: str) -> str:
    """Word the cause and the remedy of a failure.

    Args:
        code: The failure code.
        values: `completed`, `agents` and `min_percent` of a stage, `undelivered` messages with the
            times of `outages`, topics `unheard`, a `reason` given by another system, the attempt
            `superseded_by`, or `stopped_by` (a user or a `Stopper`); None: use the text.
        text: Text stored by older versions or agents.
    """
    if values is None:
        return text
    code = values.get("cause", code)
    if code not in FailureCode.values:
        return text
    if "stopped_by" in values:
        return gettext("It was stopped by %(name)s.") % {"name": _stopper(values["stopped_by"])}
    if "superseded_by" in values:
        return gettext("Another attempt took over.")
    sentences = [*_figures(values), str(FailureCode(code).label)]
    if "reason" in values:
        sentences.append(str(values["reason"]))
    return " ".join(sentences)


def remedy(code: str) -> str:
    """Return the remedy for a failure; empty for codes of other versions."""
    return str(FailureCode(code).label) if code in FailureCode.values else ""


def waiting_text(waiting: Mapping[str, Any]) -> str:
    """Say why units do not run: the cause with its remedy, and the message of the backend.

    Args:
        waiting: `code` and `reason`, as of a stage run.
    """
    code = waiting["code"]
    if code == FailureCode.BACKEND_UNAVAILABLE:
        text = gettext("Units cannot be started or reached now: it is tried again.")
    else:
        text = str(FailureCode(code).label) if code in FailureCode.values else code
    return " ".join(filter(None, [text, waiting["reason"]]))


def _figures(values: Mapping[str, Any]) -> Iterator[str]:
    if {"completed", "agents", "min_percent"} <= values.keys():
        message = gettext(
            "%(completed)d of %(agents)d agents completed, at least %(min_percent)d %% must."
        )
        yield message % values
    if {"undelivered", "outages"} <= values.keys():
        yield _lost_messages(values["undelivered"], values["outages"])
    if values.get("unheard"):
        yield _unheard(values["unheard"])


def _stopper(name: str) -> str:
    return str(Stopper(name).label) if name in Stopper.values else name


def stopped_by(email: str | None, values: Mapping[str, Any] | None) -> str | None:
    """Name the stopper of an execution: the address of a user or a `Stopper`; None if nobody did."""
    return email or (values or {}).get("stopped_by")


def warning_texts(warnings: Iterable[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    """Word the warnings of an execution: each is a failure code that failed nothing, and a stage."""
    return [
        {"code": row["code"], "stage": row["stage"], "text": _warning_text(**row)}
        for row in warnings or ()
    ]


def _warning_text(code: str, values: Mapping[str, Any] | None = None, **_row: Any) -> str:
    """Word a warning; with values it is about topics that were left out, or that nobody subscribed to."""
    if values is None:
        return failure_text(code, {}, "")
    if code == FailureCode.NOBODY_LISTENS:
        return _without_subscriber(values)
    return _left_out(code, values)


def _left_out(code: str, values: Mapping[str, Any]) -> str:
    if code == FailureCode.TYPE_UNKNOWN:
        message = ngettext(
            "%(count)d topic was left out, as its message type is defined nowhere: %(topics)s.",
            "%(count)d topics were left out, as their message types are defined nowhere: %(topics)s.",
            values["count"],
        )
    else:
        message = ngettext(
            "%(count)d topic was left out, as the transport %(transport)s cannot carry its name: %(topics)s.",
            "%(count)d topics were left out, as the transport %(transport)s cannot carry their names: "
            "%(topics)s.",
            values["count"],
        )
    return message % values


def _without_subscriber(values: Mapping[str, Any]) -> str:
    message = ngettext(
        "%(count)d topic had no subscriber when the agents started: %(topics)s.",
        "%(count)d topics had no subscriber when the agents started: %(topics)s.",
        values["count"],
    )
    return message % values


def _unheard(topics: Sequence[Mapping[str, Any]]) -> str:
    """Name topics that must have a subscriber as they are published, such as `/agent_1/odom`."""
    return gettext("Without a subscriber: %(names)s.") % {"names": "; ".join(map(_names, topics))}


def _names(topic: Mapping[str, Any]) -> str:
    names = ", ".join(topic["first"])
    if topic["agents"] <= len(topic["first"]):
        return names
    message = ngettext(
        "%(names)s, … (%(count)d agent)", "%(names)s, … (%(count)d agents)", topic["agents"]
    )
    return message % {"names": names, "count": topic["agents"]}


def _lost_messages(number: int, outages: Sequence[tuple[str, str | None]]) -> str:
    """Say how many messages may be lost, and when the connection was."""
    values = {"number": number, "periods": periods(outages)}
    message = ngettext(
        "%(number)d message may not have arrived (%(periods)s).",
        "%(number)d messages may not have arrived (%(periods)s).",
        number,
    )
    return message % values


def periods(outages: Sequence[tuple[str, str | None]]) -> str:
    """Word the first outages, of stored times."""
    more = ["…"] if len(outages) > MAX_PERIODS else []
    return ", ".join([period(*outage) for outage in outages[:MAX_PERIODS]] + more)


def period(began: str, ended: str | None) -> str:
    """Word an outage, of stored times."""
    if ended is None:
        return gettext("since %(time)s") % {"time": _time(began)}
    return gettext("%(begin)s to %(end)s") % {"begin": _time(began), "end": _time(ended)}


def lost_span_text(span: Mapping[str, Any]) -> str:
    """Word a span of time of which a recording has nothing."""
    why = span["why"]
    values = {
        "period": period(span["began_at"], span["ended_at"]),
        "why": LossReason(why).label if why in LossReason.values else why,
    }
    return gettext("Lost: %(period)s (%(why)s).") % values


def recording_name(unit: int, agent: int | None, attempt: int) -> str:
    """Name a recording by its agent or unit, and by a later attempt."""
    place = gettext("unit %(unit)d") if agent is None else gettext("agent %(agent)d")
    name = place % {"unit": unit, "agent": agent}
    if attempt <= 1:
        return name
    return gettext("%(name)s, attempt %(attempt)d") % {"name": name, "attempt": attempt}


def recording_text(text: str, spans: Sequence[Mapping[str, Any]] | None) -> str:
    """Word what happened to a recording: the first spans that are lost, and the stored text."""
    sentences = [lost_span_text(span) for span in (spans or ())[:MAX_PERIODS]]
    more = ["…"] if len(spans or ()) > MAX_PERIODS else []
    return " ".join(filter(None, [*sentences, *more, text]))


def _time(text: str) -> str:
    return timezone.localtime(datetime.fromisoformat(text)).strftime("%Y-%m-%d %H:%M:%S")


def deletion_error(code: str, text: str) -> str:
    """Word why a deletion waits or failed; `text` is the message of another system."""
    return str(DeletionFailure(code).label) if code in DeletionFailure.values else text


def mec_test_text(result: Mapping[str, Any]) -> str:
    """Word the result of testing a mec, with what to do; that of another version says it in English."""
    code = result["code"]
    return str(MecTestResult(code).label) if code in MecTestResult.values else result["text"]
