"""What can go wrong here; `status` and `code` make the answer, the text says what to do."""

from django.utils.translation import gettext as _


class SignInRefusedError(Exception):
    """No active account has this address and password."""

    status = 401
    code = "SIGN_IN_REFUSED"

    def __init__(self) -> None:
        super().__init__(
            _("E-mail or password is wrong, or the account is switched off. Ask an admin.")
        )


class IdempotencyKeyInvalidError(Exception):
    """The header is empty, too long or holds characters that do not print."""

    status = 400
    code = "IDEMPOTENCY_KEY_INVALID"

    def __init__(self, longest: int) -> None:
        text = _("Send an Idempotency-Key of 1 to %(longest)d printable ASCII characters.")
        super().__init__(text % {"longest": longest})


class IdempotencyKeyReusedError(Exception):
    """The key came before, with another body."""

    status = 422
    code = "IDEMPOTENCY_KEY_REUSED"

    def __init__(self) -> None:
        super().__init__(
            _("This Idempotency-Key came with another request before. Send a new key.")
        )


class IdempotencyInProgressError(Exception):
    """The first request with this key still runs."""

    status = 409
    code = "IDEMPOTENCY_IN_PROGRESS"
    retry_after = 1

    def __init__(self) -> None:
        super().__init__(
            _("The first request with this Idempotency-Key still runs. Ask again in a second.")
        )
