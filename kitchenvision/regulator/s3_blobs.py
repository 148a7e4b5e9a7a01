"""Blobs as objects ``ab/abcd...`` in a bucket of a server that speaks S3.

An object is sent only after its bytes have been checked, and a put is all or nothing: what is there is whole.
"""

import hashlib
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import BinaryIO, Self, cast
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error

from kitchenvision.errors import StorageError
from kitchenvision.regulator.blobs import CHUNK_BYTES, HashMismatch, checked_name
from kitchenvision.regulator.storage_settings import BucketSettings

LOG = logging.getLogger(__name__)
_IN_MEMORY_BYTES = 2_000_000  # a larger upload waits in a temporary file
_CONNECTIONS = 40
_TIMEOUT = urllib3.Timeout(connect=5.0, read=60.0)
_RETRIES = urllib3.Retry(total=2, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504))
_MISSING = frozenset({"NoSuchKey", "NoSuchObject", "NotFound"})
_THERE_ALREADY = frozenset({"BucketAlreadyOwnedByYou", "BucketAlreadyExists"})


class S3BlobStore:
    """See `blobs.BlobStore`.

    Args:
        settings: where; the bucket is made when missing, if the account may.

    Raises:
        StorageError: the server cannot be reached, refuses the account, or there is no bucket.
    """

    def __init__(self, settings: BucketSettings) -> None:
        parts = urlsplit(settings.endpoint)
        self._bucket, self._prefix = settings.bucket, settings.prefix
        self._pool = urllib3.PoolManager(
            num_pools=2, maxsize=_CONNECTIONS, block=False, timeout=_TIMEOUT, retries=_RETRIES
        )
        self._client = Minio(
            parts.netloc,
            access_key=settings.access_key,
            secret_key=settings.secret_key,
            secure=parts.scheme == "https",
            region=settings.region or None,
            http_client=self._pool,
        )
        with self._storage_errors():
            if not self._client.bucket_exists(self._bucket):
                self._make_bucket()

    def size(self, sha256: str) -> int | None:
        """Bytes of the blob, or None when it is not there."""
        key = self._key(sha256)
        with self._storage_errors():
            try:
                return self._client.stat_object(self._bucket, key).size
            except S3Error as error:
                if error.code in _MISSING:
                    return None
                raise

    def writer(self) -> "S3BlobWriter":
        """Bytes that wait here until they are checked."""
        return S3BlobWriter(self)

    def chunks(self, sha256: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Bytes from `start` up to, not including, `end`, in pieces."""
        key = self._key(sha256)
        if end is not None and end <= start:
            return iter(())  # a range of S3 has at least one byte
        with self._storage_errors():
            length = 0 if end is None else end - start
            answer = self._client.get_object(self._bucket, key, offset=start, length=length)
        return _Pieces(self, answer)

    def names(self) -> Iterator[str]:
        """Hashes of all blobs, sorted."""
        with self._storage_errors():
            for one in self._client.list_objects(self._bucket, prefix=self._prefix, recursive=True):
                name = (one.object_name or "").rsplit("/", 1)[-1]
                if one.object_name == self._prefix + f"{name[:2]}/{name}":
                    yield name

    def delete(self, sha256: str) -> bool:
        """Drop a blob for good; False when it is not there."""
        if self.size(sha256) is None:
            return False
        with self._storage_errors():
            self._client.remove_object(self._bucket, self._key(sha256))
        return True

    def put(self, sha256: str, data: BinaryIO, size: int) -> bool:
        """Send checked bytes; True when they are new."""
        if self.size(sha256) is not None:
            return False
        with self._storage_errors():
            self._client.put_object(self._bucket, self._key(sha256), data, size)
        return True

    def close(self) -> None:
        """Close idle connections."""
        self._pool.clear()

    def _key(self, sha256: str) -> str:
        return self._prefix + checked_name(sha256)

    def _make_bucket(self) -> None:
        try:
            self._client.make_bucket(self._bucket)
            LOG.info("made the bucket %s", self._bucket)
        except S3Error as error:
            if error.code not in _THERE_ALREADY:  # another process was quicker
                raise

    @contextmanager
    def _storage_errors(self) -> Iterator[None]:
        # Names of accounts and keys stand in no message: codes and kinds of errors only.
        try:
            yield
        except S3Error as error:
            raise self._error(f"the server says {error.code}") from error
        except (MinioException, urllib3.exceptions.HTTPError, OSError) as error:
            reason = getattr(error, "reason", None) or error
            raise self._error(f"no good answer ({type(reason).__name__})") from error

    def _error(self, reason: str) -> StorageError:
        return StorageError(f"blobs in the bucket {self._bucket} cannot be used: {reason}; look at the S3 server")


class S3BlobWriter:
    """See `blobs.BlobWriter`."""

    def __init__(self, store: S3BlobStore) -> None:
        self._store = store
        self._hash = hashlib.sha256()
        self._size = 0
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        self._file = cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            file.close()

    def write(self, data: bytes) -> None:
        """Add bytes."""
        try:
            self._opened().write(data)
        except OSError as error:
            raise StorageError(f"an upload cannot be kept here: {error.strerror}; free some space") from error
        self._hash.update(data)
        self._size += len(data)

    def keep(self, sha256: str) -> bool:
        """Check, then send; True when the blob is new."""
        got = self._hash.hexdigest()
        if got != sha256:
            raise HashMismatch(f"expected bytes with SHA-256 {sha256}, got {got}")
        file = self._opened()
        file.seek(0)
        return self._store.put(sha256, file, self._size)

    def _opened(self) -> BinaryIO:
        if self._file is None:
            raise ValueError("write inside the with block")
        return self._file


class _Pieces:
    """An answer in pieces; its connection is given back at the end, and dropped when the reader leaves before."""

    def __init__(self, store: S3BlobStore, answer: urllib3.BaseHTTPResponse) -> None:
        self._store, self._answer = store, answer

    def __iter__(self) -> "_Pieces":
        return self

    def __next__(self) -> bytes:
        with self._store._storage_errors():
            piece = self._answer.read(CHUNK_BYTES)
        if not piece:
            self._answer.release_conn()
            raise StopIteration
        return piece

    def close(self) -> None:
        """Twice is harmless."""
        self._answer.close()
        self._answer.release_conn()
