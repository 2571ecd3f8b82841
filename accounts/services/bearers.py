"""Bearer tokens: access tokens of people, API tokens of programs; each check reads the user's row."""

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import salted_hmac
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings as jwt
from rest_framework_simplejwt.tokens import AccessToken
from rest_framework_simplejwt.utils import get_md5_hash_password

from accounts.choices import Scope
from accounts.exceptions import BearerRefusedError
from accounts.models import ApiToken, User
from accounts.services.revocations import is_revoked
from common.db.prepared import PreparedQuery

API_TOKEN_PREFIX = "rst_"  # noqa: S105  the beginning of each, not a secret
PREFIX_LENGTH = 12
GENERATION = "gen"
SIGN_IN = "sid"
USE_INTERVAL = timedelta(minutes=1)
_MAX_KEY = 2**63 - 1
# All columns in the order of the model, as `from_db` wants them.
_COLUMNS = [field.attname for field in User._meta.concrete_fields]  # noqa: SLF001
_USERS = PreparedQuery(
    lambda: User.objects.values(*_COLUMNS, revoked=is_revoked(PreparedQuery.TEXT))
)


@dataclass(frozen=True)
class Bearer:
    """The user of a token; `scopes` None: an access token, which allows all that the role allows."""

    user: User
    scopes: frozenset[Scope] | None = None
    expires_at: datetime | None = None
    sign_in: str = ""
    """Name of the sign-in of an access token."""
    token_id: int | None = None
    """Primary key of an API token."""


def issue_access(user: User, sign_in: str = "") -> tuple[str, datetime]:
    """Return a new access token and its expiry."""
    token = AccessToken.for_user(user)
    token[GENERATION] = user.generation
    token[SIGN_IN] = sign_in
    return str(token), datetime.fromtimestamp(token["exp"], tz=UTC)


def api_token(nonce: str) -> tuple[str, str, str]:
    """Return secret, prefix and digest of the API token that is made of a random nonce and SECRET_KEY."""
    mac = salted_hmac("accounts.api_token", nonce, algorithm="sha256").digest()
    secret = API_TOKEN_PREFIX + urlsafe_b64encode(mac).rstrip(b"=").decode()
    return secret, secret[:PREFIX_LENGTH], digest_of(secret)


def digest_of(secret: str) -> str:
    """Hash an API token for storage; a fast hash is safe, as tokens are random."""
    return sha256(secret.encode()).hexdigest()


def authenticate_bearer(token: str) -> Bearer:
    """Check a token, in up to two short queries; also for views outside REST framework.

    Raises:
        BearerRefusedError: it is malformed, forged, expired, revoked or for another audience, or the account
            is deactivated or deleted.
    """
    if token.startswith(API_TOKEN_PREFIX):
        return _check_api_token(token)
    return _check_access_token(token)


def header_token(header: str) -> str | None:
    """Return the token of an Authorization header; None for another scheme.

    Raises:
        BearerRefusedError: the scheme is Bearer, without exactly one token.
    """
    scheme, _space, rest = header.strip().partition(" ")
    if scheme.lower() != "bearer":
        return None
    tokens = rest.split()
    if len(tokens) != 1 or not tokens[0].isascii():
        raise BearerRefusedError
    return tokens[0]


def _check_access_token(token: str) -> Bearer:
    try:
        # Refuses tokens of another type, audience or issuer. The annotation says bytes, text works too.
        access = AccessToken(token)  # type: ignore[arg-type]
        key = int(access[jwt.USER_ID_CLAIM])
    except (TokenError, KeyError, ValueError, TypeError, OverflowError) as error:
        raise BearerRefusedError from error
    sign_in = str(access.get(SIGN_IN, ""))
    row = _USERS.get(key, sign_in) if 0 < key <= _MAX_KEY else None
    if row is None or row.pop("revoked"):
        raise BearerRefusedError
    user = User.from_db(None, _COLUMNS, list(row.values()))
    if not user.is_active or access.get(GENERATION) != user.generation:
        raise BearerRefusedError
    if access.get(jwt.REVOKE_TOKEN_CLAIM) != get_md5_hash_password(user.password):
        raise BearerRefusedError
    expires_at = datetime.fromtimestamp(access["exp"], tz=UTC)
    return Bearer(user, None, expires_at, sign_in)


def _check_api_token(token: str) -> Bearer:
    row = ApiToken.objects.select_related("user").filter(digest=digest_of(token)).first()
    if row is None or not row.is_valid() or not row.user.is_active:
        raise BearerRefusedError
    _record_use(row)
    return Bearer(row.user, row.granted_scopes(), row.expires_at, token_id=row.pk)


def _record_use(row: ApiToken) -> None:
    """Record the time of use, with at most one write a minute."""
    now = timezone.now()
    if row.last_used_at is None or row.last_used_at <= now - USE_INTERVAL:
        stale = Q(last_used_at=None) | Q(last_used_at__lte=now - USE_INTERVAL)
        ApiToken.objects.filter(stale, pk=row.pk).update(last_used_at=now)
