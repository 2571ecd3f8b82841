"""OpenAPI schema of the preview and export endpoints."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema

from storage.api.preview_queries import (
    MessagesQuery,
    NewExportSerializer,
    SeriesQuery,
    ThumbnailsQuery,
    TopicQuery,
    TrajectoryQuery,
)
from storage.api.preview_serializers import (
    ExportSerializer,
    FieldSerializer,
    MessageSerializer,
    SeriesSerializer,
    ThumbnailSerializer,
    TimelineSerializer,
    TrajectorySerializer,
)

MAX_INT64 = 2**63 - 1
CONTENT_ERRORS = {409: None, 422: None}
TIME_NS = OpenApiParameter(
    "time_ns",
    {"type": "integer", "minimum": -MAX_INT64, "maximum": MAX_INT64},
    OpenApiParameter.PATH,
    description="Time of the picture, as listed.",
)

MESSAGES = extend_schema(
    parameters=[MessagesQuery],
    responses={
        (200, "application/x-ndjson"): MessageSerializer,
        304: None,
        412: None,
        **CONTENT_ERRORS,
    },
    description=(
        "One JSON object per line, in time order, streamed. A message that cannot be decoded has `error` "
        "and no `message`: its type is unknown (TYPE_UNKNOWN), or its bytes are not a valid message "
        "(MESSAGE_INVALID). A long array is `{length, first}`, long bytes `{length, base64}`, a long text "
        "`{length, text}`. Numbers that JSON cannot represent are the strings NaN, Infinity and -Infinity. "
        "If the stream fails, the last line has only `error`."
    ),
)
FIELDS = extend_schema(
    parameters=[TopicQuery], responses={200: FieldSerializer(many=True), **CONTENT_ERRORS}
)
TRAJECTORY = extend_schema(
    parameters=[TrajectoryQuery],
    responses={200: TrajectorySerializer, **CONTENT_ERRORS},
    description=(
        "For Odometry, Pose, PoseStamped, PoseWithCovariance(Stamped), Point(Stamped), TransformStamped, "
        "NavSatFix and tf. Simplified so that the line keeps its shape (Douglas-Peucker)."
    ),
)
SERIES = extend_schema(
    parameters=[SeriesQuery],
    responses={200: SeriesSerializer, **CONTENT_ERRORS},
    description="In equal time intervals, with the minimum, maximum and mean value of each.",
)
THUMBNAILS = extend_schema(
    parameters=[ThumbnailsQuery],
    responses={200: ThumbnailSerializer(many=True), **CONTENT_ERRORS},
    description="For Image and CompressedImage.",
)
THUMBNAIL = extend_schema(
    operation_id="rosbags_thumbnail",
    parameters=[ThumbnailsQuery, TIME_NS],
    responses={(200, "image/jpeg"): OpenApiTypes.BINARY, 304: None, 412: None, **CONTENT_ERRORS},
)
TIMELINE = extend_schema(responses={200: TimelineSerializer})
EXPORTS = extend_schema(
    operation_id="rosbags_exports",
    responses={200: ExportSerializer(many=True)},
)
EXPORT = extend_schema(
    operation_id="rosbags_export",
    request=NewExportSerializer,
    responses={
        202: ExportSerializer,
        409: None,
        422: None,
    },
    examples=[
        OpenApiExample(
            "Ten seconds for Foxglove",
            {"format": "mcap", "topics": ["/odom", "/tf"], "start": "5s", "end": "15s"},
            request_only=True,
        )
    ],
    description=(
        "Made in the background: poll the URL in `Location` until `status` is `done` or `failed`. "
        "`sqlite3` and `mcap` become a new rosbag (`result`), `csv` a table. `mcap` files have type "
        "definitions, chunks and indexes, so that viewers can open them from their `url`."
    ),
)
RETRIEVE = extend_schema(responses={200: ExportSerializer})
CANCEL = extend_schema(request=None, responses={200: ExportSerializer})
DESTROY = extend_schema(responses={204: None, 409: None})
