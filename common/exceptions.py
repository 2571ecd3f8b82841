"""The base of what services refuse: each refusal knows its answer over HTTP and says what to do."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy


@dataclass(frozen=True)
class FieldError:
    """A value that cannot be used: JSON pointer into the request (empty: the whole), what to do, a code."""

    pointer: str
    detail: str
    code: str = "INVALID"


class DomainError(Exception):
    """A request that an app refuses; `status` and `code` make the answer, the text says what to do.

    Most subclasses need no more than class attributes: `message` is formatted with the keyword values.
    Without any message the first of `errors` speaks for all.
    """

    status: int
    code: str
    message: str | Promise = ""
    retry_after: int | None = None
    """Seconds."""

    def __init__(
        self, message: str = "", errors: Sequence[FieldError] = (), **values: object
    ) -> None:
        self.errors = tuple(errors)
        text = message or str(self.message) or "".join(e.detail for e in self.errors[:1])
        super().__init__(text % values if values else text)


class NotFoundError(DomainError):
    """What is asked for is not there."""

    status = 404
    code = "NOT_FOUND"
    message = gettext_lazy("There is nothing with this id, or it was deleted. Check the id.")
