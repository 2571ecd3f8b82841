"""Changing one's password, and getting a new one by mail."""

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

MAIL_PAUSE_SECONDS = 60
LONGEST_UID = 64


def change(request: HttpRequest, user: User, current: str, new: str) -> None:
    """Change one's own password; all sign-ins end, this one too.

    Raises:
        PasswordWrongError: the current one is another.
        SignInLockedError: wrong ones came too often; they count like those of a sign-in.
        ValidationError: the new one is too weak.
    """
    try:
        known = sessions.check_password(request, user.email, current)
    except SignInRefusedError as error:
        raise PasswordWrongError from error
    users.change(known, {"password": new})


def request_reset(email: str) -> None:
    """Mail a link in the background, so that the time of the answer tells nothing."""
    enqueue_on_commit("accounts.tasks.send_reset", email)


def send_reset(email: str) -> bool:
    """Mail a link by which a password is set; False when there is no such active account.

    One mail a minute at most goes to an address.
    """
    user = User.objects.filter(email=User.objects.normalize_email(email), is_active=True).first()
    if user is None or not cache.add(f"reset:{user.pk}", 1, MAIL_PAUSE_SECONDS):
        return False
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    token = default_token_generator.make_token(user)
    link = settings.PASSWORD_RESET_URL.replace("{uid}", uid).replace("{token}", token)
    text = _(
        "Somebody, probably you, asked for a new password for %(email)s.\n\n"
        "Choose one here: %(link)s\n\n"
        "The link holds for %(minutes)d minutes and works once. If it was not you, do nothing."
    )
    minutes = settings.PASSWORD_RESET_TIMEOUT // 60
    told = text % {"email": user.email, "link": link, "minutes": minutes}
    send_mail(_("A new password for robotsim"), told, None, [user.email])
    return True


def reset(uid: str, token: str, new: str) -> User:
    """Set a new password by what the mail brought; all sign-ins end, and a lock is opened.

    Raises:
        ResetRefusedError: the link was used, has expired, or is not ours.
        ValidationError: the password is too weak.
    """
    user = _owner(uid)
    if user is None or not default_token_generator.check_token(user, token):
        raise ResetRefusedError
    set_new(user, new)
    return user


def set_new(user: User, new: str) -> None:
    """Set a password for somebody who has shown to be the owner; sign-ins end, a lock is opened."""
    users.change(user, {"password": new})
    callers.unlock(user)


def _owner(uid: str) -> User | None:
    try:
        key = int(urlsafe_base64_decode(uid[:LONGEST_UID]).decode())
        return User.objects.filter(pk=key, is_active=True).first()
    except (ValueError, OverflowError):
        return None
