"""Errors of the cluster's API, each with advice."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from common.db.text import storable
from simulations.exceptions import BackendError

REPEATED = frozenset({429, 500, 502, 503, 504})
"""Codes of failures that may pass by themselves."""
MESSAGE_SIZE = 500
QUOTA = "exceeded quota"
"""In the API's words on what a quota refuses."""
ADVICE = {
    401: "Check the service account of the controller, or the credentials in KUBECONFIG.",
    403: "Check the Role of the controller, the quota and the admission rules of the namespace.",
    404: "Check that the namespace of the agents exists (AGENT_NAMESPACE).",
    422: "Check the image, and the placement in the system under test.",
}


class NotFoundError(BackendError):
    """The object does not exist."""


class ConflictError(BackendError):
    """An object of this name exists already, or was changed meanwhile."""


class ForbiddenError(BackendError):
    """The cluster refuses the request: a right, a quota, or an admission rule."""


class QuotaError(ForbiddenError):
    """The quota of the namespace is used up."""

    code = "QUOTA_EXCEEDED"


class GoneError(BackendError):
    """The resource version is too old to watch from: list again."""


class NoClusterError(BackendError):
    """This process has no access to a cluster."""


class PassingError(BackendError):
    """A failure that may pass by itself."""

    def __init__(self, message: str, after: float = 0.0, *, is_away: bool = False) -> None:
        super().__init__(message)
        self.after = after
        """Seconds that the API asks to wait; 0: it does not say."""
        self.is_away = is_away or after > 0
        """No other call would get through now."""


class LateError(PassingError):
    """The API has not answered in time."""


ERRORS = {403: ForbiddenError, 404: NotFoundError, 409: ConflictError, 410: GoneError}


def refusal(method: str, code: int, status: Mapping[str, Any], after: float = 0.0) -> BackendError:
    """Return the error for an answer of the API that is no success.

    Args:
        method: Method of the request.
        code: Code of the answer.
        status: The API's own words on it.
        after: Seconds that the API asks to wait; 0: it does not say.
    """
    sentence = f"The cluster's API answered {code} ({_message(status)}). {_advice(code)}"
    if code in REPEATED or _is_contended(method, code, status):
        return PassingError(sentence, after)
    if code == HTTPStatus.FORBIDDEN and QUOTA in sentence:
        return QuotaError(sentence)
    return ERRORS.get(code, BackendError)(sentence)


def end_of_watch(status: Mapping[str, Any]) -> BackendError:
    """Return the error that ends a watch after it has begun; as a rule its version is too old."""
    message = f"The cluster's API ended a watch ({_message(status)}). It is begun again."
    return ERRORS.get(status.get("code", 0), BackendError)(message)


def _message(status: Mapping[str, Any]) -> str:
    return storable(str(status.get("message", "")))[:MESSAGE_SIZE]


def _is_contended(method: str, code: int, status: Mapping[str, Any]) -> bool:
    """Check for a conflict that is not about the object, such as of two creations on one quota."""
    is_write = code == HTTPStatus.CONFLICT and method != "DELETE"
    return is_write and status.get("reason") != "AlreadyExists"


def _advice(code: int) -> str:
    if code in ADVICE:
        return ADVICE[code]
    return "It is tried again." if code in REPEATED else "Look at the log of the controller."
