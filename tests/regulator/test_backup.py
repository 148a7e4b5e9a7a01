"""Promises of backups: what is restored answers as before; a damaged or missing piece is told, not restored."""

import io
import json
import subprocess
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from regulator.asgi import TestClient
from regulator.conftest import Regulator
from regulator.district import District, written
from regulator.sample import bearer, sample, send
from typer.testing import CliRunner

from kitchenvision.cli import app
from kitchenvision.commands.exits import PARTIAL
from kitchenvision.errors import SettingsError, StorageError
from kitchenvision.regulator import backup, setup
from kitchenvision.regulator.app import create_app
from kitchenvision.regulator.settings import RegulatorSettings
from kitchenvision.regulator.storage import open_blobs
from kitchenvision.regulator.storage_settings import StorageSettings, read_storage

NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
MADE = [sample(number) for number in range(1, 4)]
OUTLINES = '{"type": "FeatureCollection", "features": []}'


@pytest.fixture
def archive(regulator: Regulator, tmp_path: Path) -> Path:
    """A backup of a running regulator with three violations."""
    send(regulator.client, regulator.token, MADE)
    (regulator.settings.data_dir / "cases.toml").write_text("other_days = 9\n")
    (regulator.settings.data_dir / "map.geojson").write_text(OUTLINES)
    path = tmp_path / "backup.tar"
    assert backup.back_up(regulator.settings, path, NOW) == len({sha for one in MADE for sha in one.blobs})
    return path


def answers(settings: RegulatorSettings, token: str) -> list[object]:
    """What a regulator with these settings says of every violation, with its pictures."""
    told: list[object] = []
    with TestClient(create_app(settings), base_url="http://regulator.test") as client:
        client.headers.update(bearer(token))
        for one in MADE:
            address = f"/api/v1/violations/{one.violation_id}"
            told.append(client.get(address).json())
            told += [client.get(f"{address}/{role}").content for role in ("snapshot", "head_crop", "trace", "clip")]
    return told


def test_a_restored_regulator_answers_as_the_one_before(
    regulator: Regulator, archive: Path, tmp_path: Path
) -> None:
    data = tmp_path / "restored"
    assert backup.restore(archive, data) == len({sha for one in MADE for sha in one.blobs})
    assert answers(RegulatorSettings(data), regulator.token) == answers(regulator.settings, regulator.token)
    assert (data / "cases.toml").read_text() == "other_days = 9\n"
    assert (data / "map.geojson").read_text() == OUTLINES
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.tar", "data", "restored"]


def test_an_upload_without_a_report_is_not_in_it(regulator: Regulator, tmp_path: Path) -> None:
    send(regulator.client, regulator.token, MADE[:1])
    lone = sample(99).blobs
    for sha256, data in lone.items():
        regulator.client.put(f"/api/v1/blobs/{sha256}", content=data, headers=bearer(regulator.token))
    assert backup.back_up(regulator.settings, tmp_path / "a.tar", NOW) == 4


def test_a_missing_blob_ends_the_backup_and_leaves_no_file(regulator: Regulator, tmp_path: Path) -> None:
    send(regulator.client, regulator.token, MADE[:1])
    sha256 = next(iter(MADE[0].blobs))
    open_blobs(regulator.settings, tidy=False).delete(sha256)
    with pytest.raises(StorageError, match=sha256):
        backup.back_up(regulator.settings, tmp_path / "a.tar", NOW)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_nothing_is_written_over(regulator: Regulator, archive: Path) -> None:
    with pytest.raises(SettingsError, match="exists already"):
        backup.back_up(regulator.settings, archive, NOW)
    with pytest.raises(SettingsError, match="not empty"):
        backup.restore(archive, regulator.settings.data_dir)


Change = Callable[[tarfile.TarInfo, bytes], tuple[tarfile.TarInfo, bytes] | None]


def changed(archive: Path, change: Change) -> Path:
    """A copy of the archive in which each member went through `change`; None leaves it out."""
    other = archive.with_name("changed.tar")
    with tarfile.open(archive) as read, tarfile.open(other, "w") as write:
        for member in read:
            file = read.extractfile(member)
            assert file is not None
            kept = change(member, file.read())
            if kept is not None:
                info, data = kept
                info.size = len(data)
                write.addfile(info, io.BytesIO(data))
    return other


def flipped(prefix: str) -> Change:
    """Damages what begins so."""
    return lambda info, data: (info, data[:-1] + bytes([data[-1] ^ 1]) if info.name.startswith(prefix) else data)


def without(prefix: str) -> Change:
    """Leaves out the first that begins so."""
    left: list[str] = []

    def change(info: tarfile.TarInfo, data: bytes) -> tuple[tarfile.TarInfo, bytes] | None:
        if info.name.startswith(prefix) and not left:
            left.append(info.name)
            return None
        return info, data

    return change


def renamed(info: tarfile.TarInfo, data: bytes) -> tuple[tarfile.TarInfo, bytes]:
    """Puts the settings outside of the folder."""
    if info.name == "cases.toml":
        info.name = "../cases.toml"
    return info, data


@pytest.mark.parametrize(
    "change",
    [
        flipped("blobs/"),
        flipped("regulator.sqlite3"),
        flipped("cases.toml"),
        without("blobs/"),
        without("regulator.sqlite3"),
        without("manifest.json"),
        renamed,
    ],
)
def test_an_archive_that_is_not_whole_restores_nothing(archive: Path, tmp_path: Path, change: Change) -> None:
    with pytest.raises((StorageError, SettingsError), match=r"changed\.tar"):
        backup.restore(changed(archive, change), tmp_path / "restored")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.tar", "changed.tar", "data"]


@pytest.mark.parametrize("data", [b"", b"no tar at all" * 100])
def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.tar").write_bytes(data)
    with pytest.raises(SettingsError, match=r"a\.tar"):
        backup.restore(tmp_path / "a.tar", tmp_path / "restored")


def test_a_cut_off_archive_is_refused(archive: Path, tmp_path: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:-20_000])
    with pytest.raises((SettingsError, StorageError), match=r"backup\.tar"):
        backup.restore(archive, tmp_path / "restored")


def test_the_manifest_says_what_is_in_it(archive: Path) -> None:
    with tarfile.open(archive) as tar:
        assert tar.getnames()[-1] == "manifest.json"
        file = tar.extractfile("manifest.json")
        assert file is not None
        told = json.loads(file.read())
    assert told["blobs"] == 12
    assert set(told["sha256"]) == {"regulator.sqlite3", "cases.toml", "map.geojson"}


def test_the_commands_do_the_same_and_check_finds_what_is_missing_or_damaged(
    regulator: Regulator, tmp_path: Path
) -> None:
    send(regulator.client, regulator.token, MADE[:1])
    run = CliRunner().invoke
    data, restored, path = str(regulator.settings.data_dir), str(tmp_path / "restored"), str(tmp_path / "a.tar")
    assert run(app, ["regulator", "backup", path, "--data", data]).exit_code == 0
    assert "4 blob(s)" in run(app, ["regulator", "restore", path, "--data", restored]).output
    assert run(app, ["regulator", "check", "--hashes", "--data", restored]).exit_code == 0
    first, second, *_ = sorted(MADE[0].blobs)
    folder = Path(restored) / "blobs"
    (folder / first[:2] / first).unlink()
    (folder / second[:2] / second).write_bytes(b"something else")
    found = run(app, ["regulator", "check", "--hashes", "--data", restored])
    assert found.exit_code == PARTIAL
    assert f"missing: {first}" in found.output
    assert f"damaged: {second}" in found.output
    assert "1 missing, 1 damaged" in found.output


def test_postgresql_and_a_bucket_come_back_with_pg_dump_and_a_copy(district: District, tmp_path: Path) -> None:
    """What docs/operations.md says, word for word, on real servers."""
    with district.storage() as chosen, district.storage(empty=True) as other:
        written(tmp_path / "data", chosen)
        settings = RegulatorSettings(tmp_path / "data", storage=read_storage(tmp_path / "data"))
        setup.prepare(settings)
        token = setup.add_canteen(settings, MADE[0].confirmed.canteen_id)
        with TestClient(create_app(settings), base_url="http://regulator.test") as client:
            send(client, token, MADE)
        with pytest.raises(SettingsError, match="pg_dump"):
            backup.back_up(settings, tmp_path / "a.tar", NOW)
        _dump_and_restore(district, chosen, other, tmp_path / "regulator.dump")
        before = open_blobs(settings)
        after = RegulatorSettings(tmp_path / "new", storage=other)
        for sha256 in before.names():
            with open_blobs(after).writer() as writer:
                writer.write(b"".join(before.chunks(sha256)))
                assert writer.keep(sha256)
        assert answers(after, token) == answers(settings, token)
        with setup.opened(after) as database, database.reading() as session:
            assert backup.check(session, open_blobs(after), hashes=True) == backup.Checked(12, (), ())


def _dump_and_restore(district: District, chosen: StorageSettings, other: StorageSettings, file: Path) -> None:
    assert chosen.database is not None
    assert other.database is not None
    environment = {"PGPASSWORD": district.postgres.password, "PATH": "/usr/bin:/bin"}
    at = ["-h", "127.0.0.1", "-p", str(district.postgres.port), "-U", "regulator"]
    dump = [str(district.postgres.programs / "pg_dump"), "-Fc", *at, "-f", str(file), str(chosen.database.database)]
    subprocess.run(dump, check=True, env=environment, capture_output=True)
    programs = str(district.postgres.programs / "pg_restore")
    restored = [programs, *at, "--no-owner", "--exit-on-error", "-d", str(other.database.database), str(file)]
    subprocess.run(restored, check=True, env=environment, capture_output=True)
