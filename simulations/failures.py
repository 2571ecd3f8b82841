"""Failures as they are stored, code and values, and their words in the language of the reader."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext, override

from simulations.choices import DeletionFailure, FailureCode


def failure(code: str, **values: Any) -> dict[str, Any]:
    """The fields of a row that failed; the text, in English, is for versions that know no values.

    Args:
        code: A failure code, or empty where it is none; then `said` is the code that tells why.
        values: What `failure_text` fills in.
    """
    with override("en"):
        text = failure_text(code, values, "")
    return {"failure_code": code, "failure_values": values, "failure_text": text}


def failure_text(code: str, values: Mapping[str, Any] | None, text: str) -> str:
    """Tell what happened and what to do.

    Args:
        code: The failure code.
        values: `completed`, `agents` and `least` (percent) of a stage, a `reason` in the words of another
            system, or the attempt `superseded_by`; None: the text says all.
        text: What was stored in words: by older versions, by agents.
    """
    if values is None:
        return text
    code = values.get("said", code)
    if code not in FailureCode.values:
        return text
    if "superseded_by" in values:
        return gettext("Another attempt took over.")
    parts = [str(FailureCode(code).label)]
    if {"completed", "agents", "least"} <= values.keys():
        sentence = gettext(
            "%(completed)d of %(agents)d agents completed, at least %(least)d %% must."
        )
        parts.insert(0, sentence % values)
    if "reason" in values:
        parts.append(str(values["reason"]))
    return " ".join(parts)


def deletion_error(code: str, text: str) -> str:
    """Tell what a deletion waits for or failed at; `text` are the words of another system."""
    return str(DeletionFailure(code).label) if code in DeletionFailure.values else text
