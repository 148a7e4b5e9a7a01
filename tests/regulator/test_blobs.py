"""The promises of every blob store; a new store joins by one more class at the end."""

import errno
import io
import os
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from regulator.district import District
from regulator.servers import free_ports

from kitchenvision.errors import StorageError
from kitchenvision.regulator.blobs import Arrived, BlobStore, HashMismatch, LocalBlobStore, _Pieces
from kitchenvision.regulator.s3_blobs import S3BlobStore
from kitchenvision.wire import content_hash

DATA = bytes(range(256)) * 4096
NAME = content_hash(DATA)


def put(store: BlobStore, data: bytes, name: str) -> bool:
    """Write in two pieces and keep."""
    with store.writer() as writer:
        writer.write(data[: len(data) // 2])
        writer.write(data[len(data) // 2 :])
        return writer.keep(name)


class BlobStoreContract(ABC):
    """What ingest and the pages rely on."""

    @pytest.fixture
    @abstractmethod
    def store(self, request: pytest.FixtureRequest) -> BlobStore:
        """An empty store."""

    def test_what_was_kept_is_read_back_byte_for_byte(self, store: BlobStore) -> None:
        assert put(store, DATA, NAME)
        assert b"".join(store.chunks(NAME)) == DATA
        assert store.size(NAME) == len(DATA)

    def test_what_is_not_there_has_no_size_and_cannot_be_read(self, store: BlobStore) -> None:
        assert store.size(NAME) is None
        with pytest.raises(StorageError):
            b"".join(store.chunks(NAME))

    def test_the_same_blob_again_is_not_new(self, store: BlobStore) -> None:
        assert put(store, DATA, NAME)
        assert not put(store, DATA, NAME)
        assert b"".join(store.chunks(NAME)) == DATA

    def test_bytes_with_another_hash_are_refused_and_not_there(self, store: BlobStore) -> None:
        with pytest.raises(HashMismatch, match=NAME):
            put(store, b"other", NAME)
        assert store.size(NAME) is None

    def test_what_is_not_kept_is_not_there(self, store: BlobStore) -> None:
        with store.writer() as writer:
            writer.write(DATA)
        assert store.size(NAME) is None

    def test_an_empty_blob_is_a_blob(self, store: BlobStore) -> None:
        name = content_hash(b"")
        assert put(store, b"", name)
        assert store.size(name) == 0
        assert b"".join(store.chunks(name)) == b""

    @pytest.mark.parametrize(("start", "end"), [(0, 1), (5, 10), (300_000, 700_000), (len(DATA) - 3, None), (9, 9)])
    def test_a_part_is_exactly_that_part(self, store: BlobStore, start: int, end: int | None) -> None:
        put(store, DATA, NAME)
        assert b"".join(store.chunks(NAME, start, end)) == DATA[start:end]

    @pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n"])
    def test_a_name_that_is_no_hash_is_refused(self, store: BlobStore, name: str) -> None:
        with pytest.raises(ValueError, match="hex"):
            store.size(name)
        with pytest.raises(ValueError, match="hex"):
            store.chunks(name)

    def test_many_writers_of_one_blob_leave_one(self, store: BlobStore) -> None:
        with ThreadPoolExecutor(8) as pool:
            new = list(pool.map(lambda _: put(store, DATA, NAME), range(16)))
        assert any(new)
        assert b"".join(store.chunks(NAME)) == DATA

    def test_every_blob_is_listed_once_in_order(self, store: BlobStore) -> None:
        assert list(store.names()) == []
        pieces = [bytes([i]) * 10 for i in range(12)]
        for data in pieces:
            put(store, data, content_hash(data))
        assert list(store.names()) == sorted(content_hash(data) for data in pieces)

    def test_a_blob_that_was_dropped_is_not_there_and_can_come_again(self, store: BlobStore) -> None:
        put(store, DATA, NAME)
        assert store.delete(NAME)
        assert store.size(NAME) is None
        assert not store.delete(NAME)
        assert list(store.names()) == []
        assert put(store, DATA, NAME)

    def test_a_reader_may_leave_in_the_middle(self, store: BlobStore) -> None:
        put(store, DATA, NAME)
        for _ in range(3):
            pieces = store.chunks(NAME)
            assert DATA.startswith(next(pieces))
            pieces.close()  # type: ignore[attr-defined]
            pieces.close()  # type: ignore[attr-defined]
        assert b"".join(store.chunks(NAME)) == DATA


class TestS3BlobStore(BlobStoreContract):
    """Objects in a bucket of a real server."""

    @pytest.fixture
    def store(self, request: pytest.FixtureRequest) -> BlobStore:
        """A prefix of its own."""
        district: District = request.getfixturevalue("district")
        return S3BlobStore(district.blobs())

    def test_other_objects_of_the_bucket_are_no_blobs(self, store: S3BlobStore, district: District) -> None:
        put(store, DATA, NAME)
        store._client.put_object(store._bucket, f"{store._prefix}notes/readme.txt", io.BytesIO(b"by hand"), 7)
        assert list(store.names()) == [NAME]

    def test_a_larger_upload_waits_on_the_disk_and_arrives_whole(self, store: BlobStore) -> None:
        data = os.urandom(7_000_000)  # more than one part of a multi-part upload
        assert put(store, data, content_hash(data))
        assert content_hash(b"".join(store.chunks(content_hash(data)))) == content_hash(data)

    def test_a_wrong_key_is_told_without_the_key(self, district: District) -> None:
        wrong = replace(district.blobs(), secret_key="wrong-secret-of-nobody")
        with pytest.raises(StorageError, match="bucket") as caught:
            S3BlobStore(wrong)
        assert "wrong-secret" not in str(caught.value)
        assert wrong.access_key not in str(caught.value)
        assert "wrong-secret" not in repr(wrong)

    def test_a_server_that_is_not_there_is_a_storage_error(self, district: District) -> None:
        gone = replace(district.blobs(), endpoint=f"http://127.0.0.1:{free_ports(1)[0]}")
        with pytest.raises(StorageError, match="S3 server"):
            S3BlobStore(gone)

    def test_several_starts_at_once_make_one_bucket(self, district: District) -> None:
        fresh = replace(district.s3.bucket(), prefix="")
        with ThreadPoolExecutor(4) as pool:
            stores = list(pool.map(lambda _: S3BlobStore(fresh), range(4)))
        assert {store._bucket for store in stores} == {fresh.bucket}


class TestLocalBlobStore(BlobStoreContract):
    """Files in a folder."""

    @pytest.fixture
    def store(self, request: pytest.FixtureRequest) -> BlobStore:
        """A folder of its own."""
        folder: Path = request.getfixturevalue("tmp_path")
        return LocalBlobStore(folder / "blobs")

    def test_a_failed_rename_or_sync_leaves_no_file(
        self, store: BlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_args: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        for name in ("fsync",):
            with monkeypatch.context() as patch:
                patch.setattr(os, name, full)
                with pytest.raises(StorageError, match="full"):
                    put(store, DATA, NAME)
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
        assert put(store, DATA, NAME)

    def test_what_a_killed_process_left_is_cleared_at_the_next_start(self, tmp_path: Path) -> None:
        LocalBlobStore(tmp_path / "blobs")
        left = tmp_path / "blobs" / "incoming" / "half"
        left.write_bytes(b"half a picture")
        LocalBlobStore(tmp_path / "blobs")
        assert not left.exists()

    def test_a_folder_that_cannot_be_made_is_a_storage_error(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(StorageError, match="file"):
            LocalBlobStore(tmp_path / "file")


def test_a_reader_who_leaves_in_the_middle_leaves_no_file_open(tmp_path: Path) -> None:
    """Closing the pieces closes the file, read or not; twice is harmless."""
    path = tmp_path / "blob"
    path.write_bytes(b"0123456789")
    for read in (0, 1):
        file = path.open("rb")
        pieces = _Pieces(file, 2, 6)
        assert b"".join(next(pieces) for _ in range(read)) == b"2345"[: 4 * read]
        pieces.close()
        pieces.close()
        assert file.closed


def test_what_arrived_lately_is_not_asked_of_the_store_again(tmp_path: Path) -> None:
    store, arrived = LocalBlobStore(tmp_path / "blobs"), Arrived(most=2)
    names = [content_hash(bytes([i])) for i in range(3)]
    for i, name in enumerate(names):
        arrived.note(name, i + 1)
    assert [arrived.size(store, name) for name in names] == [None, 2, 3]  # the oldest made room
    put(store, DATA, NAME)
    assert arrived.size(store, NAME) == len(DATA)
