"""The checks before a start in a terminal."""

from rich.console import Console
from rich.text import Text

from simulations.choices import CheckStatus
from simulations.services.designs.checks import Preflight

STYLES = {
    CheckStatus.OK: "green",
    CheckStatus.WARNING: "yellow",
    CheckStatus.ERROR: "red",
    CheckStatus.UNKNOWN: "dim",
}


def show_preflight(result: Preflight, console: Console) -> None:
    """Print a line for each check: its result, what was checked, and what to do."""
    for check in result.checks:
        label = str(CheckStatus(check.status).label)
        stage = f" {check.stage}" if check.stage else ""
        line = Text(f"[{label}] ", style=STYLES[check.status])
        line.append(f"{check.check.label}{stage}: {check.text}", style="default")
        console.print(line, soft_wrap=True)
