"""Checksums that a sender gives with a part: `Content-MD5`, as S3 takes it, or `x-amz-checksum-sha256`."""

import base64
import binascii
import hashlib
from collections.abc import Iterator, Mapping

from django.utils.translation import gettext as _

from storage.exceptions import PartRefusedError

HEADERS = {"Content-MD5": "md5", "x-amz-checksum-sha256": "sha256"}


def checked(headers: Mapping[str, str], chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Pass a body on, and refuse it at its end when it is not what its headers say.

    Raises:
        PartRefusedError: a checksum differs, or is none; the part must not be kept.
    """
    told = {name: _digest(name, headers[name]) for name in HEADERS if name in headers}
    # A name for files and parts, not a protection: both were chosen by S3.
    sums = {name: hashlib.new(HEADERS[name], usedforsecurity=False) for name in told}
    for chunk in chunks:
        for each in sums.values():
            each.update(chunk)
        yield chunk
    for name, each in sums.items():
        if each.digest() != told[name]:
            message = _("The part has another checksum than %(header)s says: send it again.")
            raise PartRefusedError(message % {"header": name})


def _digest(name: str, value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        message = _("%(header)s is no Base64: give the digest as RFC 1864 says.")
        raise PartRefusedError(message % {"header": name}) from error
