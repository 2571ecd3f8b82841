"""Checks that the fuzzer of `test_fuzz.py` makes beside its own; it loads this file itself."""

from typing import Any

import schemathesis
from schemathesis.checks import CHECKS

# What no description can tell of a value: whether it is taken, is there, is good enough as a password.
SENSE = {
    "UNIQUE",
    "DOES_NOT_EXIST",
    "PASSWORD_TOO_SHORT",
    "PASSWORD_TOO_COMMON",
    "PASSWORD_TOO_SIMILAR",
    "PASSWORD_ENTIRELY_NUMERIC",
    "BLANK",  # of white space only
    "ENDPOINT_INVALID",
    "PAST",
    "NULL_CHARACTERS_NOT_ALLOWED",
    "REFRESH_MISSING",
    "RESET_REFUSED",
}


@schemathesis.check
def described_is_taken(context: Any, response: Any, case: Any) -> Any:
    """A request that the description allows is refused by 400 only over the sense of its values."""
    if response.status_code == 400:
        problem = response.json()
        errors = problem.get("errors", [problem])
        # OpenAPI 3.0 cannot describe the keys of an object: labels of nodes, or names with a NUL.
        errors = [
            error
            for error in errors
            if error.get("pointer") != "/node_selector"
            and not error.get("detail", "").startswith("The name of a field contains a NUL")
        ]
        if {error["code"] for error in errors} <= SENSE:
            return None
    return CHECKS.get_one("positive_data_acceptance")(context, response, case)
