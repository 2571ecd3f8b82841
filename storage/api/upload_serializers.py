"""Serializers of upload sessions."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from common.rest.serializers import StrictSerializer
from rosbag2.budget import MAX_FILES
from rosbag2.reading.archive import bare_name
from storage.api.senders import PathField
from storage.api.serializers import RosbagSerializer
from storage.objects.base import UploadedPart
from storage.services.intake.assembly import FinishedUpload, number_ranges
from storage.services.intake.parts import MAX_PARTS
from storage.services.intake.sessions import FileState
from storage.services.intake.uploads import MAX_FILE_BYTES, NewFile

MAX_ETAG_LENGTH = 100


class FileList(serializers.ListField):
    """One item for each file of a bundle; too many are refused before any of them is looked at."""

    default_error_messages = {
        "max_length": _(
            "A bundle has at most {max_length} files, metadata.yaml among them: join its splits with "
            "`ros2 bag convert`."
        )
    }

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=MAX_FILES + 1, **options)  # the files and metadata.yaml

    def run_child_validation(self, data: Any) -> Any:
        self.run_validators(data)
        return super().run_child_validation(data)


class NewFileSerializer(StrictSerializer):
    """A file to upload; `sha256` may be left out if it is unknown, as in browsers for huge files."""

    path = PathField()
    size = serializers.IntegerField(min_value=0, max_value=MAX_FILE_BYTES, help_text="Bytes.")
    sha256 = serializers.RegexField(
        "^[0-9a-f]{64}$",
        required=False,
        default="",
        help_text="Checksum in hex; by default it is computed from the stored file.",
    )


class NewUploadSerializer(StrictSerializer):
    """The files of a bundle that will be sent in parts."""

    name = serializers.CharField(
        max_length=200,
        required=False,
        help_text="Name of the rosbag; default: that of its first file.",
    )
    files = FileList(child=NewFileSerializer(), allow_empty=False)

    def to_new_files(self) -> list[NewFile]:
        """Convert the valid data to the types of the service."""
        return [NewFile(**file) for file in self.validated_data["files"]]

    def rosbag_name(self) -> str:
        return str(
            self.validated_data.get("name") or bare_name(self.validated_data["files"][0]["path"])
        )


class SentPartSerializer(StrictSerializer):
    """An uploaded part, with the ETag of its response."""

    number = serializers.IntegerField(min_value=1, max_value=MAX_PARTS)
    etag = serializers.CharField(max_length=MAX_ETAG_LENGTH)


class SentFileSerializer(StrictSerializer):
    """A file with its uploaded parts."""

    path = PathField()
    parts = serializers.ListField(child=SentPartSerializer(), max_length=MAX_PARTS)


class CompleteSerializer(StrictSerializer):
    """ETags to compare with the stored parts; parts that are not named are used as stored."""

    files = FileList(child=SentFileSerializer(), required=False)

    def to_finished_uploads(self) -> list[FinishedUpload]:
        """Convert the valid data to the types of the service."""
        return [
            FinishedUpload(
                file["path"], "", [UploadedPart(p["number"], p["etag"]) for p in file["parts"]]
            )
            for file in self.validated_data.get("files", [])
        ]


class FileStateSerializer(serializers.Serializer[FileState]):
    """The upload state of a file; sizes in bytes."""

    path = serializers.CharField(source="file.path")
    size = serializers.IntegerField(source="file.size")
    sha256 = serializers.CharField(source="file.sha256", allow_blank=True)
    part_size = serializers.IntegerField(
        help_text="Size of each part but the last, which is the remainder."
    )
    part_count = serializers.IntegerField()
    stored_bytes = serializers.IntegerField()
    missing = serializers.SerializerMethodField()

    @extend_schema_field(
        {
            "type": "array",
            "description": "First and last number of each range of missing parts.",
            "items": {
                "type": "array",
                "items": {"type": "integer"},
                "minItems": 2,
                "maxItems": 2,
            },
        }
    )
    def get_missing(self, state: FileState) -> list[tuple[int, int]]:
        return number_ranges(state.missing)


class PartSerializer(serializers.Serializer[Any]):
    """URL to PUT a part: exactly these bytes of the file."""

    number = serializers.IntegerField()
    offset = serializers.IntegerField(help_text="Offset of the part in the file.")
    size = serializers.IntegerField()
    url = serializers.CharField(help_text="A path without host belongs to this server.")


class AddressesSerializer(serializers.Serializer[Any]):
    """Signed URLs of missing parts of one file."""

    path = serializers.CharField()
    parts = PartSerializer(many=True)
    next_after = serializers.IntegerField(
        allow_null=True,
        help_text="Value of `after` for the next page; null: this is the last page.",
    )


class UploadSessionSerializer(serializers.Serializer[Any]):
    """A multipart upload: `open` until it is completed; `rosbag` is the resulting rosbag."""

    id = serializers.IntegerField()
    state = serializers.ChoiceField(choices=["open", "completed"])
    part_etag = serializers.ChoiceField(
        choices=["md5", "sha256"], help_text="Hash that the ETag of a part holds in hex."
    )
    address_seconds = serializers.IntegerField(help_text="Validity of a URL in seconds.")
    size = serializers.IntegerField()
    stored_bytes = serializers.IntegerField()
    files = FileStateSerializer(many=True, help_text="At most 1,000, by path.")
    next_after = serializers.CharField(
        allow_null=True, help_text="Value of `after` for the next files; null: these are the last."
    )
    addresses = AddressesSerializer(
        many=True, help_text="The first missing parts; request others per file."
    )
    rosbag = RosbagSerializer()


class UploadListSerializer(serializers.Serializer[Any]):
    """An open upload."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    size = serializers.IntegerField()
    created_by = serializers.EmailField(source="created_by.email", read_only=True, allow_null=True)
    created_at = serializers.DateTimeField()
