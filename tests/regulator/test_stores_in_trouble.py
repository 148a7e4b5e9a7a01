"""Disks that fail, archives that are damaged, rounds that go wrong: told with the file, nothing half done stays."""

import errno
import io
import json
import logging
import os
import tarfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regulator.conftest import Regulator
from regulator.sample import sample, send

from kitchenvision.errors import SettingsError, StorageError
from kitchenvision.regulator.backup import MANIFEST, back_up, restore
from kitchenvision.regulator.blobs import CHUNK_BYTES, LocalBlobStore
from kitchenvision.regulator.db import Database
from kitchenvision.regulator.jobs import Job
from kitchenvision.regulator.parts import now
from kitchenvision.wire import content_hash

DATA = b"picture" * 100
NAME = content_hash(DATA)


def failing(code: int) -> Callable[..., Any]:
    """What a call to the disk answers."""

    def fail(*_arguments: Any, **_more: Any) -> Any:
        raise OSError(code, os.strerror(code))

    return fail


def kept(store: LocalBlobStore, data: bytes) -> bool:
    """Put it there; whether it is new."""
    with store.writer() as writer:
        writer.write(data)
        return writer.keep(content_hash(data))


@pytest.fixture
def store(tmp_path: Path) -> LocalBlobStore:
    """With one blob in it."""
    one = LocalBlobStore(tmp_path / "blobs")
    assert kept(one, DATA)
    return one


@pytest.mark.parametrize(
    ("what", "use"),
    [
        ("stat", lambda store: store.size(NAME)),
        ("open", lambda store: store.chunks(NAME)),
        ("open", lambda store: store.writer().__enter__()),
        ("unlink", lambda store: store.delete(NAME)),
        ("iterdir", lambda store: list(store.names())),
    ],
)
@pytest.mark.parametrize(
    ("code", "words"),
    [(errno.EIO, "error"), (errno.ENOSPC, "the disk is full"), (errno.EDQUOT, "the disk is full")],
)
def test_a_disk_that_fails_is_a_storage_error_with_the_folder_and_what_to_do(
    store: LocalBlobStore,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
    use: Callable[..., Any],
    code: int,
    words: str,
) -> None:
    """And not that the blob is not there, after which a box would be told to send it again."""
    monkeypatch.setattr(Path, what, failing(code))
    with pytest.raises(StorageError, match=r"blobs in .*blobs.* cannot be used") as caught:
        use(store)
    assert words in str(caught.value).lower()
    assert "free some space or look at the permissions" in str(caught.value)
    monkeypatch.undo()
    assert store.size(NAME) == len(DATA)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """At the start."""
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageError, match="cannot be used"):
        LocalBlobStore(tmp_path / "file")


@pytest.mark.parametrize("call", ["fsync", "close"])
def test_a_disk_that_is_full_at_the_last_moment_keeps_nothing(
    store: LocalBlobStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, call: str
) -> None:
    """The receipt is not given; the same blob is taken once there is room."""
    other = b"other" * 1000
    with monkeypatch.context() as patch:
        if call == "fsync":
            patch.setattr(os, "fsync", failing(errno.ENOSPC))
        else:
            patch.setattr(Path, "replace", failing(errno.ENOSPC))
        with pytest.raises(StorageError, match="the disk is full"):
            kept(store, other)
    assert store.size(content_hash(other)) is None
    assert list((tmp_path / "blobs" / "incoming").iterdir()) == []
    assert kept(store, other)


def test_an_error_that_is_under_way_is_not_hidden_by_the_disks(store: LocalBlobStore) -> None:
    """Whoever asks why learns the first reason."""
    writer = store.writer()
    with pytest.raises(KeyError, match="first"), writer:
        raise KeyError("first")
    with pytest.raises(ValueError, match="inside the with block"):
        store.writer().write(b"x")


PIECES = os.urandom(2 * CHUNK_BYTES + 1)


@pytest.fixture(scope="module")
def long_blob(tmp_path_factory: pytest.TempPathFactory) -> LocalBlobStore:
    """A store with a blob of two pieces and a byte."""
    one = LocalBlobStore(tmp_path_factory.mktemp("long"))
    assert kept(one, PIECES)
    return one


@given(st.integers(0, 3), st.integers(-1, 2), st.integers(0, 3), st.integers(-1, 2))
def test_any_part_of_a_blob_is_read_as_it_is_written(
    long_blob: LocalBlobStore, first: int, before: int, last: int, after: int
) -> None:
    """At the borders of the pieces most of all: a browser asks for parts of a clip."""
    start, end = max(0, first * CHUNK_BYTES + before), max(0, last * CHUNK_BYTES + after)
    name = content_hash(PIECES)
    assert b"".join(long_blob.chunks(name, start, end)) == PIECES[start:end]
    assert b"".join(long_blob.chunks(name, start)) == PIECES[start:]


def archive_of(folder: Path, members: dict[str, bytes], link: str = "") -> Path:
    """A tar with these files, and a link to nothing under that name."""
    path = folder / "made.tar"
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        if link:
            info = tarfile.TarInfo(link)
            info.type, info.linkname = tarfile.LNKTYPE, "nowhere"
            tar.addfile(info)
    return path


WHOLE = {"format": 1, "made_at": "2026-11-20", "blobs": 0, "sha256": {}}


@pytest.mark.parametrize(
    "manifest",
    [b"", b"[]", b"null", b'"text"', b"{}", b"\xff", b'{"format": 2}', b'{"format": 1}',
     json.dumps(WHOLE | {"sha256": []}).encode(), json.dumps(WHOLE | {"blobs": "0"}).encode(), b"9" * 5000],
)  # fmt: skip
def test_an_archive_with_a_strange_manifest_is_none_and_leaves_nothing(tmp_path: Path, manifest: bytes) -> None:
    """Of another program, or of another time."""
    archive, to = archive_of(tmp_path, {MANIFEST: manifest}), tmp_path / "new"
    with pytest.raises(SettingsError, match="is not a whole archive of `regulator backup`"):
        restore(archive, to)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made.tar"]


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "blobs/../evil", "blobs/ab/evil", "secrets.key", "blobs/aa/" + "bb" * 32, "."]
)
def test_an_archive_with_something_else_in_it_is_refused_and_writes_nowhere(tmp_path: Path, name: str) -> None:
    """Whatever it is called, and also as a link."""
    for archive in (
        archive_of(tmp_path, {name: b"evil", MANIFEST: json.dumps(WHOLE).encode()}),
        archive_of(tmp_path, {MANIFEST: json.dumps(WHOLE).encode()}, link=name),
    ):
        with pytest.raises((SettingsError, StorageError), match=r"made\.tar"):
            restore(archive, tmp_path / "new")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["made.tar"]


@pytest.mark.parametrize("what", ["none", "folder"])
def test_an_archive_that_is_not_there_is_named_and_not_the_new_folder(tmp_path: Path, what: str) -> None:
    """Somebody mistyped it in the night in which it is needed."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(SettingsError, match=f"{what}.*is no file that can be read"):
        restore(tmp_path / what, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_restore_onto_a_full_disk_leaves_nothing_and_works_once_there_is_room(
    regulator: Regulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a regulator would be taken for a whole one."""
    send(regulator.client, regulator.token, [sample()])
    archive, to = tmp_path / "backup.tar", tmp_path / "elsewhere" / "new"
    count = back_up(regulator.settings, archive, now())
    with monkeypatch.context() as patch:
        patch.setattr("shutil.copyfileobj", failing(errno.ENOSPC))
        with pytest.raises(StorageError, match="cannot be written: No space left"):
            restore(archive, to)
    assert list(to.parent.iterdir()) == []
    assert restore(archive, to) == count > 0
    data = bytearray(archive.read_bytes())
    data[data.index(b"\xff\xd8\xff") + 20] ^= 1
    archive.write_bytes(bytes(data))
    with pytest.raises(StorageError, match="is damaged: blobs/"):
        restore(archive, tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.logs_errors
def test_a_round_that_goes_wrong_ends_no_other_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A full disk is a warning, a flaw of ours an error with its traceback; both are tried again."""
    done, stopped = list[int](), threading.Event()

    def do() -> None:
        done.append(len(done))
        if len(done) == 1:
            raise StorageError("the disk is full")
        if len(done) == 2:
            raise ZeroDivisionError("a flaw")
        stopped.set()

    database = Database(f"sqlite:///{tmp_path / 'one.sqlite3'}")
    job = Job(database, "digests", do, every_s=0.01, patience_s=5.0)
    with caplog.at_level(logging.WARNING):
        job.start()
        assert stopped.wait(10)
        job.stop()
    assert job.stopping
    told = [(record.levelname, record.getMessage()) for record in caplog.records][:2]
    assert told == [("WARNING", "digests wait: the disk is full"), ("ERROR", "digests wait after an error")]
    count = len(done)
    time.sleep(0.05)
    assert len(done) == count, "after stop nothing is begun"
    database.close()
