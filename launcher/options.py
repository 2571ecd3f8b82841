"""What the user asked for: the words after `make demo`, checked before anything is started."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PATTERNS = ("sequential", "parallel")
TRANSPORTS = ("null", "zenoh-raw")
_LARGEST_PORT = 65535


class UsageError(Exception):
    """A word that is not understood; the sentence names it and what it may be."""


@dataclass(frozen=True)
class DemoOptions:
    """One run of a bundle."""

    bag: Path | None = None
    """A rosbag2 bundle: its folder, an archive, or one data file; None: the sample."""
    agents: int = 20
    pattern: str = "parallel"
    transport: str = "null"
    rate: float = 1.0
    """Factor on recorded time; 0: as fast as it goes."""

    @classmethod
    def read(cls, words: Mapping[str, str]) -> "DemoOptions":
        """The options in BAG, AGENTS, PATTERN, TRANSPORT and RATE; what is missing or empty is default.

        Raises:
            UsageError: one of them is not understood.
        """
        default = cls()
        bag = words.get("BAG", "")
        return cls(
            bag=_bundle(bag) if bag else None,
            agents=_whole("AGENTS", words.get("AGENTS") or str(default.agents)),
            pattern=_one_of("PATTERN", words.get("PATTERN") or default.pattern, PATTERNS),
            transport=_one_of("TRANSPORT", words.get("TRANSPORT") or default.transport, TRANSPORTS),
            rate=_rate(words.get("RATE") or "1"),
        )

    def words(self) -> dict[str, str]:
        """The same options as environment variables."""
        return {
            "BAG": "" if self.bag is None else str(self.bag),
            "AGENTS": str(self.agents),
            "PATTERN": self.pattern,
            "TRANSPORT": self.transport,
            "RATE": "max" if self.rate == 0 else repr(self.rate),
        }


def read_port(words: Mapping[str, str]) -> int:
    """The port in PORT, 8000 by default.

    Raises:
        UsageError: it is none.
    """
    port = _whole("PORT", words.get("PORT") or "8000")
    if port > _LARGEST_PORT:
        raise UsageError(f"PORT must be a whole number from 1 to {_LARGEST_PORT}, not {port}.")
    return port


def _bundle(text: str) -> Path:
    path = Path(text).expanduser().resolve()
    if not path.exists():
        raise UsageError(
            f"BAG must be a rosbag2 bundle: its folder, an archive of it, or one data file; {path} is none."
        )
    return path


def _whole(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise UsageError(f"{name} must be a whole number from 1, not {text!r}.")
    return int(text)


def _one_of(name: str, text: str, allowed: tuple[str, ...]) -> str:
    if text not in allowed:
        raise UsageError(f"{name} must be {' or '.join(allowed)}, not {text!r}.")
    return text


def _rate(text: str) -> float:
    if text == "max":
        return 0.0
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 < rate < math.inf:
        raise UsageError(f"RATE must be a number above 0, such as 1 or 10, or max; not {text!r}.")
    return rate
