"""The console's list of kinds is complete: what the code writes is what there is to choose."""

import re
from pathlib import Path

import simulations
from simulations.choices import EventKind

SOURCES = Path(simulations.__file__).parent / "services"


def test_services_write_exactly_the_event_kinds() -> None:
    text = "".join(path.read_text() for path in SOURCES.rglob("*.py"))
    calls = re.findall(
        r"record_event\(\s*[^,()]+,\s*([^,)]+)", text.replace("def record_event(", "")
    )
    assert {call.removeprefix("EventKind.") for call in calls} == set(EventKind.names)
