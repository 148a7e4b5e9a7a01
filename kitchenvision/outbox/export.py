"""The export: undelivered reports and their blobs in one ZIP that a person can carry on a stick.

Layout (nothing is compressed: pictures and clips already are)::

    README.txt                       what this is
    reports.jsonl                    one line a report, in the order of delivery within each violation:
                                     {"idempotency_key", "sha256", "status", "report", "blobs"}
                                     `report` is the name in the ZIP, `sha256` the hash of those bytes,
                                     `blobs` a list of names in the ZIP
    reports/<violation_id>/<seq>.json  the report as canonical JSON, byte for byte what would be sent
    blobs/<sha256>                   each blob once

To deliver it by hand: for each line in order, PUT each blob to ``/api/v1/blobs/<sha256>``, then POST the
report to ``/api/v1/reports`` (one whose key begins with ``observed/`` to ``/api/v1/observed-times``). What was
delivered already is answered as a duplicate, so nothing is lost by
doing it twice.
"""

import os
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from kitchenvision.errors import StorageError
from kitchenvision.outbox.disk import sync_folder
from kitchenvision.outbox.item import Item
from kitchenvision.wire import canonical_json

_README = """Reports of kitchenvision that wait for delivery to the regulator.

reports.jsonl lists them in order: one JSON object a line with the keys idempotency_key, sha256, status,
report (file in this ZIP) and blobs (files in this ZIP). Every file under blobs/ is named by its SHA-256;
"sha256" is that of the report's file. To hand them in: PUT each blob to /api/v1/blobs/<sha256>, then POST
the report to /api/v1/reports, with the canteen's token, line by line. Twice does no harm. A report whose
idempotency_key begins with observed/ goes to /api/v1/observed-times instead.
"""
_EPOCH_OF_ZIP = (1980, 1, 1, 0, 0, 0)


def write_zip(path: Path, items: Sequence[Item], blob_path: Callable[[str], Path]) -> None:
    """Write the ZIP; it is there in full under its name, or not at all.

    Raises:
        StorageError: the file exists or a blob is missing.
        OSError: as the disk says.
    """
    if path.exists():
        raise StorageError(f"{path} exists already: name another file")
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temp = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as out:
            # Not strict: a box without a battery starts in 1970, and a ZIP knows no time before 1980.
            with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, strict_timestamps=False) as archive:
                _fill(archive, sorted(items, key=_order(items)), blob_path)
            out.flush()
            os.fsync(out.fileno())
        temp.chmod(0o644)
        os.replace(temp, path)
    except BaseException:
        temp.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _order(items: Sequence[Item]) -> Callable[[Item], tuple[int, int]]:
    """Violations in the order in which they first came; within one, by seq, whatever the order of puts."""
    first: dict[str, int] = {}
    for place, item in enumerate(items):
        first.setdefault(item.violation_id, place)
    return lambda item: (first[item.violation_id], item.seq)


def _fill(archive: zipfile.ZipFile, items: Sequence[Item], blob_path: Callable[[str], Path]) -> None:
    lines, done = [], set()
    for item in items:
        report = f"reports/{item.violation_id}/{item.seq}.json"
        blobs = sorted({f"blobs/{ref.sha256}" for ref in item.blobs})
        for ref in item.blobs:
            if ref.sha256 in done:
                continue
            done.add(ref.sha256)
            source = blob_path(ref.sha256)
            if not source.is_file():
                raise StorageError(f"{item.idempotency_key}: its {ref.role} is missing, expected {source}")
            archive.write(source, f"blobs/{ref.sha256}")
        archive.writestr(_entry(report), item.body)
        lines.append(
            canonical_json(
                {
                    "idempotency_key": item.idempotency_key,
                    "sha256": item.sha256,
                    "status": item.status.value,
                    "report": report,
                    "blobs": blobs,
                }
            )
        )
    archive.writestr(_entry("reports.jsonl"), b"".join(line + b"\n" for line in lines))
    archive.writestr(_entry("README.txt"), _README)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH_OF_ZIP)
    entry.external_attr = 0o644 << 16
    return entry
