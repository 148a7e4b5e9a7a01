"""Where pictures, clips and traces are kept: by the SHA-256 of their bytes, written once."""

import errno
import hashlib
import os
import re
import secrets
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import BinaryIO, Protocol, Self

from kitchenvision.errors import KitchenvisionError, StorageError

CHUNK_BYTES = 256 * 1024
_SHA256 = re.compile(r"[0-9a-f]{64}")


class HashMismatch(KitchenvisionError):
    """The bytes are not those that their name says."""


class BlobWriter(Protocol):
    """One blob on its way in. Leaving the `with` block without `keep` leaves nothing behind."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop what was not kept."""

    def write(self, data: bytes) -> None:
        """Add bytes. Raises StorageError when they cannot be written."""

    def keep(self, sha256: str) -> bool:
        """Make the blob durable under its hash; True when it is new.

        Raises:
            HashMismatch: the bytes have another hash. StorageError: disk full or not writable.
        """


class BlobStore(Protocol):
    """The seam: files in a folder, or objects in a bucket."""

    def size(self, sha256: str) -> int | None:
        """Bytes of the blob, or None when it is not there."""

    def writer(self) -> BlobWriter:
        """A place to write a new blob to."""

    def chunks(self, sha256: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Bytes from `start` up to, not including, `end`. Raises StorageError when it is not there."""

    def names(self) -> Iterator[str]:
        """Hashes of all blobs, sorted. Raises StorageError when they cannot be listed."""

    def delete(self, sha256: str) -> bool:
        """Drop a blob for good; False when it is not there. Raises StorageError when it cannot be dropped."""


class Arrived:
    """Sizes of the blobs that were kept last, by hash; what `retention` dropped since is still among them."""

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._lock = Lock()

    def note(self, sha256: str, size: int) -> None:
        """It is durable in the store."""
        with self._lock:
            self._sizes[sha256] = size
            while len(self._sizes) > self._most:
                self._sizes.popitem(last=False)

    def size(self, store: BlobStore, sha256: str) -> int | None:
        """As the store says, who is asked only for what is not remembered."""
        size = self._sizes.get(sha256)
        return store.size(sha256) if size is None else size


class LocalBlobStore:
    """Blobs as files ``ab/abcd...`` in a folder, written beside and renamed into place.

    Args:
        folder: made when missing.
        tidy: drop what a killed process left half-written; not beside a running service, whose uploads lie there.

    Raises:
        StorageError: the folder cannot be made.
    """

    def __init__(self, folder: Path, tidy: bool = True) -> None:
        self._folder = folder
        self._incoming = folder / "incoming"
        try:
            self._incoming.mkdir(parents=True, exist_ok=True)
            # What a killed process left half-written is nobody's.
            for left in self._incoming.iterdir() if tidy else ():
                left.unlink(missing_ok=True)
            # Made at once, so that a new blob has only its own folder to sync.
            for i in range(256):
                (folder / f"{i:02x}").mkdir(exist_ok=True)
            _sync_folder(folder)
        except OSError as error:
            raise _storage_error(folder, error) from error

    def size(self, sha256: str) -> int | None:
        """Bytes of the blob, or None when it is not there."""
        try:
            return self._path(sha256).stat().st_size
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _storage_error(self._folder, error) from error

    def writer(self) -> "LocalBlobWriter":
        """A temporary file that becomes a blob."""
        return LocalBlobWriter(self._incoming, self._path)

    def chunks(self, sha256: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Bytes from `start` up to, not including, `end`, in pieces."""
        try:
            file = self._path(sha256).open("rb")
        except OSError as error:
            raise _storage_error(self._folder, error) from error
        return _Pieces(file, start, end)

    def names(self) -> Iterator[str]:
        """Hashes of all blobs, sorted."""
        try:
            for folder in sorted(self._folder.iterdir()):
                if folder != self._incoming and folder.is_dir():
                    yield from sorted(path.name for path in folder.iterdir() if _SHA256.fullmatch(path.name))
        except OSError as error:
            raise _storage_error(self._folder, error) from error

    def delete(self, sha256: str) -> bool:
        """Drop a blob for good; False when it is not there."""
        path = self._path(sha256)
        try:
            path.unlink()
            _sync_folder(path.parent)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise _storage_error(self._folder, error) from error
        return True

    def _path(self, sha256: str) -> Path:
        return self._folder / checked_name(sha256)


def checked_name(sha256: str) -> str:
    """Where a blob stands in a store: ``ab/abcd...``.

    Raises:
        ValueError: no hash; such a name could leave the store.
    """
    if not _SHA256.fullmatch(sha256):
        raise ValueError("expected 64 lower-case hex digits")
    return f"{sha256[:2]}/{sha256}"


class PathOf(Protocol):
    """Where a blob lies."""

    def __call__(self, sha256: str) -> Path:
        """Its file."""


class LocalBlobWriter:
    """See `BlobWriter`."""

    def __init__(self, incoming: Path, path_of: PathOf) -> None:
        self._temporary = incoming / secrets.token_hex(16)
        self._path_of = path_of
        self._hash = hashlib.sha256()
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        try:
            self._file = self._temporary.open("xb")
        except OSError as error:
            raise _storage_error(self._temporary.parent, error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._close()
        except OSError as failure:
            # Closing flushes, so a full disk can show here; an error already under way says more.
            if error is None:
                raise _storage_error(self._temporary.parent, failure) from failure
        finally:
            self._temporary.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        """Add bytes."""
        try:
            self._opened().write(data)
        except OSError as error:
            raise _storage_error(self._temporary.parent, error) from error
        self._hash.update(data)

    def keep(self, sha256: str) -> bool:
        """Check, flush to the disk, rename; True when the blob is new."""
        got = self._hash.hexdigest()
        if got != sha256:
            raise HashMismatch(f"expected bytes with SHA-256 {sha256}, got {got}")
        target = self._path_of(sha256)
        try:
            file = self._opened()
            file.flush()
            os.fsync(file.fileno())
            self._close()
            if target.exists():
                return False
            self._temporary.replace(target)
            _sync_folder(target.parent)
        except OSError as error:
            raise _storage_error(target.parent, error) from error
        return True

    def _opened(self) -> BinaryIO:
        if self._file is None:
            raise ValueError("write inside the with block")
        return self._file

    def _close(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            file.close()


class _Pieces:
    """An open file in pieces; closed at its end, or by `close` when the reader leaves before."""

    def __init__(self, file: BinaryIO, start: int, end: int | None) -> None:
        self._file, self._left = file, None if end is None else max(end - start, 0)
        file.seek(start)

    def __iter__(self) -> "_Pieces":
        return self

    def __next__(self) -> bytes:
        piece = self._file.read(CHUNK_BYTES if self._left is None else min(CHUNK_BYTES, self._left))
        if not piece:
            self.close()
            raise StopIteration
        if self._left is not None:
            self._left -= len(piece)
        return piece

    def close(self) -> None:
        """Twice is harmless."""
        self._file.close()


def _sync_folder(folder: Path) -> None:
    # Without it a rename may be lost with the power, after the receipt was given.
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _storage_error(folder: Path, error: OSError) -> StorageError:
    word = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else (error.strerror or str(error))
    return StorageError(f"blobs in {folder} cannot be used: {word}; free some space or look at the permissions")
