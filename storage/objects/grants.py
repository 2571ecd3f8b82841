"""Signed URLs of the folder store: each allows to read one object or to write one part."""

from dataclasses import asdict, dataclass

from django.conf import settings
from django.core import signing

from storage import keys

# Not the module: URLs signed by the version before stay valid during an upgrade.
SALT = "storage.client.grants"
PATH = "/storage/objects/"


@dataclass(frozen=True)
class ReadGrant:
    """Permission to read an object; `filename` is the name that a browser saves it as."""

    key: str
    filename: str = ""


@dataclass(frozen=True)
class PartGrant:
    """Permission to write part `number` of an upload."""

    key: str
    upload_id: str
    number: int


def signed_path(grant: ReadGrant | PartGrant) -> str:
    """Path on this server, with a token that expires after `SIGNED_URL_SECONDS`."""
    return PATH + signing.dumps(asdict(grant), salt=SALT)


def parse_token(token: str) -> ReadGrant | PartGrant:
    """Read the grant of a token.

    Raises:
        django.core.signing.BadSignature: It was altered, or is older than `SIGNED_URL_SECONDS`.
        FileNotFoundError: No object can have its key, no upload its id.
    """
    fields = signing.loads(token, salt=SALT, max_age=settings.SIGNED_URL_SECONDS)
    grant = PartGrant(**fields) if "upload_id" in fields else ReadGrant(**fields)
    names = [grant.key, grant.upload_id] if isinstance(grant, PartGrant) else [grant.key]
    if not all(keys.is_key(name) for name in names):
        raise FileNotFoundError(grant)
    return grant
