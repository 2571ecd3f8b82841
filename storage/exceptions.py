"""Errors of the storage app; their messages say what to do."""

from typing import Any

from common.exceptions import DomainError


class StorageError(DomainError):
    """Base of the errors of this app; `errors` points at the invalid fields."""

    status = 409
    code = "STORAGE_ERROR"


class RosbagNotFoundError(StorageError):
    """There is no such rosbag, or it was deleted."""

    status = 404
    code = "ROSBAG_NOT_FOUND"


class FilesInvalidError(StorageError):
    """File names, sizes or checksums are invalid."""

    status = 422
    code = "FILES_INVALID"


class PathMissingError(StorageError):
    """The path to import does not exist or cannot be imported."""

    status = 422
    code = "PATH_MISSING"


class LinkOutsideError(StorageError):
    """A folder to import has a link that leaves it."""

    status = 422
    code = "PATH_UNSAFE"


class StillRecordedError(StorageError):
    """A file to import changed while it was read."""

    code = "STILL_RECORDED"


class BundleRefusedError(StorageError):
    """A file is no bundle, or an archive has none, several, or unsafe members; the code says which."""

    status = 422

    def __init__(self, sentence: str, *, code: str) -> None:
        super().__init__(sentence)
        self.code = code


class UploadIncompleteError(StorageError):
    """Parts are missing, or differ from the declared file."""

    code = "UPLOAD_INCOMPLETE"


class UploadClosedError(StorageError):
    """The upload was aborted or completed, nothing can be added."""

    code = "UPLOAD_CLOSED"


class RosbagBusyError(StorageError):
    """The rosbag is still being uploaded."""

    code = "ROSBAG_UPLOADING"


class RosbagInUseError(StorageError):
    """The rosbag is in use."""

    code = "ROSBAG_IN_USE"


class LinkRefusedError(StorageError):
    """A signed URL has expired or was altered."""

    status = 403
    code = "LINK_EXPIRED"


class ObjectNotFoundError(StorageError):
    """The object or upload of a signed URL no longer exists."""

    status = 404
    code = "OBJECT_NOT_FOUND"


class PartRefusedError(StorageError):
    """A part has no length, another length than expected, or was truncated."""

    status = 400
    code = "PART_INVALID"


class UploadNotFoundError(StorageError):
    """There is no such upload session."""

    status = 404
    code = "UPLOAD_NOT_FOUND"


class UploadAbortedError(StorageError):
    """The upload was aborted by its owner, or after a day without activity."""

    status = 410
    code = "UPLOAD_ABORTED"


class UploadForeignError(StorageError):
    """Another user started this upload."""

    status = 403
    code = "UPLOAD_NOT_YOURS"


class FileAbsentError(StorageError):
    """The rosbag has no file of that path."""

    status = 404
    code = "FILE_NOT_FOUND"


class NameInvalidError(StorageError):
    """The name of a rosbag is invalid."""

    status = 422
    code = "NAME_INVALID"


class RosbagUnreadyError(StorageError):
    """The data of the rosbag cannot be read: not verified, rejected, or too large for this machine."""

    code = "ROSBAG_NOT_READY"


class SpanInvalidError(StorageError):
    """A time is invalid, or the time range has no data."""

    status = 422
    code = "TIME_INVALID"


class PreviewError(StorageError):
    """A preview or an export failed; `details` are the values of the sentence of `code`."""

    status = 422

    def __init__(self, code: str, detail: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.status = _STATUSES.get(code, 422)
        self.details = details or {}


_STATUSES = {"TOPIC_UNKNOWN": 404, "THUMBNAIL_NOT_FOUND": 404}


class PreviewBusyError(StorageError):
    """All preview slots are in use."""

    status = 503
    code = "PREVIEW_BUSY"
    retry_after = 5


class ExportNotFoundError(StorageError):
    """There is no such export."""

    status = 404
    code = "EXPORT_NOT_FOUND"


class ExportInvalidError(StorageError):
    """The options of an export are invalid."""

    status = 422
    code = "EXPORT_INVALID"


class ExportBusyError(StorageError):
    """The export is being made."""

    code = "EXPORT_RUNNING"
