"""Promises for a disk that is full or broken: 507, nothing half-written, and it goes on when there is room."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from regulator.conftest import Regulator
from regulator.sample import bearer, sample, send_blobs, send_report
from sqlalchemy import event

from kitchenvision.errors import StorageError
from kitchenvision.regulator import setup
from kitchenvision.regulator.db import Database, DatabaseBusy
from kitchenvision.regulator.settings import RegulatorSettings
from kitchenvision.wire import content_hash


def full(*_args: Any) -> None:
    """What a full disk says."""
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.logs_errors
def test_a_blob_that_does_not_fit_is_a_507_and_leaves_no_file(
    regulator: Regulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = b"large picture"
    address = f"/api/v1/blobs/{content_hash(data)}"
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        answer = regulator.client.put(address, content=data, headers=bearer(regulator.token))
    assert answer.status_code == 507
    assert answer.headers["content-type"] == "application/problem+json"
    folder = regulator.settings.data_dir / "blobs"
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    assert regulator.client.put(address, content=data, headers=bearer(regulator.token)).status_code == 201


@pytest.mark.logs_errors
def test_a_report_that_does_not_fit_is_a_507_and_is_accepted_once_there_is_room(regulator: Regulator) -> None:
    one = sample()
    send_blobs(regulator.client, regulator.token, one.blobs)
    engine = regulator.app.state.parts.database.engine

    def limit(connection: Any) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    event.listen(engine, "begin", limit)
    bloated = one.confirmed.model_copy(update={"video": "long name " * 8000})
    answer = send_report(regulator.client, regulator.token, bloated)
    event.remove(engine, "begin", limit)
    assert answer.status_code == 507
    engine.dispose()
    listed = regulator.client.get("/api/v1/violations", headers=bearer(regulator.token)).json()
    assert listed["total"] == 0
    assert send_report(regulator.client, regulator.token, one.confirmed).status_code == 201


@pytest.mark.logs_errors
def test_a_database_that_another_process_holds_is_a_503_that_may_be_tried_again(
    regulator: Regulator,
) -> None:
    one = sample()
    send_blobs(regulator.client, regulator.token, one.blobs)
    parts = regulator.app.state.parts

    def short(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA busy_timeout=50").close()

    event.listen(parts.database.engine, "connect", short)
    parts.database.engine.dispose()
    holder = Database(regulator.settings.url)
    with holder.writing() as session:
        session.connection()
        answer = send_report(regulator.client, regulator.token, one.confirmed)
    holder.close()
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert send_report(regulator.client, regulator.token, one.confirmed).status_code == 201


def test_a_write_that_fails_half_way_keeps_nothing(regulator: Regulator) -> None:
    database = regulator.app.state.parts.database

    def fails() -> None:
        with database.writing() as session:
            session.connection().exec_driver_sql("DELETE FROM canteens")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        fails()
    assert regulator.client.head(f"/api/v1/blobs/{'0' * 64}", headers=bearer(regulator.token)).status_code == 404


def test_a_data_folder_that_cannot_be_made_is_said_clearly(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="file"):
        setup.prepare(RegulatorSettings(tmp_path / "file" / "data"))


def test_busy_is_a_storage_error_that_can_be_told_apart() -> None:
    assert issubclass(DatabaseBusy, StorageError)
