"""The hot loops over the records of an MCAP chunk."""

from collections.abc import Callable

from rosbag2.formats import mcap_records as records
from rosbag2.formats.mcap_records import BrokenError, Catalogue
from rosbag2.formats.stored_message import HEADER_BYTES, PLAIN

Row = tuple[int, int, bytes]
"""Log time in nanoseconds, channel, data."""

_unpack = records.MESSAGE_HEAD.unpack_from
_HEAD = records.HEAD.size
_SKIP = records.MESSAGE_HEAD.size


def rows(data: bytes, catalogue: Catalogue, base: int) -> list[Row]:
    """The messages in the order of the chunk; its channels are noted in the catalogue.

    Numbers of channels count from `base`.

    Raises:
        BrokenError: a record contradicts its chunk.
    """
    result: list[Row] = []
    place, end = 0, len(data)
    while place <= end - _SKIP:
        opcode, length, channel, time = _unpack(data, place)
        start = place
        place += _HEAD + length
        if place > end:
            raise BrokenError("a record is longer than its chunk")
        if opcode == records.MESSAGE and length >= records.MESSAGE_FIELDS:
            result.append((time, base + channel, data[start + _SKIP : place]))
        else:
            _other(opcode, data[start + _HEAD : place], catalogue, base)
    _rest(data[place:], catalogue, base)
    return result


def columns(
    data: bytes, catalogue: Catalogue, base: int, size_of: Callable[[int, bytes], int]
) -> list[tuple[int, int, int]]:
    """Channel, time and size of the messages, as `rows`; `size_of` tells that of unusual ones.

    Raises:
        BrokenError: a record contradicts its chunk.
    """
    result: list[tuple[int, int, int]] = []
    place, end = 0, len(data)
    while place <= end - _SKIP:
        opcode, length, channel, time = _unpack(data, place)
        start = place
        place += _HEAD + length
        if place > end:
            raise BrokenError("a record is longer than its chunk")
        if opcode == records.MESSAGE and length >= records.MESSAGE_FIELDS:
            size = length - records.MESSAGE_FIELDS
            head = start + _SKIP
            if size < HEADER_BYTES or data[head : head + HEADER_BYTES] not in PLAIN:
                size = size_of(base + channel, data[head:place])
            result.append((base + channel, time, size))
        else:
            _other(opcode, data[start + _HEAD : place], catalogue, base)
    _rest(data[place:], catalogue, base)
    return result


def rows_before_damage(data: bytes, catalogue: Catalogue, base: int) -> tuple[list[Row], str]:
    """The messages up to the first damaged record, and what is wrong with it, "" if nothing is."""
    result: list[Row] = []
    place = 0
    try:
        for _, start, end in records.walk(data):
            result += rows(data[start - _HEAD : end], catalogue, base)
            place = end
    except BrokenError as error:
        return result, f"{error} (at byte {place} of it)"
    return result, ""


def _rest(data: bytes, catalogue: Catalogue, base: int) -> None:
    """Take the records at the end of a chunk that are shorter than any message."""
    for opcode, start, end in records.walk(data):
        _other(opcode, data[start:end], catalogue, base)


def _other(opcode: int, content: bytes, catalogue: Catalogue, base: int) -> None:
    if opcode in {0, records.MESSAGE}:
        raise BrokenError("a chunk holds something that is no record")
    if opcode in records.NOTED:
        catalogue.take(opcode, content, base)
