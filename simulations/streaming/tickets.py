"""Tickets to one stream, for browsers: their EventSource sends no headers. They hold a minute."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core import signing
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from accounts.models import User
from simulations.exceptions import TicketForeignError, TicketInvalidError

_SALT = "simulations.stream.ticket"
TICKET_SECONDS = 60


@dataclass(frozen=True)
class Ticket:
    """A signed text, and until when it opens a stream."""

    ticket: str
    expires_at: datetime


def issue(user: User, execution_id: int) -> Ticket:
    """A ticket for this user and this execution only; a changed password makes it void."""
    words = {"user": user.pk, "execution": execution_id, "of": _mark(user)}
    until = timezone.now() + timedelta(seconds=TICKET_SECONDS)
    return Ticket(signing.dumps(words, salt=_SALT), until)


def holder(ticket: str, execution_id: int) -> User:
    """Who holds a ticket to this execution.

    Raises:
        TicketInvalidError: it is forged or too old, or its user may not sign in any more.
        TicketForeignError: it is for another execution.
    """
    try:
        words = signing.loads(ticket, salt=_SALT, max_age=TICKET_SECONDS)
    except signing.SignatureExpired as error:
        raise TicketInvalidError(_("The ticket has expired: ask for a new one.")) from error
    except signing.BadSignature as error:
        raise TicketInvalidError(_("The ticket is not valid: ask for a new one.")) from error
    user = User.objects.filter(pk=words["user"], is_active=True).first()
    if user is None or not constant_time_compare(words["of"], _mark(user)):
        raise TicketInvalidError(_("The user of the ticket may not sign in any more."))
    if words["execution"] != execution_id:
        raise TicketForeignError(_("The ticket is for another execution: ask for one of this."))
    return user


def _mark(user: User) -> str:
    """Changes with the password and whatever ends all sign-ins; a part only, for the text can be read."""
    return f"{user.get_session_auth_hash()[:16]}.{user.generation}"
