"""The write-ahead log of a SQLite file, frame by frame: also what lies behind a frame that is damaged.

Each frame holds a checksum of all before it, so a damaged one is found by what its predecessor notes. SQLite
stops at the first. Frames of earlier cycles, which have other salts, often follow; they are in the database
already.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rosbag2.budget import Budget

HEADER, FRAME = 32, 24
_MAGIC = 0x377F0682
_CHECKED = 8
"""Bytes of a frame's head that its checksum covers."""
_BLOCK_BYTES = 2**22
_STEP = np.array([[1, 1], [1, 2]], np.uint32)
"""The step of each eight bytes on the two numbers of a checksum."""
_Pair = NDArray[np.uint32]


@dataclass
class Log:
    """Offsets of the last committed state of each page, without those that are damaged.

    `fault` is what keeps SQLite from reading all of it, "" if nothing does.
    """

    frames: dict[int, int] = field(default_factory=dict)
    fault: str = ""


@dataclass
class _Frame:
    page: int
    commits: bool
    offset: int
    own: bool
    """True in the newest cycle: by its salts, or by the checksum that comes next in it."""
    good: bool
    read: bool
    """True when SQLite comes as far."""


def read_log(path: Path, page_bytes: int, budget: Budget) -> Log:
    """Read the log of a database with pages of that size; empty when it is not there."""
    if not path.is_file() or path.is_symlink() or path.stat().st_size <= HEADER:
        return Log()
    head, first = _heads(path)
    sound = _is_sound(head)
    orders = [">" if head[3] & 1 else "<"] if sound else ["<", ">"]
    salts = head[16:24] if sound else first[8:16]
    power = _powers((_CHECKED + page_bytes) // 8)[-1]
    readings = [
        list(_frames(_raw_frames(path, page_bytes, order, budget), power, head, salts))
        for order in orders
    ]
    frames = max(readings, key=lambda frames: sum(frame.good for frame in frames))
    log = Log(fault="" if sound else "the header of its write-ahead log is damaged")
    committed = _committed([frame for frame in frames if frame.own])
    for frame in committed:
        if frame.good:
            log.frames[frame.page] = frame.offset
    if sound:
        log.fault = _fault(path, page_bytes, frames, committed, salts)
    elif not committed:
        log.fault = ""
    return log


def _heads(path: Path) -> tuple[bytes, bytes]:
    with path.open("rb") as stream:
        return stream.read(HEADER), stream.read(FRAME)


def _is_sound(head: bytes) -> bool:
    if int.from_bytes(head[:4], "big") & ~1 != _MAGIC:
        return False
    order = ">" if head[3] & 1 else "<"
    sums = _sums(np.frombuffer(head[:24], f"{order}u4").reshape(1, -1))[0]
    return bool((sums == np.frombuffer(head[24:32], ">u4")).all())


def _committed(frames: list[_Frame]) -> list[_Frame]:
    last = max((place for place, frame in enumerate(frames) if frame.commits), default=-1)
    return frames[: last + 1]


def _fault(
    path: Path, page_bytes: int, frames: list[_Frame], committed: list[_Frame], salts: bytes
) -> str:
    if not all(frame.read for frame in committed):
        return "its write-ahead log goes on behind a damaged frame"
    if any(frame.page == 0 and not frame.own for frame in frames):
        return "its write-ahead log ends in zeros"
    with path.open("rb") as stream:
        stream.seek(HEADER + len(frames) * (FRAME + page_bytes))
        rest = stream.read(FRAME)
    return "its write-ahead log is cut off" if rest[8:16] == salts else ""


def _frames(
    raw_frames: Iterator[tuple[int, bytes, _Pair]], power: _Pair, head: bytes, salts: bytes
) -> Iterator[_Frame]:
    noted = computed = np.frombuffer(head[24:32], ">u4").astype(np.uint32)
    before: _Frame | None = None
    read = True
    for offset, raw, part in raw_frames:
        sums = np.frombuffer(raw[16:24], ">u4").astype(np.uint32)
        expected = power @ noted + part
        good = bool((expected == sums).all())
        read = read and good and raw[8:16] == salts
        if not good and before is not None and (power @ computed + part == sums).all():
            # What was damaged is the checksum that the frame before notes.
            before.good = before.own = good = True
        follows = good and (before is None or before.own)
        own = follows or raw[8:16] == salts
        noted, computed = sums, expected
        if before is not None:
            yield before
        before = _Frame(int.from_bytes(raw[:4], "big"), any(raw[4:8]), offset, own, good, read)
    if before is not None:
        yield before


def _raw_frames(
    path: Path, page_bytes: int, order: str, budget: Budget
) -> Iterator[tuple[int, bytes, _Pair]]:
    """For each complete frame: the offset of its page, its head, and the step of its checksum."""
    size = FRAME + page_bytes
    at_once = max(1, _BLOCK_BYTES // size)
    offset = HEADER + FRAME
    with path.open("rb") as stream:
        stream.seek(HEADER)
        while count := len(blocks := stream.read(at_once * size)) // size:
            table = np.frombuffer(blocks[: count * size], np.uint8).reshape(count, -1)
            covered = np.concatenate([table[:, :_CHECKED], table[:, FRAME:]], axis=1)
            parts = _sums(covered.view(f"{order}u4"))
            for number in range(count):
                yield offset, table[number, :FRAME].tobytes(), parts[number]
                offset += size
            budget.advance(len(blocks))


def _sums(words: NDArray[np.uint32]) -> _Pair:
    """The checksum of each row of words, from zero on."""
    powers = _powers(words.shape[1] // 2)[-2::-1].astype(np.uint32)
    values = words.astype(np.uint32)
    first, second = values[:, ::2], values[:, ::2] + values[:, 1::2]
    sums = [
        (first * powers[:, row, 0] + second * powers[:, row, 1]).sum(axis=1, dtype=np.uint32)
        for row in (0, 1)
    ]
    return np.stack(sums, axis=1)


def _powers(count: int) -> NDArray[np.uint32]:
    """The step taken no times, once, and so on up to `count` times."""
    powers = np.empty((count + 1, 2, 2), np.uint32)
    powers[0] = np.eye(2, dtype=np.uint32)
    for n in range(count):
        powers[n + 1] = powers[n] @ _STEP
    return powers
