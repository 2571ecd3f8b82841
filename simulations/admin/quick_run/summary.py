"""The summary beside the form of a quick run: its rosbag, and what would refuse the start."""

from dataclasses import dataclass

from simulations.admin.quick_run.form import QuickRunForm
from simulations.services import quick_run
from simulations.services.quick_run import Estimate
from storage.admin.rosbags.verdict import status_badge
from storage.models import Rosbag

MAX_WARNINGS = 5


@dataclass(frozen=True)
class Summary:
    """What the page shows of the entered values; `state` is read by its script."""

    state: str
    rosbag: Rosbag | None
    badge: str
    estimate: Estimate | None
    warnings: list[str]
    errors: list[str]
    unpaced: bool
    is_waiting: bool


def summary_of(form: QuickRunForm, *, is_waiting: bool) -> Summary:
    """Summarize the values of a form, complete or not."""
    rosbag = form.chosen_rosbag
    warnings = rosbag.warning_sentences + rosbag.lost_sentences if rosbag else []
    return Summary(
        state=rosbag.status if rosbag else "",
        rosbag=rosbag,
        badge=status_badge(rosbag) if rosbag else "",
        estimate=_estimate(form),
        warnings=warnings[:MAX_WARNINGS],
        errors=_errors(form),
        unpaced=form["rate"].value() in (0, "0", "0.0"),
        is_waiting=is_waiting,
    )


def _estimate(form: QuickRunForm) -> Estimate | None:
    if form.is_bound:
        return quick_run.estimate(form.quick_run()) if not form.errors else None
    values = form.initial_values()
    return quick_run.estimate(values) if values.rosbag is not None else None


def _errors(form: QuickRunForm) -> list[str]:
    if not form.is_bound or form["rosbag"].value() in (None, ""):
        return []
    return [str(message) for messages in form.errors.values() for message in messages]
