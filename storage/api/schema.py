"""What the API's description says of errors and bytes here."""

from drf_spectacular.utils import OpenApiResponse

from common.problems import MEDIA_TYPE

BYTES = {"type": "string", "format": "binary"}


def problems(*statuses: int) -> dict[tuple[int, str], OpenApiResponse]:
    """Responses for these statuses, and for those that every address may give; described for all in one."""
    return {
        (status, MEDIA_TYPE): OpenApiResponse() for status in sorted({401, 403, 503, *statuses})
    }
