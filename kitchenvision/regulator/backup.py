"""A regulator that keeps all in its folder, as one archive; and whether a store holds what its database names.

The archive is a tar: `regulator.sqlite3`, settings files, outlines of towns, `blobs/ab/abcd...`, and at the end
`manifest.json` with the hash of each that is not a blob. A blob's hash is its name. Blobs are those that the copied
database names.
"""

import hashlib
import io
import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy import select, union
from sqlalchemy.orm import Session

from kitchenvision.errors import SettingsError, StorageError
from kitchenvision.regulator.blobs import CHUNK_BYTES, BlobStore, checked_name
from kitchenvision.regulator.case_tables import CaseEventRow
from kitchenvision.regulator.db import Database
from kitchenvision.regulator.settings import RegulatorSettings
from kitchenvision.regulator.storage import open_blobs
from kitchenvision.regulator.tables import ReportBlob
from kitchenvision.regulator.town_map import FILE as MAP

DATABASE, MANIFEST = "regulator.sqlite3", "manifest.json"
# Not `secrets.key`: who has the archive must not have what is sealed in it.
SETTINGS = ("cases.toml", "mail.toml", "oidc.toml", "retention.toml", "second.toml", "webhooks.toml", MAP)
FORMAT = 1


@dataclass(frozen=True)
class Checked:
    """How many blobs the database names; which are missing, and which are not what their name says."""

    named: int
    missing: tuple[str, ...]
    damaged: tuple[str, ...]


def named_blobs(session: Session) -> list[str]:
    """Hashes of every blob that a report or a case names and that is still kept, sorted."""
    reports = select(ReportBlob.sha256).where(ReportBlob.removed_at.is_(None))
    photos = select(CaseEventRow.photo_sha256).where(CaseEventRow.photo_sha256.is_not(None))
    return sorted(session.scalars(union(reports, photos)))


def check(session: Session, blobs: BlobStore, hashes: bool = False) -> Checked:
    """Look up every blob that the database names.

    Args:
        hashes: read each one and compare its hash.
    """
    named = named_blobs(session)
    missing = [sha256 for sha256 in named if blobs.size(sha256) is None]
    damaged = []
    if hashes:
        lost = set(missing)
        damaged = [sha256 for sha256 in named if sha256 not in lost and _hash(blobs.chunks(sha256)) != sha256]
    return Checked(len(named), tuple(missing), tuple(damaged))


def back_up(settings: RegulatorSettings, archive: Path, now: datetime) -> int:
    """Write the archive, also beside a running service; returns how many blobs it holds.

    Raises:
        SettingsError: the regulator keeps things elsewhere, or the archive exists.
        StorageError: it cannot be written, or a blob is missing.
    """
    if settings.storage.database is not None or settings.storage.blobs is not None:
        problem = "is for a regulator that keeps all in its folder; see docs/operations.md for pg_dump and a bucket"
        raise SettingsError("storage.toml", "backup", problem)
    if archive.exists():
        raise SettingsError("backup", str(archive), "exists already; name a new file")
    unfinished = archive.with_name(archive.name + ".unfinished")
    try:
        with tempfile.TemporaryDirectory(prefix="kitchenvision-backup-", dir=archive.parent) as folder:
            copy = Path(folder) / DATABASE
            _copied(settings, copy)
            count = _written(settings, copy, unfinished, now)
        unfinished.replace(archive)
    except OSError as error:
        raise StorageError(f"{archive} cannot be written: {error.strerror}; free some space") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return count


def restore(archive: Path, data_dir: Path) -> int:
    """Put an archive's regulator into a new folder; everything is checked first. Returns how many blobs there are.

    Raises:
        SettingsError: the folder holds something, or this is no such archive.
        StorageError: something in it is missing or not what its hash says; nothing is left behind then.
    """
    if not archive.is_file():
        raise SettingsError("restore", str(archive), "is no file that can be read")
    if data_dir.exists() and any(data_dir.iterdir()):
        raise SettingsError("restore", str(data_dir), "is not empty; name a new folder")
    try:
        data_dir.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{data_dir.name}-", dir=data_dir.parent))
    except OSError as error:
        raise StorageError(f"{data_dir} cannot be made: {error.strerror}") from error
    try:
        count = _unpacked(archive, made)
        if data_dir.exists():
            data_dir.rmdir()
        made.rename(data_dir)
    except OSError as error:
        raise StorageError(f"{data_dir} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return count


def _copied(settings: RegulatorSettings, to: Path) -> None:
    database = Database(settings.url)
    try:
        database.copy_to(to)
    finally:
        database.close()


def _written(settings: RegulatorSettings, copy: Path, archive: Path, now: datetime) -> int:
    blobs = open_blobs(settings, tidy=False)
    database = Database(f"sqlite:///{copy}")
    try:
        with database.reading() as session:
            named = named_blobs(session)
    finally:
        database.close()
    hashes = {}
    with tarfile.open(archive, "x") as tar:
        kept = [(DATABASE, copy), *((name, settings.data_dir / name) for name in SETTINGS)]
        for name, path in kept:
            if path.is_file():
                tar.add(path, name)
                hashes[name] = _hash(_pieces(path.open("rb")))
        for sha256 in named:
            size = blobs.size(sha256)
            if size is None:
                raise StorageError(f"the blob {sha256} is missing, so this would be no whole backup")
            member = tarfile.TarInfo("blobs/" + checked_name(sha256))
            member.size, member.mtime = size, int(now.timestamp())
            # The size is known from before, so that the end of the pieces may never be asked for.
            with _Reader(blobs.chunks(sha256)) as reader:
                tar.addfile(member, reader)
        manifest = {"format": FORMAT, "made_at": now.isoformat(), "blobs": len(named), "sha256": hashes}
        _add_bytes(tar, MANIFEST, json.dumps(manifest, indent=1).encode(), now)
    return len(named)


def _unpacked(archive: Path, folder: Path) -> int:
    found: dict[str, str] = {}
    manifest: dict[str, Any] = {}
    try:
        with tarfile.open(archive, "r:") as tar:
            for member in tar:
                file = tar.extractfile(member)
                if file is None or not _expected(member.name):
                    raise StorageError(f"{archive} holds '{member.name}', which is not expected")
                if member.name == MANIFEST:
                    manifest = json.loads(file.read())
                    continue
                target = folder / member.name
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("xb") as out:
                    shutil.copyfileobj(file, out, CHUNK_BYTES)
                found[member.name] = _hash(_pieces(target.open("rb")))
    except (tarfile.TarError, ValueError, KeyError) as error:  # the latter of a link to nothing
        raise _no_archive(archive) from error
    if not _is_manifest(manifest):
        raise _no_archive(archive)
    blobs = {name: digest for name, digest in found.items() if name.startswith("blobs/")}
    wrong = [name for name, digest in blobs.items() if name.rsplit("/", 1)[1] != digest]
    wrong += [name for name, digest in manifest["sha256"].items() if found.get(name) != digest]
    if wrong or len(blobs) != manifest["blobs"]:
        raise StorageError(f"{archive} is damaged: {', '.join(wrong[:3]) or 'blobs are missing'}")
    (folder / "blobs").mkdir(exist_ok=True)
    return len(blobs)


def _no_archive(archive: Path) -> SettingsError:
    return SettingsError("restore", str(archive), "is not a whole archive of `regulator backup`")


def _is_manifest(told: Any) -> bool:
    return (
        isinstance(told, dict)
        and told.get("format") == FORMAT
        and isinstance(told.get("sha256"), dict)
        and isinstance(told.get("blobs"), int)
    )


def _expected(name: str) -> bool:
    if name in (DATABASE, MANIFEST, *SETTINGS):
        return True
    try:
        return name == "blobs/" + checked_name(name.rsplit("/", 1)[-1])
    except ValueError:
        return False


def _hash(pieces: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(CHUNK_BYTES):
            yield piece


def _add_bytes(tar: tarfile.TarFile, name: str, data: bytes, now: datetime) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mtime = len(data), int(now.timestamp())
    tar.addfile(member, io.BytesIO(data))


class _Reader(io.RawIOBase):
    """Pieces as a file that tar can read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._left = pieces, b""

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, fewer at the end only."""
        while len(self._left) < size and (piece := next(self._pieces, b"")):
            self._left += piece
        told, self._left = self._left[:size], self._left[size:]
        return told

    def close(self) -> None:
        """Close the pieces too."""
        close = getattr(self._pieces, "close", None)
        if close is not None:
            close()
        super().close()
