"""Lets pages of other origins, such as web viewers, read signed addresses (Fetch standard, CORS)."""

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

EXPOSED = "Content-Range, Content-Length, Content-Disposition, ETag, Accept-Ranges"
REQUESTED = "Range, If-Range, If-None-Match, If-Match"
KEPT_SECONDS = 600
READS = frozenset({"GET", "HEAD"})


def share(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Say that a page of an allowed origin may read this; without credentials, the address is the right."""
    allowed = settings.CORS_ALLOWED_ORIGINS
    if not allowed:
        return response
    patch_vary_headers(response, ["Origin"])
    origin = request.headers.get("Origin", "")
    asked = request.headers.get("Access-Control-Request-Method", request.method or "")
    if asked not in READS or not (origin in allowed or ("*" in allowed and origin)):
        return response
    response["Access-Control-Allow-Origin"] = "*" if "*" in allowed else origin
    response["Access-Control-Expose-Headers"] = EXPOSED
    if request.method == "OPTIONS":
        response["Access-Control-Allow-Methods"] = "GET, HEAD"
        response["Access-Control-Allow-Headers"] = REQUESTED
        response["Access-Control-Max-Age"] = str(KEPT_SECONDS)
    return response
