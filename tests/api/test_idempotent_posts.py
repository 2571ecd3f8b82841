"""Each POST that creates or starts something takes an Idempotency-Key; others may be repeated as they are."""

from typing import Any

from robotsim_project.access import TABLE
from tests.api.test_access import ADDRESSES

REPEATABLE = {
    "auth-signin": "signs in again, as another device",
    "auth-refresh": "has its own rule for repeated tokens",
    "auth-logout": "ends what is ended",
    "auth-verify": "reads",
    "auth-password-change": "refused: the current password is another one",
    "auth-password-reset": "sends another link",
    "auth-password-reset-confirm": "refused: the link was used",
    "rosbag-restore": "sets a state",
    "rosbag-bulk-delete": "sets a state",
    "export-cancel": "sets a state",
    "upload-complete": "gives the same response",
    "template-restore": "sets a state",
    "template-bulk-delete": "sets a state",
    "simulation-reorder": "sets a state",
    "simulation-restore": "sets a state",
    "simulation-bulk-delete": "sets a state",
    "execution-stop": "sets a state",
    "simulation-preflight": "checks again, and keeps the last result of the test",
    "mec-test": "tests again, and keeps the last result",
    "execution-bulk-stop": "sets a state",
    "execution-ticket": "gives another ticket, for a minute",
}


def is_idempotent(view: Any) -> bool:
    actions = getattr(view, "actions", None) or {"post": "post"}
    return "post" in actions and hasattr(getattr(view.cls, actions["post"]), "idempotent")


def test_each_post_takes_a_key_or_may_be_repeated() -> None:
    posts = {route for route, methods in TABLE.items() if "POST" in methods}
    idempotent = {
        route for route, pattern in ADDRESSES if route in posts and is_idempotent(pattern.callback)
    }
    assert posts - idempotent == set(REPEATABLE)
