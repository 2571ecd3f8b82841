"""What the API's description says of the addresses of uploads."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema

from storage.api.schema import problems
from storage.api.serializers import RosbagSerializer
from storage.api.upload_serializers import (
    AddressesSerializer,
    CompleteSerializer,
    NewUploadSerializer,
    UploadListSerializer,
    UploadSessionSerializer,
)
from storage.services.intake.parts import MAX_PARTS

NEW = {
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
LIMIT = {"type": "integer", "minimum": 1, "maximum": 1000}
FILE = OpenApiParameter("file", OpenApiTypes.STR, description="Path of one file of the upload.")

LIST = extend_schema(responses={200: UploadListSerializer(many=True), **problems(400, 404)})
CREATE = extend_schema(
    request=NewUploadSerializer,
    responses={
        200: UploadSessionSerializer,
        201: UploadSessionSerializer,
        **problems(400, 409, 413, 415, 422),
    },
    examples=[OpenApiExample("A bundle of two files", NEW, request_only=True)],
    description=(
        "Announce the files, PUT each part to its address (in any order, several at once, again after a "
        "failure), then complete. 201: send the parts. 200: the same content is there already, `rosbag` tells"
        " "
        "where, nothing needs to be sent. Each address holds for `address_seconds`; ask for new ones with "
        "`GET /uploads/{id}` or `GET /uploads/{id}/parts`. A part has exactly the size that is told. Its "
        "answer has an ETag, and `Content-MD5` is compared where it is sent. A `sha256` that is left out is "
        "taken from what arrived; name the ETags at the end then, above all of "
        "parts that were sent twice. An upload that nobody goes on with for a day is given up."
    ),
)
RETRIEVE = extend_schema(
    parameters=[FILE], responses={200: UploadSessionSerializer, **problems(404, 410)}
)
DESTROY = extend_schema(responses={204: None, **problems(404, 409, 410)})
PARTS = extend_schema(
    parameters=[
        OpenApiParameter("file", PATH, required=True, description="Path of the file."),
        OpenApiParameter("after", AFTER, description="Only parts of a higher number."),
        OpenApiParameter("limit", LIMIT, description="500 if left out."),
    ],
    responses={200: AddressesSerializer, **problems(400, 404, 409, 410)},
)
COMPLETE = extend_schema(
    request=CompleteSerializer,
    responses={202: RosbagSerializer, **problems(400, 404, 409, 410, 413, 415)},
    examples=[OpenApiExample("All parts as they are stored", {}, request_only=True)],
    description=(
        "Answers 409 `UPLOAD_INCOMPLETE` as long as parts are missing; `errors` names them. The rosbag is "
        "verified in the background: poll it until its status is `ready`, `ready_with_warnings` or "
        "`rejected`; a file that arrived with another checksum than announced is named there."
    ),
)
