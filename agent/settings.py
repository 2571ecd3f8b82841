"""What a unit is told by its environment."""

import os
from dataclasses import dataclass
from pathlib import Path


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
        """Read `ROBOTSIM_*`. Raises KeyError or ValueError for what is missing or no number."""
        work_dir = Path(os.environ["ROBOTSIM_WORK_DIR"]).resolve()
        return cls(
            server=os.environ["ROBOTSIM_SERVER"],
            token=os.environ["ROBOTSIM_TOKEN"],
            stage_run=int(os.environ["ROBOTSIM_STAGE_RUN"]),
            unit=int(os.environ["ROBOTSIM_UNIT"]),
            work_dir=work_dir,
            bag_cache=Path(os.environ.get("ROBOTSIM_BAG_CACHE") or work_dir / "bags").resolve(),
        )
