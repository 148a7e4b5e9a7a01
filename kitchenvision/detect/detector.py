"""The seams of the two looks. An implementation needs the one method; tests/detect holds its promises."""

from collections.abc import Sequence
from typing import Protocol

from kitchenvision.types import Detections, HeadLook, Picture, Xyxy


class Detector(Protocol):
    """The frame look."""

    def detect(self, picture: Picture) -> Detections:
        """Persons, heads and cigarettes of one picture.

        Boxes are pixels of `picture`, inside it, at most one per thing; classes index `types.CLASSES`.
        The same picture gives the same answer. No detection is an empty answer, not an error.
        """


class HeadLooker(Protocol):
    """The zoom look."""

    def look(
        self, picture: Picture, heads: Sequence[Xyxy], cigarettes: bool = True, glance: bool = False
    ) -> list[HeadLook]:
        """One answer for each head box (pixels of `picture`), in the same order.

        Args:
            picture: where the heads are.
            heads: boxes of whole heads.
            cigarettes: also look for cigarettes around each head (costs more).
            glance: look for them only closely enough to notice one (costs less); the judging looks follow.
        """
