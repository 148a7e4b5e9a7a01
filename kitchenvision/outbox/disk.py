"""Blobs on disk, named by their hash, and how a failing disk becomes a word for a person."""

import errno
import hashlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from kitchenvision.errors import StorageError

CHUNK = 1 << 20
STALE_TEMP_S = 3600.0
_FULL = {errno.ENOSPC, errno.EDQUOT}


class BlobFolder:
    """Files ``ab/<sha256>``: there in full under their name, or not at all."""

    def __init__(self, folder: Path, temp: Path) -> None:
        self._folder = folder
        self._temp = temp  # on the same disk: renaming between disks would copy, and a copy can be cut

    def create(self) -> None:
        """Make the folders."""
        for each in (self._folder, self._temp):
            each.mkdir(parents=True, exist_ok=True)
            sync_folder(each.parent)

    def path(self, sha256: str) -> Path:
        """Where the blob is, or would be."""
        return self._folder / sha256[:2] / sha256

    def has(self, sha256: str, size: int) -> bool:
        """Whether the blob is there with its size in bytes."""
        try:
            return self.path(sha256).stat().st_size == size
        except FileNotFoundError:
            return False

    def write(self, sha256: str, size: int, source: bytes | Path) -> None:
        """Store a blob, unless it is there; durable when this returns.

        Raises:
            StorageError: the source is not what its hash says.
            OSError: as the disk says; then nothing is left half-written.
        """
        target = self.path(sha256)
        if self.has(sha256, size):
            sync_folder(target.parent)  # whoever renamed it may have died before doing this
            return
        descriptor, name = tempfile.mkstemp(dir=self._temp)
        temp = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as out:
                found = _copy(source, out)
                out.flush()
                os.fsync(out.fileno())
            if found != (sha256, size):
                raise StorageError(
                    f"a blob is not what the report says: expected {size} bytes with SHA-256 {sha256}, "
                    f"got {found[1]} with {found[0]}; write the evidence again"
                )
            if not target.parent.exists():
                target.parent.mkdir(exist_ok=True)
                sync_folder(self._folder)
            os.replace(temp, target)
        except BaseException:
            temp.unlink(missing_ok=True)
            raise
        sync_folder(target.parent)

    def remove(self, sha256: str) -> int:
        """Delete a blob; gives the bytes freed."""
        path = self.path(sha256)
        try:
            size = path.stat().st_size
            path.unlink()
        except FileNotFoundError:
            return 0
        return size

    def all(self) -> list[str]:
        """Hashes of the blobs that are there."""
        return sorted(path.name for path in self._folder.glob("??/*"))

    def remove_stale_temps(self, now_s: float) -> None:
        """Delete what a killed process left half-written, once it is older than an hour."""
        for path in self._temp.iterdir():
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < now_s - STALE_TEMP_S:
                    path.unlink()


@contextmanager
def storage_errors(folder: Path, needed: int = 0) -> Iterator[None]:
    """Turns what the disk and SQLite raise into `StorageError`; `needed` is in bytes, 0 when unknown."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise  # a mistake in this code, not of the disk
    except OSError as error:
        raise StorageError(_words(folder, needed, error, error.errno in _FULL)) from error
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", None)
        full = code == sqlite3.SQLITE_FULL or "disk is full" in str(error)
        raise StorageError(_words(folder, needed, error, full)) from error


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable (a no-op where the system can't)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """Lower-case hex SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _copy(source: bytes | Path, out: BinaryIO) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    for chunk in _chunks(source):
        out.write(chunk)
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size


def _chunks(source: bytes | Path) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    with source.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _words(folder: Path, needed: int, error: Exception, full: bool) -> str:
    if not full:
        return f"the outbox {folder} cannot be used: {error}"
    try:
        free = _size(shutil.disk_usage(folder).free)
    except OSError:
        free = "an unknown amount"
    want = f"{_size(needed)} needed, " if needed else ""
    return (
        f"the disk that holds the outbox {folder} is full: {want}{free} free; "
        "nothing was half-written: free some space and do it again"
    )


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count} bytes"
