"""The clock in a corner of a film. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

_PANEL, _TEXT = (15, 17, 21), (236, 238, 242)
_OPACITY: Final = 0.75
"""How much the panel below the clock hides: it can be read over the hottest colour, and heat is seen through it."""

_NARROWEST_PX: Final = 200
"""A film narrower than this has no space for a clock."""


class Clock:
    """Draws the time of each frame into its upper right corner, on a panel that is as wide for all of ``texts``."""

    def __init__(self, texts: Iterable[str], width_px: int) -> None:
        # Text grows more slowly than the picture, as in the legend.
        size_px = round(20 * max((width_px / 1920) ** 0.75, 0.6))
        self._font = ImageFont.load_default(size_px)
        self._is_drawn = width_px >= _NARROWEST_PX
        self._margin_px = size_px // 2
        self._width_px = round(max(map(self._font.getlength, texts), default=0)) + 2 * self._margin_px
        self._height_px = 2 * size_px

    def drawn(self, frame: NDArray[np.uint8], text: str) -> NDArray[np.uint8]:
        """(H, W, 3) ``frame`` with the time on it; where it is too small, as it is."""
        width_px = frame.shape[1]
        left, top = width_px - self._width_px - self._margin_px, self._margin_px
        if not self._is_drawn or left < 0 or frame.shape[0] < self._height_px + 2 * top:
            return frame
        below = Image.fromarray(frame[top : top + self._height_px, left : left + self._width_px])
        panel = Image.blend(below, Image.new("RGB", below.size, _PANEL), _OPACITY)
        middle = (self._margin_px, self._height_px / 2)
        ImageDraw.Draw(panel).text(middle, text, fill=_TEXT, font=self._font, anchor="lm")
        stamped = frame.copy()
        stamped[top : top + self._height_px, left : left + self._width_px] = np.asarray(panel)
        return stamped
