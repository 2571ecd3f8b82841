"""The hot loops over the records of an MCAP chunk."""

from collections.abc import Callable, Iterator

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
    places = _messages(data, catalogue, base)
    return [(time, channel, data[start:end]) for channel, time, start, end in places]


def columns(
    data: bytes, catalogue: Catalogue, base: int, size_of: Callable[[int, bytes], int]
) -> list[tuple[int, int, int]]:
    """Channel, time and size of the messages, as `rows`; `size_of` tells that of unusual ones."""
    result: list[tuple[int, int, int]] = []
    for channel, time, start, end in _messages(data, catalogue, base):
        size = end - start
        if size < HEADER_BYTES or data[start : start + HEADER_BYTES] not in PLAIN:
            size = size_of(channel, data[start:end])
        result.append((channel, time, size))
    return result


def _messages(data: bytes, catalogue: Catalogue, base: int) -> Iterator[tuple[int, int, int, int]]:
    """Channel and time of each message, and where its data start and end."""
    place, end = 0, len(data)
    while place <= end - _SKIP:
        opcode, length, channel, time = _unpack(data, place)
        start = place
        place += _HEAD + length
        if place > end:
            raise BrokenError("a record is longer than its chunk")
        if opcode == records.MESSAGE and length >= records.MESSAGE_FIELDS:
            yield base + channel, time, start + _SKIP, place
        else:
            _other(opcode, data[start + _HEAD : place], catalogue, base)
    # Records at the end that are shorter than any message.
    for opcode, start, stop in records.walk(data[place:]):
        _other(opcode, data[place + start : place + stop], catalogue, base)


def rows_before_damage(data: bytes, catalogue: Catalogue, base: int) -> tuple[list[Row], bool]:
    """The messages up to the first damaged record, and whether there is one."""
    result: list[Row] = []
    try:
        for channel, time, start, end in _messages(data, catalogue, base):
            result.append((time, channel, data[start:end]))
    except BrokenError:
        return result, True
    return result, False


def _other(opcode: int, content: bytes, catalogue: Catalogue, base: int) -> None:
    if opcode in {0, records.MESSAGE}:
        raise BrokenError("a chunk holds something that is no record")
    if opcode in records.NOTED:
        catalogue.take(opcode, content, base)
