"""Tickets for one stream, valid for a minute: the EventSource of browsers sends no headers."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core import signing
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import revocations
from accounts.services.bearers import Bearer
from simulations.exceptions import TicketForeignError, TicketInvalidError

_SALT = "simulations.stream.ticket"
TICKET_SECONDS = 60


@dataclass(frozen=True)
class Ticket:
    """A signed text with the time at which it expires."""

    ticket: str
    expires_at: datetime


def issue(user: User, execution_id: int, sign_in: str = "") -> Ticket:
    """Issue a ticket for this user and execution; the end of the sign-in makes it invalid."""
    payload = {
        "user": user.pk,
        "execution": execution_id,
        "of": _session_mark(user),
        "sid": sign_in,
    }
    expires_at = timezone.now() + timedelta(seconds=TICKET_SECONDS)
    return Ticket(signing.dumps(payload, salt=_SALT), expires_at)


def bearer_of(ticket: str, execution_id: int) -> Bearer:
    """The user and sign-in that a ticket for this execution was issued to.

    Raises:
        TicketInvalidError: It is forged or has expired, or its user may not sign in any more.
        TicketForeignError: It is for another execution.
    """
    try:
        payload = signing.loads(ticket, salt=_SALT, max_age=TICKET_SECONDS)
    except signing.SignatureExpired as error:
        raise TicketInvalidError(_("The ticket has expired: request a new one.")) from error
    except signing.BadSignature as error:
        raise TicketInvalidError(_("The ticket is not valid: request a new one.")) from error
    sign_in = payload.get("sid", "")  # older versions wrote none
    active = User.objects.filter(revocations.valid(sign_in), is_active=True)
    user = active.filter(pk=payload["user"]).first()
    if user is None or not constant_time_compare(payload["of"], _session_mark(user)):
        raise TicketInvalidError(_("The user of the ticket can no longer sign in."))
    if payload["execution"] != execution_id:
        raise TicketForeignError(
            _("The ticket is for another execution: request one for this execution.")
        )
    return Bearer(user, sign_in=sign_in)


def _session_mark(user: User) -> str:
    """Changes when all sign-ins end; a part of the hash only, as tickets are not encrypted."""
    return f"{user.get_session_auth_hash()[:16]}.{user.generation}"
