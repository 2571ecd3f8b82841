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


class SignInLockedError(Exception):
    """Too many wrong passwords for this address from this place."""

    status = 429
    code = "SIGN_IN_LOCKED"

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(
            _("Too many wrong passwords. Wait %(seconds)d seconds, or ask an admin to unlock it.")
            % {"seconds": retry_after}
        )


class RefreshRefusedError(Exception):
    """The refresh token is unknown, expired, ended or was used before."""

    status = 401
    code = "REFRESH_REFUSED"

    def __init__(self) -> None:
        super().__init__(_("The refresh token does not hold any more. Sign in again."))


class RefreshMissingError(Exception):
    """The request brings no refresh token at all."""

    status = 400
    code = "REFRESH_MISSING"

    def __init__(self) -> None:
        super().__init__(
            _("Send the refresh token as `refresh`, or in the cookie; without one sign in again.")
        )


class BearerRefusedError(Exception):
    """The access token or API token is not ours, has ended, or its account is closed."""

    status = 401
    code = "TOKEN_INVALID"

    def __init__(self) -> None:
        super().__init__(
            _("The token is invalid or does not hold any more. Refresh it or sign in again.")
        )


class OriginRefusedError(Exception):
    """A cookie came from a page that may not use it."""

    status = 403
    code = "ORIGIN_REFUSED"

    def __init__(self) -> None:
        super().__init__(
            _(
                "The cookie counts only for pages of this server or of CSRF_TRUSTED_ORIGINS, by their "
                "Origin header. Other programs send the refresh token in the body."
            )
        )


class SignInStoreAwayError(Exception):
    """Redis, which keeps the sign-ins, does not answer."""

    status = 503
    code = "SIGN_IN_STORE_UNAVAILABLE"
    retry_after = 5

    def __init__(self) -> None:
        super().__init__(_("Sign-ins cannot be looked up now. Try again in a few seconds."))


class SignUpOffError(Exception):
    """Nobody makes an account for himself here."""

    status = 403
    code = "SIGN_UP_OFF"

    def __init__(self) -> None:
        super().__init__(_("Accounts are made by admins here. Ask one of them."))


class EmailTakenError(Exception):
    """There is an account of this address."""

    status = 409
    code = "EMAIL_TAKEN"

    def __init__(self) -> None:
        super().__init__(
            _("There is an account with this e-mail address. Sign in, or reset its password.")
        )


class RoleNotGrantedError(Exception):
    """A role that only an admin can grant."""

    status = 403
    code = "ROLE_NOT_GRANTED"

    def __init__(self) -> None:
        super().__init__(_("Only an admin makes admins. Ask one of them."))


class LastAdminError(Exception):
    """Nobody would be left to administer."""

    status = 409
    code = "LAST_ADMIN"

    def __init__(self) -> None:
        super().__init__(_("This is the last active admin. Make somebody else an admin first."))


class UserInUseError(Exception):
    """What the user has done must stay known."""

    status = 409
    code = "USER_IN_USE"

    def __init__(self) -> None:
        super().__init__(
            _(
                "This account has made or changed something, and who did what stays known. Switch it "
                "off instead: PATCH it with is_active false."
            )
        )


class PasswordWrongError(Exception):
    """The current password is another one."""

    status = 403
    code = "PASSWORD_WRONG"

    def __init__(self) -> None:
        super().__init__(_("The current password is wrong. Type it again, or reset the password."))


class ResetRefusedError(Exception):
    """The link of a password reset does not hold."""

    status = 400
    code = "RESET_REFUSED"

    def __init__(self) -> None:
        super().__init__(_("This link was used, has expired or is incomplete. Ask for a new one."))


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
