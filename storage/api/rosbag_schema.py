"""OpenAPI schema of the rosbag endpoints."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema

from common.rest.bulk import BulkAnswerSerializer, BulkSerializer
from rosbag2.budget import MAX_FILES
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
    description="`true`: only deleted rosbags, which can be restored; for operators.",
)
RANGE = OpenApiParameter(
    "Range", OpenApiTypes.STR, OpenApiParameter.HEADER, description="One range, `bytes=0-99`."
)
IF_RANGE = OpenApiParameter(
    "If-Range",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="ETag that the range belongs to; if the file has another one, the whole file is sent.",
)

LIST = extend_schema(responses={200: RosbagSerializer(many=True)})
RETRIEVE = extend_schema(parameters=[DELETED], responses={200: RosbagDetailSerializer})
CREATE = extend_schema(
    request={"multipart/form-data": UploadSerializer},
    responses={202: RosbagSerializer, 409: None, 422: None},
    description=(
        "Stores the files of a bundle from one form and verifies them in the background: poll the rosbag "
        "until its status is `ready`, `ready_with_warnings`, `repaired` (then `repaired` names the rosbag "
        "to use) or `rejected`. One archive (.zip, .tar, .tar.gz, .tar.bz2, .tar.xz, .tar.zst) or data "
        "file is accepted as well. If the same content is stored already, its rosbag is returned. Send "
        "bundles larger than UPLOAD_FORM_BYTES in parts: `POST /uploads`."
    ),
)
RENAME = extend_schema(
    request=RenameSerializer,
    responses={200: RosbagSerializer, 422: None},
    examples=[OpenApiExample("A name", {"name": "course, dry, 2 laps"}, request_only=True)],
)
DESTROY = extend_schema(responses={204: None, 409: None})
RESTORE = extend_schema(request=None, responses={200: RosbagSerializer, 410: None})
VERIFY = extend_schema(request=None, responses={202: RosbagSerializer, 409: None})
BULK_DELETE = extend_schema(
    request=BulkSerializer,
    responses={200: BulkAnswerSerializer},
    examples=[OpenApiExample("Three", {"ids": [12, 13, 14]}, request_only=True)],
)
# Without filters: drf-spectacular would match them against the queryset of rosbags.
TOPICS = extend_schema(filters=False, responses={200: TopicSerializer(many=True)})
FILES = extend_schema(
    parameters=[
        OpenApiParameter(
            "after",
            {"type": "string", "maxLength": 400},
            description="Only files with a later path: the last one of the page before.",
        ),
        OpenApiParameter(
            "limit",
            {"type": "integer", "minimum": 1, "maximum": MAX_FILES + 1},
            description="Files to list; all if left out.",
        ),
    ],
    responses={200: SignedFileSerializer(many=True)},
)
FILE = extend_schema(
    operation_id="rosbags_file_retrieve",
    parameters=[
        OpenApiParameter("path", OpenApiTypes.STR, OpenApiParameter.PATH),
        RANGE,
        IF_RANGE,
    ],
    responses={
        (200, "application/octet-stream"): OpenApiTypes.BINARY,
        (206, "application/octet-stream"): OpenApiTypes.BINARY,
        304: None,
        412: None,
        409: None,
        416: None,
    },
    description=(
        "The ETag is the SHA-256 of the file. Resume an interrupted download with Range and If-Range."
    ),
)
ARCHIVE = extend_schema(
    responses={
        (200, "application/zip"): OpenApiTypes.BINARY,
        304: None,
        412: None,
        409: None,
    },
)
