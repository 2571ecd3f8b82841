"""Damage to a file: single bits where its structure lies, and anywhere; cuts; stretches of zeros."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rosbag2.tests.fuzz.bags import Bag

PAGE = 4096
_FRAME = 24 + PAGE
_SQLITE_HEADER, _WAL_HEADER = 100, 32
_INNER_OR_LEAF = {0x02: 12, 0x05: 12, 0x0A: 8, 0x0D: 8}
_CELL_HEAD = 16
_RECORD_HEAD = 40


@dataclass(frozen=True)
class Damage:
    """One change of a file: `bit`, `cut` or `zeros`; the place is a bit or a byte."""

    file: str
    kind: str
    place: int
    size: int = 0
    where: str = ""

    def apply(self, folder: Path) -> None:
        """Damage the file in a copy of the bag."""
        path = folder / self.file
        content = bytearray(path.read_bytes())
        if self.kind == "bit":
            content[self.place // 8] ^= 1 << self.place % 8
        elif self.kind == "cut":
            del content[self.place :]
        else:
            end = min(len(content), self.place + self.size)
            content[self.place : end] = bytes(end - self.place)
        path.write_bytes(content)


def damages(bag: Bag, rolled: random.Random) -> Iterator[Damage]:
    """Damages without end: most are bits of the structure, a few are others."""
    files = [path for path in sorted(bag.folder.iterdir()) if path.name != "metadata.yaml"]
    contents = {path.name: path.read_bytes() for path in files}
    regions = {path.name: _regions(path, contents[path.name]) for path in files}
    while True:
        name = rolled.choice([*contents, bag.file.name])
        size = len(contents[name])
        kind = rolled.choices(["structure", "bit", "cut", "zeros"], [16, 2, 1, 1])[0]
        if kind == "structure":
            where = rolled.choice(list(regions[name]))
            byte = rolled.choice(regions[name][where])
            yield Damage(name, "bit", 8 * byte + rolled.randrange(8), where=where)
        elif kind == "bit":
            yield Damage(name, "bit", rolled.randrange(8 * size), where="anywhere")
        elif kind == "cut":
            yield Damage(name, "cut", rolled.randrange(size), where="cut")
        else:
            block = rolled.choice([512, PAGE])
            place = rolled.randrange(0, size, block)
            yield Damage(name, "zeros", place, block * rolled.randrange(1, 5), where="zeros")


def _regions(path: Path, content: bytes) -> dict[str, list[int]]:
    """Bytes by what they are for."""
    if path.suffix == ".mcap":
        return _records(content)
    regions: dict[str, list[int]] = {}
    if path.name.endswith("-wal"):
        regions["WAL header"] = list(range(_WAL_HEADER))
        for start in range(_WAL_HEADER, len(content), _FRAME):
            regions.setdefault("WAL frame", []).extend(range(start, start + 24))
            number = int.from_bytes(content[start : start + 4], "big")
            _page(regions, content, start + 24, number)
        return regions
    regions["header"] = list(range(_SQLITE_HEADER))
    for number in range(1, len(content) // PAGE + 1):
        _page(regions, content, (number - 1) * PAGE, number)
    return regions


def _page(regions: dict[str, list[int]], content: bytes, start: int, number: int) -> None:
    """The head, the list and the heads of the cells of a page; all of the first one's text."""
    head = start + (_SQLITE_HEADER if number == 1 else 0)
    kind = content[head]
    if kind not in _INNER_OR_LEAF:
        regions.setdefault("overflow", []).extend(range(start, start + 4))
        return
    cells = int.from_bytes(content[head + 3 : head + 5], "big")
    cells_at = head + _INNER_OR_LEAF[kind]
    name = "schema" if number == 1 else f"page {kind}"
    region = regions.setdefault(name, [])
    region.extend(range(head, cells_at + 2 * cells))
    for n in range(cells):
        place = start + int.from_bytes(content[cells_at + 2 * n : cells_at + 2 * n + 2], "big")
        length = 400 if number == 1 else _CELL_HEAD
        region.extend(range(place, min(place + length, start + PAGE)))


def _records(content: bytes) -> dict[str, list[int]]:
    """The heads of records by their kind."""
    regions = {"magic": [*range(8), *range(len(content) - 8, len(content))]}
    place = 8
    while place < len(content) - 8:
        length = int.from_bytes(content[place + 1 : place + 9], "little")
        end = place + 9 + length
        region = regions.setdefault(f"record {content[place]}", [])
        region.extend(range(place, min(end, place + _RECORD_HEAD)))
        place = end
    return regions
