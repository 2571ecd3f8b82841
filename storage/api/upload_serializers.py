"""Upload sessions as the API takes and tells them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from common.rest.serializers import Strict
from rosbag2.reading.archive import bare_name
from storage.api.serializers import RosbagSerializer
from storage.objects.base import UploadedPart
from storage.services.intake.assembly import FinishedUpload, ranges
from storage.services.intake.parts import MOST_PARTS
from storage.services.intake.sessions import MOST_FILES, FileState
from storage.services.intake.uploads import LARGEST_FILE, NewFile

LONGEST_ETAG = 100


class NewFileSerializer(Strict):
    """A file to come; `sha256` may be left out where it is not known, as by browsers for huge files."""

    path = serializers.CharField(max_length=400, trim_whitespace=False)
    size = serializers.IntegerField(min_value=0, max_value=LARGEST_FILE, help_text="Bytes.")
    sha256 = serializers.RegexField(
        "^[0-9a-f]{64}$",
        required=False,
        default="",
        help_text="Checksum in hex; left out, it is taken from what arrived.",
    )


class NewUploadSerializer(Strict):
    """The files of a bundle that will be sent in parts."""

    name = serializers.CharField(
        max_length=200, required=False, help_text="Name of the rosbag; else that of its first file."
    )
    files = serializers.ListField(
        child=NewFileSerializer(), allow_empty=False, max_length=MOST_FILES
    )

    def new_files(self) -> list[NewFile]:
        """The files in the words of the service."""
        return [NewFile(**file) for file in self.validated_data["files"]]

    def name_of_rosbag(self) -> str:
        return str(
            self.validated_data.get("name") or bare_name(self.validated_data["files"][0]["path"])
        )


class SentPartSerializer(Strict):
    """A part that was sent, with the ETag of its answer."""

    number = serializers.IntegerField(min_value=1, max_value=MOST_PARTS)
    etag = serializers.CharField(max_length=LONGEST_ETAG)


class SentFileSerializer(Strict):
    """A file of which all parts were sent."""

    path = serializers.CharField(max_length=400, trim_whitespace=False)
    parts = serializers.ListField(child=SentPartSerializer(), max_length=MOST_PARTS)


class CompleteSerializer(Strict):
    """ETags to be compared with what is stored; what is not named is taken as it is stored."""

    files = serializers.ListField(child=SentFileSerializer(), required=False, max_length=MOST_FILES)

    def finished(self) -> list[FinishedUpload]:
        """The files in the words of the service."""
        return [
            FinishedUpload(
                file["path"], "", [UploadedPart(p["number"], p["etag"]) for p in file["parts"]]
            )
            for file in self.validated_data.get("files", [])
        ]


class FileStateSerializer(serializers.Serializer[FileState]):
    """How far a file has come; sizes in bytes."""

    path = serializers.CharField(source="file.path")
    size = serializers.IntegerField(source="file.size")
    sha256 = serializers.CharField(source="file.sha256", allow_blank=True)
    part_size = serializers.IntegerField(help_text="Of each part but the last, which is the rest.")
    part_count = serializers.IntegerField()
    stored_bytes = serializers.IntegerField()
    missing = serializers.SerializerMethodField()

    @extend_schema_field(
        {
            "type": "array",
            "description": "First and last number of each run of parts that are not stored.",
            "items": {
                "type": "array",
                "items": {"type": "integer"},
                "minItems": 2,
                "maxItems": 2,
            },
        }
    )
    def get_missing(self, state: FileState) -> list[tuple[int, int]]:
        return ranges(state.missing)


class PartSerializer(serializers.Serializer[Any]):
    """Where to PUT a part: these bytes of the file, neither more nor fewer."""

    number = serializers.IntegerField()
    offset = serializers.IntegerField(help_text="Where in the file the part begins.")
    size = serializers.IntegerField()
    url = serializers.CharField(help_text="A path without host belongs to this server.")


class AddressesSerializer(serializers.Serializer[Any]):
    """Signed addresses of parts of one file that are not stored yet."""

    path = serializers.CharField()
    parts = PartSerializer(many=True)
    next_after = serializers.IntegerField(
        allow_null=True, help_text="Give it as `after` to get more; null: these were the last."
    )


class UploadSessionSerializer(serializers.Serializer[Any]):
    """An upload in parts: `open` until it is completed; `rosbag` is what it becomes."""

    id = serializers.IntegerField()
    state = serializers.ChoiceField(choices=["open", "completed"])
    part_etag = serializers.ChoiceField(
        choices=["md5", "sha256"], help_text="What the ETag of a part is, in hex."
    )
    address_seconds = serializers.IntegerField(help_text="How long an address holds.")
    size = serializers.IntegerField()
    stored_bytes = serializers.IntegerField()
    files = FileStateSerializer(many=True)
    addresses = AddressesSerializer(many=True, help_text="The first ones; ask for others by file.")
    rosbag = RosbagSerializer()


class UploadListSerializer(serializers.Serializer[Any]):
    """An open upload, in short."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    size = serializers.IntegerField()
    created_by = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()

    @extend_schema_field(serializers.EmailField(allow_null=True))
    def get_created_by(self, rosbag: Any) -> str | None:
        return str(rosbag.created_by) if rosbag.created_by else None
