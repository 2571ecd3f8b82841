"""What storage refuses; the sentences say what to do."""

from typing import Any

from common.exceptions import DomainError


class StorageError(DomainError):
    """A request that storage cannot carry out; `errors` points at the parts that are wrong."""

    status = 409
    code = "STORAGE_ERROR"


class RosbagNotFoundError(StorageError):
    """No such rosbag, or it was deleted."""

    status = 404
    code = "ROSBAG_NOT_FOUND"


class FilesInvalidError(StorageError):
    """File names, sizes or checksums that no bundle can have."""

    status = 422
    code = "FILES_INVALID"


class PathMissingError(StorageError):
    """The folder to import is not there or is no folder."""

    status = 422
    code = "PATH_MISSING"


class LinkOutsideError(StorageError):
    """A folder to import holds a link that leads out of it."""

    status = 422
    code = "PATH_UNSAFE"


class ArchiveRefusedError(StorageError):
    """An archive that holds no bundle, two, or what no archive should; the code says which."""

    status = 422

    def __init__(self, sentence: str, *, code: str) -> None:
        super().__init__(sentence)
        self.code = code


class UploadIncompleteError(StorageError):
    """Parts are missing, or differ from what was declared."""

    code = "UPLOAD_INCOMPLETE"


class UploadClosedError(StorageError):
    """The upload was abandoned or has ended, nothing can be added."""

    code = "UPLOAD_CLOSED"


class RosbagBusyError(StorageError):
    """The rosbag is still being uploaded."""

    code = "ROSBAG_UPLOADING"


class RosbagInUseError(StorageError):
    """Something still needs the rosbag."""

    code = "ROSBAG_IN_USE"


class LinkRefusedError(StorageError):
    """A signed address that has expired or was altered."""

    status = 403
    code = "LINK_EXPIRED"


class ObjectNotFoundError(StorageError):
    """A signed address to an object or upload that is gone."""

    status = 404
    code = "OBJECT_NOT_FOUND"


class PartRefusedError(StorageError):
    """A part without length, longer than allowed, or cut short."""

    status = 400
    code = "PART_INVALID"


class UploadNotFoundError(StorageError):
    """No such upload session."""

    status = 404
    code = "UPLOAD_NOT_FOUND"


class UploadAbortedError(StorageError):
    """The upload was given up, by its owner or because nobody went on with it for a day."""

    status = 410
    code = "UPLOAD_ABORTED"


class UploadForeignError(StorageError):
    """Somebody else began this upload."""

    status = 403
    code = "UPLOAD_NOT_YOURS"


class UploadBusyError(StorageError):
    """Another request is joining the parts just now."""

    code = "UPLOAD_COMPLETING"
    retry_after = 2


class FileAbsentError(StorageError):
    """The rosbag has no file of that path."""

    status = 404
    code = "FILE_NOT_FOUND"


class NameInvalidError(StorageError):
    """A name that no rosbag may have."""

    status = 422
    code = "NAME_INVALID"


class RosbagUnreadyError(StorageError):
    """The data of the rosbag cannot be read: not verified, rejected, or too large for this machine."""

    code = "ROSBAG_NOT_READY"


class SpanInvalidError(StorageError):
    """No time, or a stretch of time that holds nothing."""

    status = 422
    code = "TIME_INVALID"


class PreviewError(StorageError):
    """What a preview or an export runs into; `code` says what, `details` fill its sentence."""

    status = 422

    def __init__(self, code: str, detail: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.status = _STATUSES.get(code, 422)
        self.details = details or {}


_STATUSES = {"TOPIC_UNKNOWN": 404, "THUMBNAIL_NOT_FOUND": 404}


class PreviewBusyError(StorageError):
    """All places for previews are taken."""

    status = 503
    code = "PREVIEW_BUSY"
    retry_after = 5


class ExportNotFoundError(StorageError):
    """No such export."""

    status = 404
    code = "EXPORT_NOT_FOUND"


class ExportInvalidError(StorageError):
    """An export that cannot be made as it is asked for."""

    status = 422
    code = "EXPORT_INVALID"


class ExportBusyError(StorageError):
    """The export is being made."""

    code = "EXPORT_RUNNING"
