"""What the accounts refuse; the texts say what to do."""

from django.utils.translation import gettext_lazy as _

from common.exceptions import DomainError


class SignInRefusedError(DomainError):
    """No active account has this address and password."""

    status = 401
    code = "SIGN_IN_REFUSED"
    message = _("E-mail or password is wrong, or the account is switched off. Ask an admin.")


class SignInLockedError(DomainError):
    """Too many wrong passwords for this address from this place."""

    status = 429
    code = "SIGN_IN_LOCKED"
    message = _("Too many wrong passwords. Wait %(seconds)d seconds, or ask an admin to unlock it.")

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds=seconds)
        self.retry_after = seconds


class RefreshRefusedError(DomainError):
    """The refresh token is unknown, expired, ended or was used before."""

    status = 401
    code = "REFRESH_REFUSED"
    message = _("The refresh token does not hold any more. Sign in again.")


class RefreshMissingError(DomainError):
    """The request brings no refresh token at all."""

    status = 400
    code = "REFRESH_MISSING"
    message = _("Send the refresh token as `refresh`, or in the cookie; without one sign in again.")


class BearerRefusedError(DomainError):
    """The access token or API token is not ours, has ended, or its account is closed."""

    status = 401
    code = "TOKEN_INVALID"
    message = _("The token is invalid or does not hold any more. Refresh it or sign in again.")


class OriginRefusedError(DomainError):
    """A cookie came from a page that may not use it."""

    status = 403
    code = "ORIGIN_REFUSED"
    message = _(
        "The cookie counts only for pages of this server or of CSRF_TRUSTED_ORIGINS, by their Origin "
        "header. Other programs send the refresh token in the body."
    )


class SignInStoreAwayError(DomainError):
    """Redis, which keeps the sign-ins, does not answer."""

    status = 503
    code = "SIGN_IN_STORE_UNAVAILABLE"
    retry_after = 5
    message = _("Sign-ins cannot be looked up now. Try again in a few seconds.")


class SignUpOffError(DomainError):
    """Nobody makes an account for himself here."""

    status = 403
    code = "SIGN_UP_OFF"
    message = _("Accounts are made by admins here. Ask one of them.")


class EmailTakenError(DomainError):
    """There is an account of this address."""

    status = 409
    code = "EMAIL_TAKEN"
    message = _("There is an account with this e-mail address. Sign in, or reset its password.")


class RoleNotGrantedError(DomainError):
    """A role that only an admin can grant."""

    status = 403
    code = "ROLE_NOT_GRANTED"
    message = _("Only an admin makes admins. Ask one of them.")


class LastAdminError(DomainError):
    """Nobody would be left to administer."""

    status = 409
    code = "LAST_ADMIN"
    message = _("This is the last active admin. Make somebody else an admin first.")


class UserInUseError(DomainError):
    """What the user has done must stay known."""

    status = 409
    code = "USER_IN_USE"
    message = _(
        "This account has made or changed something, and who did what stays known. Switch it off "
        "instead: PATCH it with is_active false."
    )


class PasswordWrongError(DomainError):
    """The current password is another one."""

    status = 403
    code = "PASSWORD_WRONG"
    message = _("The current password is wrong. Type it again, or reset the password.")


class ResetRefusedError(DomainError):
    """The link of a password reset does not hold."""

    status = 400
    code = "RESET_REFUSED"
    message = _("This link was used, has expired or is incomplete. Ask for a new one.")


class IdempotencyKeyInvalidError(DomainError):
    """The header is empty, too long or holds characters that do not print."""

    status = 400
    code = "IDEMPOTENCY_KEY_INVALID"
    message = _("Send an Idempotency-Key of 1 to %(longest)d printable ASCII characters.")


class IdempotencyKeyReusedError(DomainError):
    """The key came before, with another body."""

    status = 422
    code = "IDEMPOTENCY_KEY_REUSED"
    message = _("This Idempotency-Key came with another request before. Send a new key.")


class IdempotencyInProgressError(DomainError):
    """The first request with this key still runs."""

    status = 409
    code = "IDEMPOTENCY_IN_PROGRESS"
    retry_after = 1
    message = _("The first request with this Idempotency-Key still runs. Ask again in a second.")
