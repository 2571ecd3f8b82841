"""Settings of a unit from the environment."""

import os
import uuid
from dataclasses import dataclass
from pathlib import Path

EXAMPLES = {
    "ROBOTSIM_SERVER": "http://127.0.0.1:8000/api/v1",
    "ROBOTSIM_TOKEN": "TOKEN",
    "ROBOTSIM_STAGE_RUN": "1",
    "ROBOTSIM_UNIT": "0",
    "ROBOTSIM_WORK_DIR": "/data/unit-0",
}
"""Required variables, each with an example."""


class SettingsError(Exception):
    """A variable is missing or invalid; the message says what to set."""


@dataclass(frozen=True)
class Settings:
    """The server, the unit's part of the plan, and its folders."""

    server: str
    token: str
    stage_run: int
    unit: int
    work_dir: Path
    bag_cache: Path
    process: str
    """Name with which the process registers, unique among all of them."""

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read `ROBOTSIM_*`.

        Raises:
            SettingsError: A variable is missing or not an integer.
        """
        if missing := [name for name in EXAMPLES if not os.environ.get(name)]:
            examples = " ".join(f"{name}={EXAMPLES[name]}" for name in missing)
            raise SettingsError(f"Not set: {', '.join(missing)}. For example: {examples}")
        work_dir = Path(os.environ["ROBOTSIM_WORK_DIR"]).resolve()
        return cls(
            server=os.environ["ROBOTSIM_SERVER"],
            token=os.environ["ROBOTSIM_TOKEN"],
            stage_run=_integer("ROBOTSIM_STAGE_RUN"),
            unit=_integer("ROBOTSIM_UNIT"),
            work_dir=work_dir,
            bag_cache=Path(os.environ.get("ROBOTSIM_BAG_CACHE") or work_dir / "bags").resolve(),
            process=os.environ.get("ROBOTSIM_PROCESS") or uuid.uuid4().hex,
        )


def _integer(name: str) -> int:
    text = os.environ[name]
    try:
        return int(text)
    except ValueError:
        raise SettingsError(
            f"{name} must be an integer, for example {EXAMPLES[name]}; it is {text!r}."
        ) from None
