"""What the API's description says of the addresses of rosbags."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema

from common.rest.bulk import BulkAnswerSerializer, BulkSerializer
from storage.api.schema import BYTES, problems
from storage.api.serializers import (
    RenameSerializer,
    RosbagDetailSerializer,
    RosbagSerializer,
    SignedFileSerializer,
    TopicSerializer,
    UploadSerializer,
)

DELETED = OpenApiParameter(
    "deleted",
    OpenApiTypes.BOOL,
    description="`true`: only what was deleted and can be restored; for operators.",
)
RANGE = OpenApiParameter(
    "Range", OpenApiTypes.STR, OpenApiParameter.HEADER, description="One range, `bytes=0-99`."
)
IF_RANGE = OpenApiParameter(
    "If-Range",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="ETag that the range belongs to; the whole file comes when it has another.",
)

LIST = extend_schema(responses={200: RosbagSerializer(many=True), **problems(400, 404)})
RETRIEVE = extend_schema(
    parameters=[DELETED], responses={200: RosbagDetailSerializer, **problems(404)}
)
CREATE = extend_schema(
    request={"multipart/form-data": UploadSerializer},
    responses={202: RosbagSerializer, **problems(400, 409, 413, 415, 422)},
    description=(
        "Takes the files of a bundle in one form and verifies them in the background: poll the rosbag until "
        "its status is `ready`, `ready_with_warnings`, `repaired` (then `repaired` names the rosbag to use) "
        "or `rejected`. One archive (.zip, .tar, .tar.gz, .tar.zst) or data file will do as well. Content "
        "that is there already is answered as it is. What is larger than UPLOAD_FORM_BYTES comes in parts: "
        "`POST /uploads`."
    ),
)
RENAME = extend_schema(
    request=RenameSerializer,
    responses={200: RosbagSerializer, **problems(400, 404, 413, 415, 422)},
    examples=[OpenApiExample("A name", {"name": "course, dry, 2 laps"}, request_only=True)],
)
DESTROY = extend_schema(responses={204: None, **problems(404, 409)})
RESTORE = extend_schema(request=None, responses={200: RosbagSerializer, **problems(404, 410)})
VERIFY = extend_schema(request=None, responses={202: RosbagSerializer, **problems(404, 409)})
BULK_DELETE = extend_schema(
    request=BulkSerializer,
    responses={200: BulkAnswerSerializer, **problems(400, 413, 415)},
    examples=[OpenApiExample("Three", {"ids": [12, 13, 14]}, request_only=True)],
)
TOPICS = extend_schema(responses={200: TopicSerializer(many=True), **problems(400, 404)})
FILES = extend_schema(responses={200: SignedFileSerializer(many=True), **problems(404)})
FILE = extend_schema(
    operation_id="rosbags_file_retrieve",
    parameters=[
        OpenApiParameter("path", OpenApiTypes.STR, OpenApiParameter.PATH),
        RANGE,
        IF_RANGE,
    ],
    responses={
        (200, "application/octet-stream"): BYTES,
        (206, "application/octet-stream"): BYTES,
        304: None,
        412: None,
        **problems(404, 409, 416),
    },
    description="The ETag is the SHA-256 of the file. A download that broke goes on with Range and If-Range.",
)
ARCHIVE = extend_schema(
    responses={(200, "application/zip"): BYTES, 304: None, 412: None, **problems(404, 409)},
)
