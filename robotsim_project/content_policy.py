"""The Content-Security-Policy of all answers: a page runs, shows and reaches only what is this server's."""

from typing import Any

from csp.constants import NONE, SELF


def content_policy(public_endpoint: str, *, use_ssl: bool) -> dict[str, Any]:
    """Return the setting of django-csp; the console sends parts of uploads to this S3 endpoint."""
    return {
        "DIRECTIVES": {
            "default-src": [SELF],
            "img-src": [SELF, "data:"],
            "connect-src": [SELF, *_origins(public_endpoint, use_ssl=use_ssl)],
            "object-src": [NONE],
            "base-uri": [SELF],
            "form-action": [SELF],
            "frame-ancestors": [SELF],
        }
    }


def _origins(endpoint: str, *, use_ssl: bool) -> list[str]:
    if not endpoint or "://" in endpoint:
        return [endpoint] if endpoint else []
    return [f"{'https' if use_ssl else 'http'}://{endpoint}"]
