"""OpenAPI schema of the upload endpoints."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema

from storage.api.serializers import RosbagSerializer
from storage.api.upload_serializers import (
    AddressesSerializer,
    CompleteSerializer,
    NewUploadSerializer,
    UploadListSerializer,
    UploadSessionSerializer,
)
from storage.services.intake.parts import MAX_PARTS

NEW_UPLOAD = {
    "name": "course",
    "files": [
        {
            "path": "metadata.yaml",
            "size": 2048,
            "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        },
        {"path": "course_0.db3", "size": 1073741824},
    ],
}
PATH = {"type": "string", "minLength": 1, "maxLength": 400}
AFTER = {"type": "integer", "minimum": 0, "maximum": MAX_PARTS}
FILE_AFTER = {"type": "string", "maxLength": 400}
LIMIT = {"type": "integer", "minimum": 1, "maximum": 1000}
FILE = OpenApiParameter("file", OpenApiTypes.STR, description="Path of one file of the upload.")

LIST = extend_schema(responses={200: UploadListSerializer(many=True)})
CREATE = extend_schema(
    request=NewUploadSerializer,
    responses={
        200: UploadSessionSerializer,
        201: UploadSessionSerializer,
        404: None,
        409: None,
        410: None,
        422: None,
    },
    examples=[OpenApiExample("A bundle of two files", NEW_UPLOAD, request_only=True)],
    description=(
        "Announce the files, PUT each part to its URL (in any order, several at once, again after a "
        "failure), then complete. 201: send the parts. 200: the same content is stored already, as "
        "`rosbag`; nothing needs to be sent. Each URL is valid for `address_seconds`; request new ones "
        "with `GET /uploads/{id}` or `GET /uploads/{id}/parts`. A part must have exactly the given size. "
        "The response to a part has an ETag, and `Content-MD5` is checked if it is sent. A `sha256` that is "
        "left out is computed from the stored file; then name the ETags when completing, above all of parts "
        "that were sent twice. An upload without activity for a day is aborted."
    ),
)
RETRIEVE = extend_schema(
    parameters=[
        FILE,
        OpenApiParameter("after", FILE_AFTER, description="Only files with a later path."),
        OpenApiParameter("limit", LIMIT, description="Files to list; 1000 if left out."),
    ],
    responses={200: UploadSessionSerializer, 410: None},
    description=(
        "The stored and missing parts of an upload, with new URLs of the first parts that are missing: "
        "send them and ask again until `addresses` is empty."
    ),
)
DESTROY = extend_schema(responses={204: None, 409: None, 410: None})
PARTS = extend_schema(
    parameters=[
        OpenApiParameter("file", PATH, required=True, description="Path of the file."),
        OpenApiParameter("after", AFTER, description="Only parts of a higher number."),
        OpenApiParameter("limit", LIMIT, description="500 if left out."),
    ],
    responses={200: AddressesSerializer, 409: None, 410: None},
)
COMPLETE = extend_schema(
    request=CompleteSerializer,
    responses={
        202: RosbagSerializer,
        409: None,
        410: None,
    },
    examples=[OpenApiExample("All parts as they are stored", {}, request_only=True)],
    description=(
        "Returns 409 `UPLOAD_INCOMPLETE` while parts are missing; `errors` names them. The rosbag is "
        "verified in the background: poll it until its status is `ready`, `ready_with_warnings` or "
        "`rejected`; its `sentence` names a file whose checksum differs from the declared one."
    ),
)
