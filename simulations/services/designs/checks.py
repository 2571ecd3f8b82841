"""Results of the checks before a start."""

from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from common.admin.numbers import number
from simulations.choices import CheckStatus, PreflightCheck


@dataclass(frozen=True)
class Subject:
    """The thing to look at or to change: `simulation`, `mec`, `template` or `rosbag`, and its id."""

    kind: str
    pk: int


@dataclass(frozen=True)
class Check:
    """The result of one check; the text says what to do."""

    check: PreflightCheck
    status: CheckStatus
    code: str
    """The reason, such as PORT_CLOSED; the name of the check where there is no other."""
    text: str
    subject: Subject | None = None
    stage: int | None = None
    """Position of the stage that it is about; none: all of them."""
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Preflight:
    """All checks; `ok` unless one of them found an error."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """True when nothing found speaks against a start."""
        return all(check.status != CheckStatus.ERROR for check in self.checks)


def cores_text(value: float) -> str:
    """Say a number of cores."""
    return _("%(number)s cores") % {"number": number(value, 1 if value >= 1 else 2)}
