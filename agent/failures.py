"""How a unit can end other than by playing to the end."""

import errno
import sqlite3

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_POINTLESS = 2
EXIT_TAKEN = 75


def disk_full(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, is that the disk has no room (or the quota is spent)."""
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

    `code` is one of the server's failure codes, `exit_code` says whether another attempt may help.
    """

    def __init__(self, code: str, text: str, *, exit_code: int = EXIT_FAILED) -> None:
        super().__init__(text)
        self.code = code
        self.exit_code = exit_code


class Halted(Exception):  # noqa: N818 - a command, not an error
    """A stop arrived before the release: nothing was published."""


class Superseded(Exception):  # noqa: N818 - a command, not an error
    """A newer attempt plays these agents: this one must say nothing more."""
