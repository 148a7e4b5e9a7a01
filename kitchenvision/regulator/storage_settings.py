"""Where a regulator keeps things, from `storage.toml` in its data folder. Without that file, all is in the folder.

database = "postgresql://regulator@db.example:5432/regulator"
database_password_file = "/run/secrets/database"    # or KITCHENVISION_DATABASE_PASSWORD
[blobs]                                             # else files in the data folder
bucket = "evidence"
endpoint = "https://s3.example"
prefix = "regulator/"                               # of the names, when others use the bucket too
region = "us-east-1"                                # when the server asks for one
access_key = "regulator"                            # or KITCHENVISION_S3_ACCESS_KEY
secret_key_file = "/run/secrets/s3"                 # or KITCHENVISION_S3_SECRET_KEY

A secret never stands in the file itself, and an error never repeats one.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from kitchenvision.errors import SettingsError
from kitchenvision.regulator.toml_file import file_secret, only, read_toml

FILE = "storage.toml"
DATABASE_PASSWORD = "KITCHENVISION_DATABASE_PASSWORD"
ACCESS_KEY, SECRET_KEY = "KITCHENVISION_S3_ACCESS_KEY", "KITCHENVISION_S3_SECRET_KEY"
_DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_KEYS = frozenset({"database", "database_password_file", "blobs"})
_BLOB_KEYS = frozenset({"bucket", "endpoint", "prefix", "region", "access_key", "secret_key_file"})


@dataclass(frozen=True)
class BucketSettings:
    """A bucket of a server that speaks S3.

    Attributes:
        endpoint: http or https address without a path.
        prefix: of every name in the bucket. region: empty where the server does not ask for one.
    """

    bucket: str
    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    prefix: str = ""
    region: str = ""


@dataclass(frozen=True)
class StorageSettings:
    """Where things are kept; None = in the data folder. The password of an address is not shown when printed."""

    database: URL | None = None
    blobs: BucketSettings | None = None


def read_storage(data_dir: Path, environment: Mapping[str, str] = os.environ) -> StorageSettings:
    """The settings of that data folder.

    Raises:
        SettingsError: names the key and what is allowed, never a secret.
    """
    path = data_dir / FILE
    table = read_toml(path, _KEYS)
    blobs = table.get("blobs")
    if blobs is not None and not isinstance(blobs, dict):
        raise SettingsError(str(path), "blobs", "is a table")
    return StorageSettings(
        _database(path, table, environment) if "database" in table else None,
        None if blobs is None else _bucket(path, blobs, environment),
    )


def database_address(text: str, where: str, password: str | None = None) -> URL:
    """An address that SQLAlchemy takes, with the driver that this package brings.

    Raises:
        SettingsError: not an address of SQLite or PostgreSQL; it is not repeated, since it may hold a password.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise SettingsError(where, "database", "is not an address such as postgresql://user@host/name") from error
    url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise SettingsError(where, "database", f"got '{url.drivername}', allowed are sqlite and postgresql")
    return url if password is None else url.set(password=password)


def _database(path: Path, table: dict[str, Any], environment: Mapping[str, str]) -> URL:
    url = database_address(_text(path, "database", table["database"]), str(path))
    if url.password is not None:
        problem = f"holds a password; put it into a file (database_password_file) or into {DATABASE_PASSWORD}"
        raise SettingsError(str(path), "database", problem)
    password = environment.get(DATABASE_PASSWORD)
    if "database_password_file" in table:
        name = _text(path, "database_password_file", table["database_password_file"])
        password = file_secret(path, "database_password_file", name)
    return url if password is None else url.set(password=password)


def _bucket(path: Path, table: dict[str, Any], environment: Mapping[str, str]) -> BucketSettings:
    only(path, table, _BLOB_KEYS, "blobs.")
    told = {key: _text(path, f"blobs.{key}", value) for key, value in table.items()}
    if not _BUCKET.fullmatch(told.get("bucket", "")):
        problem = f"got '{told.get('bucket', '')}', needs 3 to 63 lower-case letters, digits, dots and hyphens"
        raise SettingsError(str(path), "blobs.bucket", problem)
    parts = urlsplit(told.get("endpoint", ""))
    plain = parts.scheme in ("http", "https") and parts.hostname and parts.path in ("", "/")
    if not plain or parts.query or "@" in parts.netloc:
        raise SettingsError(str(path), "blobs.endpoint", "needs an address such as https://s3.example")
    access = told.get("access_key") or environment.get(ACCESS_KEY, "")
    if "secret_key_file" in told:
        secret = file_secret(path, "blobs.secret_key_file", told["secret_key_file"])
    else:
        secret = environment.get(SECRET_KEY, "")
    for key, value, variable in (("access_key", access, ACCESS_KEY), ("secret_key_file", secret, SECRET_KEY)):
        if not value:
            raise SettingsError(str(path), f"blobs.{key}", f"is missing; give it here or in {variable}")
    where = (told["bucket"], told["endpoint"].rstrip("/"))
    return BucketSettings(*where, access, secret, told.get("prefix", ""), told.get("region", ""))


def _text(path: Path, key: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise SettingsError(str(path), key, "is a text that is not empty")
    return value
