"""Tokens of units: signed, so that they are checked without a query."""

from django.core import signing
from django.utils.translation import gettext as _

from simulations.exceptions import UnitRefusedError

_SALT = "simulations.unit"
MAX_AGE_SECONDS = 30 * 86400


def token_for(execution_id: int) -> str:
    """The token of all units of an execution."""
    return signing.dumps({"execution": execution_id}, salt=_SALT)


def execution_of(token: str) -> int:
    """The execution that a token belongs to.

    Raises:
        UnitRefusedError: The token is not valid.
    """
    try:
        return int(signing.loads(token, salt=_SALT, max_age=MAX_AGE_SECONDS)["execution"])
    except (signing.BadSignature, KeyError, TypeError, ValueError) as error:
        raise UnitRefusedError(_("The token of the unit is not valid.")) from error
