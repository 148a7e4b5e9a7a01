"""Writes what one camera found, and reports it: confirmed, then the clip, then the end, in this order.

`scan` and `edge` share it, so that a live camera and its recording leave the same evidence.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from kitchenvision.evidence import Evidence, clip_report, confirmed_report, ended_report, seal_clip, write_evidence
from kitchenvision.frames.source import ClipSpan
from kitchenvision.outbox import ReportConflict
from kitchenvision.pipeline import Ended
from kitchenvision.wire import BlobRef, ClipReport, ConfirmedReport, EndedReport, content_hash

CLIP_BEFORE_S = 5.0
CLIP_AFTER_S = 5.0
_log = logging.getLogger(__name__)

AnyReport = ConfirmedReport | ClipReport | EndedReport
Cut = Callable[[float, float, Path], ClipSpan | None]
"""From, to (media seconds) and a path: writes the clip, or says that there is none; `FrameSource.clip` fits."""


class Sink(Protocol):
    """Where reports go besides the folder; an outbox fits."""

    def put(self, report: AnyReport, blobs: Mapping[str, bytes | Path]) -> object:
        """Durable when it returns; the same report again is no-op."""


class Reporter:
    """The findings of one camera.

    Args:
        sink: where reports go, if anywhere.
    """

    def __init__(self, sink: Sink | None) -> None:
        self._sink = sink
        self._seqs: dict[str, int] = {}

    def confirmed(self, evidence: Evidence, folder: Path) -> None:
        """Write the evidence into `folder` and report it.

        Raises:
            StorageError: disk full or not writable; saying it again later is harmless.
        """
        write_evidence(evidence, folder)
        self._put(confirmed_report(evidence, evidence.captured_at), evidence.blobs)
        self._seqs[evidence.violation_id] = 1

    def clip(self, evidence: Evidence, folder: Path, cut: Cut) -> Path | None:
        """Cut the clip around the confirmation into `folder` and report it; None where no picture is left of it.

        Raises:
            StorageError: disk full or not writable.
        """
        at = evidence.violation.confirmed_s
        span = cut(max(0.0, at - CLIP_BEFORE_S), at + CLIP_AFTER_S, folder / "clip.mp4")
        if span is None:
            return None
        data = span.path.read_bytes()
        ref = BlobRef(role="clip", sha256=content_hash(data), size=len(data), media_type=span.media_type)
        seal_clip(evidence, span.path, ref.sha256, (span.from_s, span.to_s))
        made_at = evidence.captured_at + timedelta(seconds=CLIP_AFTER_S)
        self._put(clip_report(evidence, ref, (span.from_s, span.to_s), made_at), {ref.sha256: span.path})
        self._seqs[evidence.violation_id] = 2
        return span.path

    def ended(self, event: Ended) -> None:
        """Report the end of a violation; nothing for one that was never reported as confirmed.

        Raises:
            StorageError: disk full or not writable.
        """
        violation, evidence = event.violation, event.evidence
        assert violation.ended_s is not None
        after = timedelta(seconds=violation.ended_s - violation.confirmed_s)
        if evidence.violation_id not in self._seqs:
            return
        seq = self._seqs[evidence.violation_id] + 1
        self._put(ended_report(evidence, violation, seq, evidence.captured_at + after), {})
        del self._seqs[evidence.violation_id]

    def _put(self, report: AnyReport, blobs: Mapping[str, bytes | Path]) -> None:
        if self._sink is None:
            return
        try:
            self._sink.put(report, blobs)
        except ReportConflict as error:
            # Told before with other facts, such as another file time or version: what was told first stands.
            _log.warning("%s", error)
