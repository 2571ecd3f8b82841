"""Password change, and password reset by e-mail."""

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.cache import cache
from django.core.mail import send_mail
from django.http import HttpRequest
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode
from django.utils.translation import gettext as _

from accounts.exceptions import PasswordWrongError, ResetRefusedError, SignInRefusedError
from accounts.models import User
from accounts.services import callers, sessions, users
from common.tasks import enqueue_on_commit

RESET_INTERVAL_SECONDS = 60
MAX_UID_LENGTH = 64


def change(request: HttpRequest, user: User, current: str, new: str) -> None:
    """Change one's own password; all sign-ins end, including this one.

    Raises:
        PasswordWrongError: `current` is wrong.
        SignInLockedError: there were too many wrong passwords, here or at sign-in.
        ValidationError: the new password is too weak.
    """
    try:
        checked = sessions.check_password(request, user.email, current)
    except SignInRefusedError as error:
        raise PasswordWrongError from error
    users.change(checked, {"password": new})


def request_reset(email: str) -> None:
    """Mail a reset link in the background, so that the response time does not reveal who has an account.

    The queue holds no address, and a task for an unknown address as well.
    """
    enqueue_on_commit("accounts.tasks.send_reset", find_account(email))


def find_account(email: str) -> int | None:
    """Return the id of the active account with this address."""
    rows = User.objects.filter(email=User.objects.normalize_email(email), is_active=True)
    return rows.values_list("pk", flat=True).first()


def send_reset(user_id: int) -> None:
    """Mail a reset link to an active account, at most one a minute."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None or not cache.add(f"reset:{user.pk}", 1, RESET_INTERVAL_SECONDS):
        return
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    token = default_token_generator.make_token(user)
    link = settings.PASSWORD_RESET_URL.replace("{uid}", uid).replace("{token}", token)
    text = _(
        "A password reset for %(email)s was requested.\n\n"
        "Choose a new password here: %(link)s\n\n"
        "The link is valid for %(minutes)d minutes and works once. If it was not you, ignore this mail."
    )
    minutes = settings.PASSWORD_RESET_TIMEOUT // 60
    body = text % {"email": user.email, "link": link, "minutes": minutes}
    send_mail(_("Password reset for robotsim"), body, None, [user.email])


def reset(uid: str, token: str, new: str) -> User:
    """Set a new password with the values of a reset link; all sign-ins end, the account is unlocked.

    Raises:
        ResetRefusedError: the link was used, has expired, or is invalid.
        ValidationError: the password is too weak.
    """
    user = _owner(uid)
    if user is None or not default_token_generator.check_token(user, token):
        raise ResetRefusedError
    set_password(user, new)
    return user


def set_password(user: User, new: str) -> None:
    """Set the password of a verified owner; all sign-ins end, the account is unlocked."""
    users.change(user, {"password": new})
    callers.unlock(user)


def _owner(uid: str) -> User | None:
    try:
        key = int(urlsafe_base64_decode(uid[:MAX_UID_LENGTH]).decode())
        return User.objects.filter(pk=key, is_active=True).first()
    except (ValueError, OverflowError):
        return None
