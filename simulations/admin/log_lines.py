"""Lines of units' logs: one JSON object each, as the agent writes them; other lines are shown as they are."""

from typing import Any

import msgspec

LEVELS = ("debug", "info", "warning", "error", "critical")


class LogLine(msgspec.Struct, frozen=True):
    """One line; the time is that of the unit's machine, without zone."""

    time: str = ""
    level: str = "info"
    event: str = ""
    traceback: str = ""


_DECODER = msgspec.json.Decoder(LogLine)


def parse(text: str) -> list[LogLine]:
    """Parse the lines of a log; the first may be the end of one that was cut off."""
    return [_parse(line) for line in text.splitlines() if line.strip()]


def _parse(line: str) -> LogLine:
    try:
        return _DECODER.decode(line)
    except (msgspec.MsgspecError, UnicodeEncodeError):
        return LogLine(event=line)


def to_dict(line: LogLine, unit: str = "") -> dict[str, Any]:
    """A line for a template or a script."""
    text = f"{line.event}\n{line.traceback}" if line.traceback else line.event
    return {"time": line.time, "level": line.level, "text": text, "unit": unit}
