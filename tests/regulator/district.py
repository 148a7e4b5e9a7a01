"""A district's storage for tests, on real servers: for each test a database, and a prefix in the bucket."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from regulator.servers import PostgresServer, S3Server, postgres_server, s3_server

from kitchenvision.regulator.db import Database
from kitchenvision.regulator.storage_settings import FILE, BucketSettings, StorageSettings, database_address


@dataclass
class District:
    """Both servers, with a database of the newest tables as template."""

    postgres: PostgresServer
    s3: S3Server
    bucket: BucketSettings
    template: str = ""

    @contextmanager
    def storage(self, empty: bool = False) -> Iterator[StorageSettings]:
        """Storage that nobody else uses; the database is gone afterwards.

        Args:
            empty: without any table, instead of with the newest ones.
        """
        name = self.postgres.create("" if empty else self._template())
        address = database_address(self.postgres.address(name), "tests", self.postgres.password)
        try:
            yield StorageSettings(address, self.blobs())
        finally:
            self.postgres.drop(name)

    def blobs(self) -> BucketSettings:
        """The bucket under a prefix that nobody else uses."""
        return replace(self.bucket, prefix=secrets.token_hex(6) + "/")

    def _template(self) -> str:
        if not self.template:
            self.template = self.postgres.create()
            address = database_address(self.postgres.address(self.template), "tests", self.postgres.password)
            database = Database(address)
            database.migrate()
            database.close()
        return self.template


def written(data_dir: Path, storage: StorageSettings) -> None:
    """Write the settings as an office would: a file without secrets, and the secrets beside it."""
    if storage.database is None:
        return
    data_dir.mkdir(parents=True, exist_ok=True)
    (data_dir / "database-password").write_text(str(storage.database.password) + "\n")
    address = storage.database.set(drivername="postgresql").render_as_string().replace(":***@", "@")
    lines = [f'database = "{address}"', 'database_password_file = "database-password"']
    if storage.blobs is not None:
        (data_dir / "s3-secret").write_text(storage.blobs.secret_key + "\n")
        keys = ("bucket", "endpoint", "prefix", "access_key")
        lines += ["[blobs]", *(f'{key} = "{getattr(storage.blobs, key)}"' for key in keys)]
        lines.append('secret_key_file = "s3-secret"')
    (data_dir / FILE).write_text("\n".join([*lines, ""]), "utf-8")


@contextmanager
def servers(folder: Path) -> Iterator[District]:
    """Both servers.

    Raises:
        NoServer: one of them cannot be had here.
    """
    with postgres_server() as postgres, s3_server(folder) as s3:
        yield District(postgres, s3, s3.bucket())
