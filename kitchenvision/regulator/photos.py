"""Photos that people of a canteen send: checked, kept by hash, shown as what they are."""

import hashlib

from kitchenvision.errors import KitchenvisionError
from kitchenvision.regulator.blobs import BlobStore

MAX_PHOTO_BYTES = 15_000_000
_HEAD_BYTES = 16


class PhotoRefused(KitchenvisionError):
    """Not a photo that a page can show.

    Args:
        why: not_a_photo, photo_too_large.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def keep_photo(blobs: BlobStore, data: bytes) -> str:
    """Keep it; returns its SHA-256.

    Raises:
        PhotoRefused. StorageError: it cannot be kept.
    """
    if len(data) > MAX_PHOTO_BYTES:
        raise PhotoRefused("photo_too_large")
    if media_type(data[:_HEAD_BYTES]) is None:
        raise PhotoRefused("not_a_photo")
    sha256 = hashlib.sha256(data).hexdigest()
    if blobs.size(sha256) is None:
        with blobs.writer() as writer:
            writer.write(data)
            writer.keep(sha256)
    return sha256


def media_type(head: bytes) -> str | None:
    """What the first 16 bytes say it is, or None: the sender's word is not taken."""
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    return "image/webp" if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else None
