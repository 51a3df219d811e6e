"""The image under the heat: a file of the user's, or what the screen shows now.

Beside ``archive`` and ``film`` the only module of this package that touches anything but memory.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Final

from PIL import Image

from mousetrackd.core.errors import MousetrackError
from mousetrackd.picture.scene import CANVAS_MAX_PX, CANVAS_SIDE_MAX_PX
from mousetrackd.picture.under import as_shown
from mousetrackd.system.input_files import open_regular

_FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
"""Of what Pillow knows, those that hold pixels alone: for PostScript it would start another program."""


def load(over: str) -> Image.Image | None:
    """The image that ``over`` names: the path of a file, "screen" for a screenshot, or nothing for none.

    Raises MousetrackError where there is none.
    """
    if not over:
        return None
    return grab_screen() if over == "screen" else open_image(Path(os.path.expanduser(over)))  # noqa: PTH111 - Path's raises for an unknown user


def open_image(path: Path) -> Image.Image:
    """An image from a file. Raises MousetrackError when it cannot be read, or is larger than any desktop."""
    too_large = f"it has more than {CANVAS_MAX_PX // 1_000_000} million px"
    why = ""
    try:
        # Pillow warns of large images, which are refused here, and of much else that is no user's concern.
        with warnings.catch_warnings(action="ignore"), open_regular(path) as file:
            image = Image.open(file, formats=_FORMATS)
            width_px, height_px = image.size
            if max(width_px, height_px) <= CANVAS_SIDE_MAX_PX and width_px * height_px <= CANVAS_MAX_PX:
                image.load()
                return as_shown(image)
            why = too_large
    except Image.DecompressionBombError:
        why = too_large
    except Exception as error:  # noqa: BLE001 - Pillow's decoders raise whatever a damaged file leads them to
        why = getattr(error, "strerror", None) or "it is damaged, or no image that Pillow knows"
    raise MousetrackError(f"cannot read the image {path}: {why}", "Give a PNG, JPEG or WebP file.")


def grab_screen() -> Image.Image:
    """What the screen shows now. Raises MousetrackError where it cannot be had."""
    from PIL import ImageGrab  # noqa: PLC0415 - brings a dozen modules, and is rarely wanted

    try:
        return ImageGrab.grab()
    except (OSError, ValueError) as error:
        raise MousetrackError(
            f"cannot take a screenshot: {error}", "Take one yourself, and give its file: --over screenshot.png"
        ) from error
