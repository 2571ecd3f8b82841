"""Checksums in the headers of a part: `Content-MD5`, as in S3, or `x-amz-checksum-sha256`."""

import base64
import binascii
import hashlib
from collections.abc import Iterator, Mapping

from django.utils.translation import gettext as _

from storage.exceptions import PartRefusedError

HEADERS = {"Content-MD5": "md5", "x-amz-checksum-sha256": "sha256"}


def verify_checksums(headers: Mapping[str, str], chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Pass on the chunks of a body, and compare its checksums with the headers at the end.

    Raises:
        PartRefusedError: A checksum differs or is malformed; the part must not be stored.
    """
    expected = {name: _digest(name, headers[name]) for name in HEADERS if name in headers}
    # Checksums of content, not a protection; S3 specifies both algorithms.
    hashers = {name: hashlib.new(HEADERS[name], usedforsecurity=False) for name in expected}
    for chunk in chunks:
        for hasher in hashers.values():
            hasher.update(chunk)
        yield chunk
    for name, hasher in hashers.items():
        if hasher.digest() != expected[name]:
            message = _("The checksum of the part differs from %(header)s: send it again.")
            raise PartRefusedError(message % {"header": name})


def _digest(name: str, value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        message = _("%(header)s is not Base64: encode the digest as in RFC 1864.")
        raise PartRefusedError(message % {"header": name}) from error
