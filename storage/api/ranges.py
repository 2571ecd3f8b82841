"""Range requests (RFC 9110, section 14)."""

import re

from common.exceptions import DomainError

SINGLE_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*")


class RangeNotSatisfiableError(DomainError):
    """The range starts after the end of the file."""

    status = 416
    code = "RANGE_NOT_SATISFIABLE"


def parse_range(header: str, size: int) -> range | None:
    """Parse a Range header; None for the whole file.

    Anything but a single range of bytes is ignored, as the standard allows.

    Raises:
        RangeNotSatisfiableError: No byte of the file is in the range.
    """
    match = SINGLE_RANGE.fullmatch(header)
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if first == "":
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1 if last else size)
        if last and int(last) < int(first):
            return None
    if start >= stop:
        raise RangeNotSatisfiableError
    return range(start, stop)
