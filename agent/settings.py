"""What a unit is told by its environment."""

import os
from dataclasses import dataclass
from pathlib import Path

EXAMPLES = {
    "ROBOTSIM_SERVER": "http://127.0.0.1:8000/api/v1",
    "ROBOTSIM_TOKEN": "TOKEN",
    "ROBOTSIM_STAGE_RUN": "1",
    "ROBOTSIM_UNIT": "0",
    "ROBOTSIM_WORK_DIR": "/data/unit-0",
}
"""What a unit cannot do without, with a value of each."""


class UnknownUnit(Exception):  # noqa: N818 - the word of the domain
    """The environment does not say which unit this is; the text says what to set."""


@dataclass(frozen=True)
class Settings:
    """Where the server is and which part of the plan this unit plays."""

    server: str
    token: str
    stage_run: int
    unit: int
    work_dir: Path
    bag_cache: Path

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read `ROBOTSIM_*`. Raises UnknownUnit for what is missing or no number."""
        if missing := [name for name in EXAMPLES if not os.environ.get(name)]:
            examples = " ".join(f"{name}={EXAMPLES[name]}" for name in missing)
            raise UnknownUnit(f"Not set: {', '.join(missing)}. For example: {examples}")
        work_dir = Path(os.environ["ROBOTSIM_WORK_DIR"]).resolve()
        return cls(
            server=os.environ["ROBOTSIM_SERVER"],
            token=os.environ["ROBOTSIM_TOKEN"],
            stage_run=_whole("ROBOTSIM_STAGE_RUN"),
            unit=_whole("ROBOTSIM_UNIT"),
            work_dir=work_dir,
            bag_cache=Path(os.environ.get("ROBOTSIM_BAG_CACHE") or work_dir / "bags").resolve(),
        )


def _whole(name: str) -> int:
    text = os.environ[name]
    try:
        return int(text)
    except ValueError:
        raise UnknownUnit(
            f"{name} must be a whole number, for example {EXAMPLES[name]}; it is {text!r}."
        ) from None
