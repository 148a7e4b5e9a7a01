"""Many small pictures in one file, each a JPEG: opening ten thousand files an epoch costs more than decoding."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np

Picture = np.ndarray[Any, np.dtype[np.uint8]]


class PackWriter:
    """Appends pictures; `close` writes the index, so that a half-written pack is never taken for a whole one."""

    def __init__(self, path: Path, quality: int = 93) -> None:
        self._path, self._quality = path, quality
        self._file = path.with_suffix(".bin.part").open("wb")
        self._index: list[dict[str, Any]] = []
        self._at = 0

    def add(self, picture: Picture, facts: dict[str, Any]) -> None:
        """Append one (H, W, 3) BGR picture with JSON facts that come back with it."""
        ok, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, self._quality])
        if not ok:
            raise ValueError(f"cannot encode a picture of shape {picture.shape}")
        self._file.write(data.tobytes())
        self._index.append({"at": self._at, "bytes": len(data), **facts})
        self._at += len(data)

    def __enter__(self) -> PackWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if error is None:
            self._path.with_suffix(".bin.part").replace(self._path.with_suffix(".bin"))
            rows = "".join(json.dumps(row) + "\n" for row in self._index)
            self._path.with_suffix(".jsonl").write_text(rows, "utf-8")


class Pack:
    """Read side: `facts[i]` and `picture(i)`. The bytes stay in memory (a few hundred MB)."""

    def __init__(self, path: Path) -> None:
        index = path.with_suffix(".jsonl")
        if not index.is_file():
            raise FileNotFoundError(f"{index} is missing: run the stage that makes it first")
        self.facts: list[dict[str, Any]] = [json.loads(line) for line in index.read_text("utf-8").splitlines()]
        self._bytes = np.memmap(path.with_suffix(".bin"), np.uint8, "r") if self.facts else np.zeros(0, np.uint8)

    def __len__(self) -> int:
        return len(self.facts)

    def picture(self, i: int, reduce: int = 1) -> Picture:
        """Decode picture i, (H, W, 3) BGR; `reduce` 2 or 4 decodes it that much smaller, which is cheaper."""
        fact = self.facts[i]
        flag = {1: cv2.IMREAD_COLOR, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4}[reduce]
        return cv2.imdecode(self._bytes[fact["at"] : fact["at"] + fact["bytes"]], flag)


def pack_squares(
    path: Path, pictures: Sequence[Any], squares: Callable[[Any], Iterable[tuple[Picture, dict[str, Any]]]]
) -> list[dict[str, Any]]:
    """Pack what `squares` gives of each picture, with its facts, and say how far it is; returns the facts."""
    packed = []
    with PackWriter(path) as pack:
        for i, picture in enumerate(pictures):
            for crop, facts in squares(picture):
                pack.add(crop, facts)
                packed.append(facts)
            if i % 500 == 0:
                print(f"{path.name} {i}/{len(pictures)}", flush=True)
    return packed


class Packs:
    """Several packs as one."""

    def __init__(self, packs: list[Pack]) -> None:
        self.facts = [fact for pack in packs for fact in pack.facts]
        self._places = [(pack, i) for pack in packs for i in range(len(pack))]

    def __len__(self) -> int:
        return len(self.facts)

    def picture(self, i: int) -> Picture:
        """See `Pack.picture`."""
        pack, at = self._places[i]
        return pack.picture(at)
