"""The install guide as tests read it: its fenced blocks, the commands in them, and those in the text."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from robotsim_project.environment import BASE_DIR

ENGLISH = BASE_DIR / "docs" / "install.md"
KOREAN = BASE_DIR / "docs" / "install.ko.md"
CLASSES = ("sh run", "sh cluster", "sh docker", "sh outside", "env", "text")
_FENCED = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_SPAN = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Block:
    """A fenced block: the info string of its fence, and its content."""

    kind: str
    text: str

    def commands(self) -> list[str]:
        """Its commands, each on one line, without comments."""
        joined = re.sub(r"\\\n\s*", "", self.text)
        lines = [re.sub(r"(^|\s+)#.*", "", line).strip() for line in joined.splitlines()]
        return [line for line in lines if line]


def blocks(page: Path = ENGLISH) -> list[Block]:
    """All fenced blocks, in their order."""
    return [Block(kind, text) for kind, text in _FENCED.findall(page.read_text(encoding="utf-8"))]


def commands(kind: str) -> list[str]:
    """The commands in all blocks of a kind, in their order."""
    return [line for block in blocks() if block.kind == f"sh {kind}" for line in block.commands()]


def prose(page: Path = ENGLISH) -> str:
    """The page without its fenced blocks."""
    return _FENCED.sub("", page.read_text(encoding="utf-8"))


def headings(page: Path) -> list[str]:
    """All headings, each with its signs: `## 1. Overview`."""
    return [" ".join(found) for found in _HEADING.findall(prose(page))]


def spans(page: Path = ENGLISH) -> list[str]:
    """Texts in back quotes before the table of promises; line breaks are replaced by blanks."""
    text = prose(page).rpartition("\n## 11.")[0]
    return [" ".join(span.split()) for span in _SPAN.findall(text)]


def words(command: str) -> list[str]:
    """A command as the shell takes it apart; what follows a pipe or a `&` is not part of it."""
    found = shlex.split(command, comments=True)
    ends = [found.index(sign) for sign in ("|", "&", "&&") if sign in found]
    return found[: min(ends, default=len(found))]


def option(found: list[str], *names: str) -> str | None:
    """The value behind an option; None: it is not there."""
    for index, word in enumerate(found):
        if word in names:
            return found[index + 1]
    return None
