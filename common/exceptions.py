"""Base classes of the errors that services raise: each has its HTTP status, code and message."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy


@dataclass(frozen=True)
class FieldError:
    """An invalid value: JSON pointer into the request (empty: all of it), what to do, a code."""

    pointer: str
    detail: str
    code: str = "INVALID"


class DomainError(Exception):
    """A request that an app refuses; `status` and `code` go into the response, the text says what to do.

    Most subclasses only set class attributes: `message` is formatted with the keyword arguments. Without a
    message the text is that of the first of `errors`.
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
    """The requested object does not exist."""

    status = 404
    code = "NOT_FOUND"
    message = gettext_lazy("Nothing with this id exists, or it was deleted. Check the id.")
