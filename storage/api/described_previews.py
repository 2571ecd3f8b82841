"""What the API's description says of previews and exports."""

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
from storage.api.schema import BYTES, problems

LARGEST = 2**63 - 1
CONTENT = problems(400, 404, 409, 422)
TIME_NS = OpenApiParameter(
    "time_ns",
    {"type": "integer", "minimum": -LARGEST, "maximum": LARGEST},
    OpenApiParameter.PATH,
    description="Time of the picture, as listed.",
)

MESSAGES = extend_schema(
    parameters=[MessagesQuery],
    responses={(200, "application/x-ndjson"): MessageSerializer, 304: None, 412: None, **CONTENT},
    description=(
        "One JSON object a line, in time order, sent while it is read. A message that cannot be decoded has "
        "`error` and no `message`: its type is not known (TYPE_UNKNOWN), or its bytes are no such message "
        "(MESSAGE_INVALID). A long array is `{length, first}`, long bytes `{length, base64}`, a long text "
        "`{length, text}`. Numbers that JSON does not know are the words NaN, Infinity and -Infinity. If it "
        "breaks off, the last line has nothing but `error`."
    ),
)
FIELDS = extend_schema(
    parameters=[TopicQuery], responses={200: FieldSerializer(many=True), **CONTENT}
)
TRAJECTORY = extend_schema(
    parameters=[TrajectoryQuery],
    responses={200: TrajectorySerializer, **CONTENT},
    description=(
        "For Odometry, Pose, PoseStamped, PoseWithCovariance(Stamped), Point(Stamped), TransformStamped, "
        "NavSatFix and tf. Thinned out so that the line keeps its shape (Douglas-Peucker)."
    ),
)
SERIES = extend_schema(
    parameters=[SeriesQuery],
    responses={200: SeriesSerializer, **CONTENT},
    description="In equal stretches of time with the least, the greatest and the mean value of each.",
)
THUMBNAILS = extend_schema(
    parameters=[ThumbnailsQuery],
    responses={200: ThumbnailSerializer(many=True), **CONTENT},
    description="For Image and CompressedImage.",
)
THUMBNAIL = extend_schema(
    operation_id="rosbags_thumbnail",
    parameters=[ThumbnailsQuery, TIME_NS],
    responses={(200, "image/jpeg"): BYTES, 304: None, 412: None, **CONTENT},
)
TIMELINE = extend_schema(responses={200: TimelineSerializer, **problems(404)})
EXPORTS = extend_schema(
    operation_id="rosbags_exports",
    responses={200: ExportSerializer(many=True), **problems(400, 404)},
)
EXPORT = extend_schema(
    operation_id="rosbags_export",
    request=NewExportSerializer,
    responses={202: ExportSerializer, **problems(400, 404, 409, 413, 415, 422)},
    examples=[
        OpenApiExample(
            "Ten seconds for Foxglove",
            {"format": "mcap", "topics": ["/odom", "/tf"], "start": "5s", "end": "15s"},
            request_only=True,
        )
    ],
    description=(
        "Made in the background: poll the address in `Location` until `status` is `done` or `failed`. "
        "`sqlite3` and `mcap` become a new rosbag (`result`), `csv` a table. `mcap` has the definitions of "
        "its types, chunks and indexes, so that viewers open it from its `url`."
    ),
)
RETRIEVE = extend_schema(responses={200: ExportSerializer, **problems(404)})
CANCEL = extend_schema(request=None, responses={200: ExportSerializer, **problems(404)})
DESTROY = extend_schema(responses={204: None, **problems(404, 409)})
