"""Options of `make run` and `make demo`, validated before anything is started."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PATTERNS = ("sequential", "parallel")
TRANSPORTS = ("null", "ros2", "zenoh", "zenoh-raw")
_MAX_PORT = 65535
_DIGITS = re.compile(r"[0-9]{1,9}")


class UsageError(Exception):
    """An option is invalid; the message names it and its allowed values."""


@dataclass(frozen=True)
class DemoOptions:
    """Options of one run of a bundle."""

    bag: Path | None = None
    """A rosbag2 bundle: its folder, an archive of it, or one data file; None: the sample."""
    agents: int = 20
    pattern: str = "parallel"
    transport: str = "null"
    rate: float = 1.0
    """Factor on recorded time; 0: as fast as possible."""

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> "DemoOptions":
        """Read BAG, AGENTS, PATTERN, TRANSPORT and RATE; missing or empty ones have their defaults.

        Raises:
            UsageError: One of them is invalid.
        """
        default = cls()
        bag = variables.get("BAG", "")
        return cls(
            bag=_bundle(bag) if bag else None,
            agents=_positive_integer("AGENTS", variables.get("AGENTS") or str(default.agents)),
            pattern=_one_of("PATTERN", variables.get("PATTERN") or default.pattern, PATTERNS),
            transport=_one_of(
                "TRANSPORT", variables.get("TRANSPORT") or default.transport, TRANSPORTS
            ),
            rate=_rate(variables.get("RATE") or "1"),
        )

    def to_environment(self) -> dict[str, str]:
        """Return the options as environment variables."""
        return {
            "BAG": "" if self.bag is None else str(self.bag),
            "AGENTS": str(self.agents),
            "PATTERN": self.pattern,
            "TRANSPORT": self.transport,
            "RATE": "max" if self.rate == 0 else repr(self.rate),
        }


def read_port(variables: Mapping[str, str]) -> int:
    """Read PORT, 8000 by default.

    Raises:
        UsageError: It is not a port.
    """
    port = _positive_integer("PORT", variables.get("PORT") or "8000")
    if port > _MAX_PORT:
        raise UsageError(f"PORT must be an integer from 1 to {_MAX_PORT}, not {port}.")
    return port


def _bundle(text: str) -> Path:
    path = Path(text).expanduser().resolve()
    if not path.exists():
        raise UsageError(
            "BAG must be a rosbag2 bundle: its folder, an archive of it, or one data file; "
            f"{path} does not exist."
        )
    return path


def _positive_integer(name: str, text: str) -> int:
    if not _DIGITS.fullmatch(text) or int(text) < 1:
        raise UsageError(f"{name} must be an integer from 1, not {text!r}.")
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
