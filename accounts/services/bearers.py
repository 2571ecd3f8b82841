"""Who shows a token: access tokens of people, API tokens of programs; the user's row is read each time."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from django.db.models import Q
from django.utils import timezone
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings as jwt
from rest_framework_simplejwt.tokens import AccessToken
from rest_framework_simplejwt.utils import get_md5_hash_password

from accounts.choices import Scope
from accounts.exceptions import BearerRefusedError
from accounts.models import ApiToken, User
from common.db.prepared import PreparedQuery

API_TOKEN_MARK = "rst_"  # noqa: S105  the beginning of each, no secret
PREFIX_LENGTH = 12
GENERATION = "gen"
SIGN_IN = "sid"
USED_EVERY = timedelta(minutes=1)
_LARGEST_KEY = 2**63
# All columns in the order of the model, as `from_db` wants them.
_COLUMNS = [field.attname for field in User._meta.concrete_fields]  # noqa: SLF001
_USERS = PreparedQuery(lambda: User.objects.values(*_COLUMNS))


@dataclass(frozen=True)
class Bearer:
    """Who showed a token; `scopes` None: a person, who may all that the role may."""

    user: User
    scopes: frozenset[Scope] | None = None
    expires_at: datetime | None = None
    sign_in: str = ""
    """Name of the sign-in that an access token belongs to."""
    token_id: int | None = None
    """Key of the API token."""


def issue_access(user: User, sign_in: str = "") -> tuple[str, datetime]:
    """A new access token, and until when it holds."""
    token = AccessToken.for_user(user)
    token[GENERATION] = user.generation
    token[SIGN_IN] = sign_in
    return str(token), datetime.fromtimestamp(token["exp"], tz=UTC)


def new_api_token() -> tuple[str, str, str]:
    """A token for a program: the secret, its beginning, its digest."""
    secret = API_TOKEN_MARK + secrets.token_urlsafe(32)
    return secret, secret[:PREFIX_LENGTH], digest_of(secret)


def digest_of(secret: str) -> str:
    """What is kept of an API token; it is random, so that a quick hash is safe."""
    return sha256(secret.encode()).hexdigest()


def authenticate_bearer(token: str) -> Bearer:
    """Who shows this token; also for views outside of the REST framework. Up to two short queries.

    Raises:
        BearerRefusedError: it is malformed, forged, expired, revoked or for somebody else, or the account
            is closed or gone.
    """
    if token.startswith(API_TOKEN_MARK):
        return _program(token)
    return _person(token)


def header_token(header: str) -> str | None:
    """The token in an Authorization header; None: it is of another kind.

    Raises:
        BearerRefusedError: the header is a bearer's, without exactly one token.
    """
    kind, _blank, rest = header.strip().partition(" ")
    if kind.lower() != "bearer":
        return None
    words = rest.split()
    if len(words) != 1 or not words[0].isascii():
        raise BearerRefusedError
    return words[0]


def _person(token: str) -> Bearer:
    try:
        # The library takes bytes too; a token of another kind, audience or issuer ends here.
        access = AccessToken(token)  # type: ignore[arg-type]
        key = int(access[jwt.USER_ID_CLAIM])
    except (TokenError, KeyError, ValueError, TypeError, OverflowError) as error:
        raise BearerRefusedError from error
    row = _USERS.get(key) if 0 < key < _LARGEST_KEY else None
    user = User.from_db(None, _COLUMNS, list(row.values())) if row else None
    if user is None or not user.is_active or access.get(GENERATION) != user.generation:
        raise BearerRefusedError
    if access.get(jwt.REVOKE_TOKEN_CLAIM) != get_md5_hash_password(user.password):
        raise BearerRefusedError
    ends = datetime.fromtimestamp(access["exp"], tz=UTC)
    return Bearer(user, None, ends, str(access.get(SIGN_IN, "")))


def _program(token: str) -> Bearer:
    row = ApiToken.objects.select_related("user").filter(digest=digest_of(token)).first()
    if row is None or not row.holds() or not row.user.is_active:
        raise BearerRefusedError
    _note_use(row)
    return Bearer(row.user, row.granted(), row.expires_at, token_id=row.pk)


def _note_use(row: ApiToken) -> None:
    """Keep when a token was used last: one write a minute, however many requests."""
    now = timezone.now()
    if row.last_used_at is None or row.last_used_at <= now - USED_EVERY:
        stale = Q(last_used_at=None) | Q(last_used_at__lte=now - USED_EVERY)
        ApiToken.objects.filter(stale, pk=row.pk).update(last_used_at=now)
