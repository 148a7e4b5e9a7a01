"""Violations as a Parquet file, for programs that compute with them. Needs the extra `parquet`."""

from collections.abc import Iterable
from dataclasses import asdict
from itertools import islice
from typing import IO

import pyarrow
from pyarrow import parquet

from kitchenvision.regulator.district_export import Told

_ROWS = 10_000  # of a group
_INSTANT = pyarrow.timestamp("us", tz="UTC")
_SCHEMA = pyarrow.schema(
    [
        *(
            (name, pyarrow.string())
            for name in ("violation_id", "town", "canteen_id", "canteen", "camera_id", "rule_id")
        ),
        ("captured_at", _INSTANT),
        ("received_at", _INSTANT),
        ("confidence", pyarrow.float64()),
        ("state", pyarrow.string()),
        ("reason", pyarrow.int8()),
        ("decided_at", _INSTANT),
    ]
)


def write(found: Iterable[Told], file: IO[bytes]) -> None:
    """Write them all, a group of rows at a time; instants are UTC."""
    rows = iter(found)
    with parquet.ParquetWriter(file, _SCHEMA, compression="zstd") as writer:
        while group := [asdict(one) for one in islice(rows, _ROWS)]:
            writer.write_table(pyarrow.Table.from_pylist(group, schema=_SCHEMA))
