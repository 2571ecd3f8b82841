"""The object store: S3 when an endpoint is set, else a folder."""

from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver

from storage.objects.base import ObjectStore
from storage.objects.folder import FolderStore


@lru_cache(maxsize=1)
def object_store() -> ObjectStore:
    """The configured object store, created once."""
    if not settings.MINIO_ENDPOINT:
        return FolderStore(settings.STORAGE_DIR)
    # Imported here: loading boto3 takes a third of a second, which the folder store does not need.
    from storage.objects.s3 import S3Store  # noqa: PLC0415

    return S3Store(
        settings.MINIO_ENDPOINT,
        settings.MINIO_PUBLIC_ENDPOINT or settings.MINIO_ENDPOINT,
        settings.MINIO_BUCKET,
        (settings.MINIO_ACCESS_KEY, settings.MINIO_SECRET_KEY),
        use_ssl=settings.MINIO_USE_SSL,
    )


@lru_cache(maxsize=1)
def backup_store() -> ObjectStore:
    """The object store of backups: a bucket, or a folder when no endpoint is set."""
    if not settings.BACKUP_ENDPOINT:
        return FolderStore(settings.BACKUP_DIR)
    from storage.objects.s3 import S3Store  # noqa: PLC0415

    return S3Store(
        settings.BACKUP_ENDPOINT,
        settings.BACKUP_ENDPOINT,
        settings.BACKUP_BUCKET,
        (settings.BACKUP_ACCESS_KEY, settings.BACKUP_SECRET_KEY),
        use_ssl=settings.BACKUP_USE_SSL,
        setting="BACKUP_ENDPOINT",
    )


@receiver(setting_changed)
def _forget_stores(*, setting: str, **_kwargs: Any) -> None:
    if setting.startswith("MINIO_") or setting == "STORAGE_DIR":
        object_store.cache_clear()
    if setting.startswith("BACKUP_"):
        backup_store.cache_clear()
