"""The result of an execution, as a terminal shows it."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from simulations.models import Execution
from simulations.services.progress.progress import progress_of
from simulations.services.progress.results import summary
from simulations.services.progress.stage_figures import StageFigures, stage_figures


def show_result(execution: Execution, console: Console) -> None:
    """Print what came of an execution: the whole, then a line for each stage."""
    seen = progress_of(execution)
    outcome = summary(execution)
    console.print(_title(outcome), highlight=False)
    figures = stage_figures(execution)
    table = Table(box=SIMPLE, padding=(0, 1, 0, 0))
    # A name may be cut where the terminal is narrow, a figure or a state never.
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column(_("Stage"), overflow="ellipsis", no_wrap=True, max_width=16)
    table.add_column(_("Status"), no_wrap=True, min_width=len("FINALIZING"))
    for number in HEADINGS:
        table.add_column(str(number), justify="right", no_wrap=True)
    for stage in seen.stages:
        known = (str(stage.position), stage.name, str(stage.status))
        table.add_row(*known, *cells(figures, stage.position))
    console.print(table)
    console.print(_caption(outcome), highlight=False)


HEADINGS = (
    _lazy("ok"),
    _lazy("failed"),
    _lazy("Messages"),
    _lazy("p99 (µs)"),
    _lazy("Skew (µs)"),
)


def cells(figures: dict[int, StageFigures], position: int) -> list[str]:
    """What stands under the headings for a stage."""
    seen = figures.get(position, StageFigures())
    measured = ("-" if us is None else f"{us:.0f}" for us in (seen.lateness_us, seen.skew_us))
    return [str(seen.completed), str(seen.failed), str(seen.messages), *measured]


def _title(outcome: dict[str, object]) -> str:
    words = {
        "id": outcome["execution"],
        "status": outcome["status"],
        "data": outcome["data_status"],
        "seconds": outcome["seconds"],
    }
    return _("Execution %(id)s: %(status)s, data %(data)s, after %(seconds)s s") % words


def _caption(outcome: dict[str, object]) -> str:
    return _(
        "%(agents)s agents, %(messages_published)s messages, %(recordings)s recordings; started at most "
        "%(start_skew_us_max)s µs apart from the release, late by %(lateness_us_p99)s µs (p99)"
    ) % {key: "-" if value is None else value for key, value in outcome.items()}
