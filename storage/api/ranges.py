"""Which bytes of a file a request asks for (RFC 9110, section 14)."""

import re

from common.exceptions import DomainError

ONE_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*")


class RangeNotSatisfiableError(DomainError):
    """The range begins behind the end of the file."""

    status = 416
    code = "RANGE_NOT_SATISFIABLE"


def asked(header: str, size: int) -> range | None:
    """The bytes that a Range header asks for, None for the whole file.

    What is not one plain range of bytes is ignored, as the standard allows.

    Raises:
        RangeNotSatisfiableError: nothing of the file lies within it.
    """
    match = ONE_RANGE.fullmatch(header)
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
