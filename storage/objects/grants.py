"""What a signed address of the folder store allows: to read one object or to write one part."""

from dataclasses import asdict, dataclass

from django.conf import settings
from django.core import signing

SALT = "storage.objects.grants"
PATH = "/storage/objects/"


@dataclass(frozen=True)
class ReadGrant:
    """Its bearer may read the object; `filename` is what a browser saves it as."""

    key: str
    filename: str = ""


@dataclass(frozen=True)
class PartGrant:
    """Its bearer may write part `number` of the upload."""

    key: str
    upload_id: str
    number: int


def address(grant: ReadGrant | PartGrant) -> str:
    """Path on this server, with a token that ends after `SIGNED_URL_SECONDS`."""
    return PATH + signing.dumps(asdict(grant), salt=SALT)


def granted(token: str) -> ReadGrant | PartGrant:
    """What a token allows.

    Raises:
        django.core.signing.BadSignature: it was altered, or it is older than `SIGNED_URL_SECONDS`.
    """
    fields = signing.loads(token, salt=SALT, max_age=settings.SIGNED_URL_SECONDS)
    return PartGrant(**fields) if "upload_id" in fields else ReadGrant(**fields)
