"""The image under the heat: its pixels as a viewer shows them, in its own shape, a little darker. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

BRIGHTNESS: Final = 0.8
"""How bright the image is, as a share of its own brightness: heat is seen, and so is what it lies over."""

_ALIKE: Final = 0.01
"""Shapes that differ by less than this are one: a screen of 1366x768 is 16:9 to everybody."""


def _upright(image: Image.Image) -> Image.Image:
    from PIL import ImageOps  # noqa: PLC0415 - a picture without an image under it does not pay for it

    return ImageOps.exif_transpose(image)


def as_shown(image: Image.Image) -> Image.Image:
    """The image as a viewer shows it: turned as its EXIF says, 8 bit, "RGB", or "RGBA" where it is transparent.

    Raises ValueError for a colour space that Pillow cannot convert.
    """
    image = _upright(image)
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image = Image.fromarray(_eight_bit(np.asarray(image), image.mode))
    if "transparency" in image.info or image.mode in ("LA", "La", "PA", "RGBa"):
        return image.convert("RGBA")
    return image if image.mode in ("RGB", "RGBA") else image.convert("RGB")


def _eight_bit(values: NDArray[np.generic], mode: str) -> NDArray[np.uint8]:
    """Grey values of 16 bit; of 32 bit where none is larger; fractions from 0 to 1, or up to their maximum."""
    grey = values.astype(np.float64)
    top = float(grey.max(initial=0))
    white = max(top, 1.0) if mode == "F" else 65535.0 if mode != "I" or top > 255 else 255.0
    return (np.clip(grey / white, 0, 1) * 255).round().astype(np.uint8)


def is_fitted(image: Image.Image, width_px: int, height_px: int) -> bool:
    """Has it another shape than a picture of ``width_px`` by ``height_px``, so that it leaves margins?"""
    wide, high = _upright(image).size
    return abs(wide * height_px / (high * width_px) - 1) > _ALIKE


def draw(
    image: Image.Image, width_px: int, height_px: int, background: tuple[int, int, int], brightness: float = BRIGHTNESS
) -> NDArray[np.uint8]:
    """The image in the middle of (H, W, 3) pixels, as large as it fits, on ``background``; never stretched."""
    shown = as_shown(image)
    scale = min(width_px / shown.width, height_px / shown.height)
    size = (max(round(shown.width * scale), 1), max(round(shown.height * scale), 1))
    if not is_fitted(shown, width_px, height_px):
        size = (width_px, height_px)
    if shown.size != size:
        shown = shown.resize(size, Image.Resampling.LANCZOS)
    canvas = Image.new("RGB", (width_px, height_px), background)
    at = ((width_px - size[0]) // 2, (height_px - size[1]) // 2)
    darker = shown.convert("RGB").point(lambda value: value * brightness)
    canvas.paste(darker, at, shown.getchannel("A") if shown.mode == "RGBA" else None)
    return np.asarray(canvas, np.uint8)
