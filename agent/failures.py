"""Exit codes and exceptions of a unit that ends early."""

import errno
import sqlite3

from agent.protocol import Unheard

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_NO_RETRY = 2
EXIT_ALREADY_RUNNING = 75
EXIT_TERMINATED = 143
"""Not 0: Kubernetes counts an evicted pod whose process ends with 0 as completed."""


def is_disk_full(error: BaseException | None) -> bool:
    """Return True when an error or one of its causes is a full disk or an exceeded quota."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return True
        if isinstance(error, sqlite3.Error) and (
            getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        ):
            return True
        error = error.__cause__
    return False


class UnitFailure(Exception):  # noqa: N818 - the word of the domain
    """The agents of this unit have failed; the text tells the user what to do.

    Attributes:
        code: One of the server's failure codes.
        exit_code: EXIT_NO_RETRY when another attempt would not help.
        unheard: Topics without a required subscriber.
    """

    def __init__(
        self,
        code: str,
        text: str,
        *,
        exit_code: int = EXIT_FAILED,
        unheard: tuple[Unheard, ...] = (),
    ) -> None:
        super().__init__(text)
        self.code = code
        self.exit_code = exit_code
        self.unheard = unheard


def terminated() -> UnitFailure:
    """Return the failure of a unit that something else than the server told to end."""
    return UnitFailure(
        "TERMINATED",
        "The unit was told to end (SIGTERM) by its machine or cluster, not by robotsim: check for "
        "evictions, drained nodes and shutdowns.",
        exit_code=EXIT_TERMINATED,
    )


class Halted(Exception):  # noqa: N818 - a command, not an error
    """A stop arrived before the release: nothing was published."""


class Superseded(Exception):  # noqa: N818 - a command, not an error
    """A newer attempt runs these agents: this one must not report anything more."""
