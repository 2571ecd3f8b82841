"""The one rule for what a file stores as a message: a zstd frame is unpacked, and what goes out is CDR.

Each message is judged by itself: neither metadata nor its neighbours tell whether it is packed.
"""

from rosbag2.budget import MAX_MESSAGE
from rosbag2.formats.compression import MAGIC, unpack_bytes

PLAIN = frozenset(bytes((0, 1, 0, padding)) for padding in range(4))
"""The first bytes of nearly every message: CDR, little endian; the last byte is its padding. No other is
looked at twice."""

# CDR, with parameters, and of XTypes 1.2 and 1.3; each in both byte orders.
_KINDS = (*range(4), *range(6, 12), *range(16, 22))
_HEADERS = frozenset(bytes((0, kind)) for kind in _KINDS)
HEADER_BYTES = 4


def stored_message(data: bytes, *, cdr: bool) -> bytes | None:
    """The message in stored data, None when it is none; `cdr` is whether its topic says that it is CDR.

    Raises:
        OverflowError: it unpacks to more than MAX_MESSAGE bytes.
    """
    if data.startswith(MAGIC):
        try:
            data = unpack_bytes(data, MAX_MESSAGE)
        except ValueError:
            return None
    if cdr and (len(data) < HEADER_BYTES or data[:2] not in _HEADERS):
        return None
    return data
