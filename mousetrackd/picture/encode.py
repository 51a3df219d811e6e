"""A picture as a file in memory, by the ending of its name. Pure."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from PIL import Image

from mousetrackd.core.errors import UsageError

if TYPE_CHECKING:
    from mousetrackd.picture.png import Picture

_KINDS: Final[Mapping[str, str]] = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
ENDINGS: Final = tuple(_KINDS)

_SIDE_MAX_PX: Final[Mapping[str, int]] = {"JPEG": 65_535, "WEBP": 16_383}
"""ITU-T T.81, B.2.2: 16 bits; libwebp's WEBP_MAX_DIMENSION: 14 bits."""

_QUALITY: Final = 92
"""Of JPEG and WebP, from 0 to 100: above it files grow fast, and no eye sees a difference."""


def ending_of(out: str) -> str:
    """The ending that chooses the kind, in small letters. Raises UsageError where it is none of ``ENDINGS``."""
    ending = f".{out.rpartition('.')[2].lower()}"
    if ending not in _KINDS:
        raise UsageError(f"cannot draw into {out}", f"Give a file name that ends in {', '.join(ENDINGS)}.")
    return ending


def encoded(picture: Picture, ending: str = ".png") -> bytes:
    """The picture as a file, one of ``ENDINGS``. Only a PNG holds its facts, and only a JPEG is never transparent.

    Raises UsageError for a picture that is too large, or transparent, for that kind.
    """
    kind = _KINDS[ending]
    if kind == "PNG":
        return picture.png()
    pixels = picture.colours()
    height_px, width_px = pixels.shape[:2]
    if max(width_px, height_px) > _SIDE_MAX_PX[kind]:
        hint = "Write a .png, or draw a smaller one with --out-size."
        raise UsageError(f"{width_px}x{height_px} is too large for a {ending}: {_SIDE_MAX_PX[kind]} px a side", hint)
    if kind == "JPEG" and pixels.shape[2] == 4:
        raise UsageError(f"a {ending} cannot be transparent", "Write a .png or .webp, or choose another --background.")
    file = io.BytesIO()
    # Without the usual halving of the colours' resolution in JPEG: the letters of the legend would blur.
    how = {"subsampling": 0} if kind == "JPEG" else {}
    Image.fromarray(pixels).save(file, kind, quality=_QUALITY, **how)
    return file.getvalue()
