"""Errors of accounts; the texts say what to do."""

from django.utils.translation import gettext_lazy as _

from common.exceptions import DomainError


class SignInRefusedError(DomainError):
    """No active account has this address and password."""

    status = 401
    code = "SIGN_IN_REFUSED"
    message = _("E-mail or password is wrong, or the account is deactivated. Ask an admin.")


class SignInLockedError(DomainError):
    """Too many wrong passwords for this account from this address."""

    status = 429
    code = "SIGN_IN_LOCKED"
    message = _(
        "Too many wrong passwords. Wait %(seconds)d seconds, or ask an admin to unlock the account."
    )

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds=seconds)
        self.retry_after = seconds


class RefreshRefusedError(DomainError):
    """The refresh token is unknown, expired, revoked or was used before."""

    status = 401
    code = "REFRESH_REFUSED"
    message = _("The refresh token is no longer valid. Sign in again.")


class RefreshMissingError(DomainError):
    """The request has no refresh token."""

    status = 400
    code = "REFRESH_MISSING"
    message = _("Send the refresh token as `refresh` or in the cookie, or sign in again.")


class BearerRefusedError(DomainError):
    """The access token or API token is forged, expired or revoked, or its account is deactivated."""

    status = 401
    code = "TOKEN_INVALID"
    message = _("The token is invalid or no longer valid. Refresh it or sign in again.")


class OriginRefusedError(DomainError):
    """The cookie was sent from an untrusted origin."""

    status = 403
    code = "ORIGIN_REFUSED"
    message = _(
        "The cookie is accepted only with an Origin header of this server or of CSRF_TRUSTED_ORIGINS. "
        "Other clients send the refresh token in the body."
    )


class SignInStoreUnavailableError(DomainError):
    """Redis, which stores the sign-ins, is unavailable."""

    status = 503
    code = "SIGN_IN_STORE_UNAVAILABLE"
    retry_after = 5
    message = _("The store of sign-ins is unavailable. Try again in a few seconds.")


class SignInStoreFullError(SignInStoreUnavailableError):
    """Redis cannot write: the disk of its append-only file, or its memory, is full."""

    code = "REDIS_FULL"
    retry_after = 60
    message = _(
        "Redis is full: free some space on its disk or give it more memory, then try again."
    )


class SignUpDisabledError(DomainError):
    """Self sign-up is disabled."""

    status = 403
    code = "SIGN_UP_OFF"
    message = _("Self sign-up is disabled. Ask an admin for an account.")


class EmailTakenError(DomainError):
    """Another account has this e-mail address."""

    status = 409
    code = "EMAIL_TAKEN"
    message = _("An account with this e-mail address exists. Sign in, or reset its password.")


class RoleNotGrantedError(DomainError):
    """Only an admin can grant the role."""

    status = 403
    code = "ROLE_NOT_GRANTED"
    message = _("Only an admin can grant this role. Ask an admin.")


class LastAdminError(DomainError):
    """No active admin would be left."""

    status = 409
    code = "LAST_ADMIN"
    message = _("This is the last active admin. Make another user an admin first.")


class UserInUseError(DomainError):
    """Other rows refer to the user as their author."""

    status = 409
    code = "USER_IN_USE"
    message = _(
        "This account has created or changed something, and that history must stay complete. "
        "Deactivate it instead: PATCH it with is_active false."
    )


class PasswordWrongError(DomainError):
    """The current password is wrong."""

    status = 403
    code = "PASSWORD_WRONG"
    message = _("The current password is wrong. Type it again, or reset the password.")


class ResetRefusedError(DomainError):
    """The link of a password reset is invalid."""

    status = 400
    code = "RESET_REFUSED"
    message = _("This link was used, has expired or is incomplete. Request a new one.")


class IdempotencyKeyInvalidError(DomainError):
    """The header is empty, too long or has non-printable characters."""

    status = 400
    code = "IDEMPOTENCY_KEY_INVALID"
    message = _("Send an Idempotency-Key of 1 to %(max_length)d printable ASCII characters.")


class IdempotencyKeyReusedError(DomainError):
    """The key was used before with another body."""

    status = 422
    code = "IDEMPOTENCY_KEY_REUSED"
    message = _("This Idempotency-Key was used for another request. Send a new key.")


class IdempotencyInProgressError(DomainError):
    """The first request with this key is still running."""

    status = 409
    code = "IDEMPOTENCY_IN_PROGRESS"
    retry_after = 1
    message = _(
        "The first request with this Idempotency-Key is still running. Try again in a second."
    )


class PreferencesInvalidError(DomainError):
    """Preferences that cannot be kept; the errors name them."""

    status = 422
    code = "PREFERENCES_INVALID"
