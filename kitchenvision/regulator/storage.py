"""Which blob store the settings ask for."""

from importlib import import_module
from typing import cast

from kitchenvision.errors import MissingExtra
from kitchenvision.regulator.blobs import BlobStore, LocalBlobStore
from kitchenvision.regulator.settings import RegulatorSettings


def open_blobs(settings: RegulatorSettings, tidy: bool = True) -> BlobStore:
    """The store of these settings.

    Args:
        tidy: see `LocalBlobStore`.

    Raises:
        StorageError: it cannot be used. MissingExtra: the client of S3 is not installed.
    """
    bucket = settings.storage.blobs
    if bucket is None:
        return LocalBlobStore(settings.data_dir / "blobs", tidy)
    try:
        # Only who keeps things in a bucket needs its client.
        s3_blobs = import_module("kitchenvision.regulator.s3_blobs")
    except ImportError as error:
        raise MissingExtra("district", "keeping pictures in a bucket") from error
    return cast(BlobStore, s3_blobs.S3BlobStore(bucket))
