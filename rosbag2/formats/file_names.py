"""Names of files: decoded by one rule, and found in a folder whatever system wrote them."""

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from unicodedata import category, normalize

CODE_PAGES = {"ko": "cp949", "ja": "cp932", "zh-tw": "cp950", "zh-hk": "cp950", "zh": "gb18030"}
"""Code pages in which Windows writes names that are not Unicode, by language."""

ANY_BYTES = "cp437"
"""The code page of the first zip files; it has a letter for each byte, so that nothing is lost."""

MAX_PART_BYTES = 255
"""Of a name of a file or folder, as Linux has it."""

_JOINERS = "\u200c\u200d"


def code_page(language: str) -> str:
    """The code page of a language such as `ko`, `ko-KR` or `ko_KR.UTF-8`; empty for one without."""
    tag = language.lower().replace("_", "-").partition(".")[0]
    return CODE_PAGES.get(tag) or CODE_PAGES.get(tag.partition("-")[0], "")


def decode(raw: bytes, language: str = "") -> str:
    """Decode a name: UTF-8, else the code page of the sender's language, else one letter per byte."""
    for encoding in ("utf-8", code_page(language) or ANY_BYTES):
        with suppress(UnicodeDecodeError):
            return normal(raw.decode(encoding))
    return normal(raw.decode(ANY_BYTES))


def normal(name: str) -> str:
    """The name in the one form of Unicode that is stored (NFC); macOS takes letters apart."""
    return normalize("NFC", name)


def is_visible(name: str) -> bool:
    """Return whether a name has no signs that hide or change what it looks like, such as line ends.

    Spaces of any width and what joins letters are no such signs: names of screenshots have them.
    """
    return all(sign.isprintable() or sign in _JOINERS or category(sign) == "Zs" for sign in name)


def spelling_in(folder: Path, names: Iterable[str]) -> Callable[[str], str]:
    """Return a function that spells listed paths as the files in a folder are spelled.

    A list and a folder that came different ways may differ in the form of Unicode, and one of them may have
    been decoded by a wrong code page.
    """
    if all(name.isascii() for name in names):
        return lambda listed: listed
    present: dict[str, str] = {}
    for path in (*folder.glob("*"), *folder.glob("*/*")):
        for spelling in _spellings(path.name):
            present.setdefault(spelling, path.name)

    def spelled(part: str) -> str:
        return next((present[s] for s in _spellings(part) if s in present), part)

    return lambda listed: "".join(map(spelled, re.split(r"([/\\])", listed)))


def _spellings(name: str) -> list[str]:
    """The name, and what its bytes say in other encodings where it was decoded without knowing its own."""
    found = [normal(name)]
    if name.isascii():
        return found
    with suppress(UnicodeEncodeError):
        raw = name.encode(ANY_BYTES)
        for encoding in ("utf-8", *CODE_PAGES.values()):
            with suppress(UnicodeDecodeError):
                found.append(normal(raw.decode(encoding)))
    return found
