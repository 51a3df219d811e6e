"""The strip under a picture: title, what, where, when, and a colour bar whose ticks mean something. Pure.

Drawn as indices into the picture's palette: heat levels for the bar, and a ramp from panel to text colour
for the letters, which are anti-aliased in Aileron, the typeface that comes with Pillow.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

PANEL: Final = (15, 17, 21)
TEXT: Final = (236, 238, 242)
HEAT_LEVELS: Final = 224
"""The first entries of a palette are heat, the remaining 32 the ramp from ``PANEL`` to ``TEXT``."""
TEXT_LEVELS: Final = 256 - HEAT_LEVELS
DIM: Final = 0.62
"""Secondary text, as a share of full brightness."""

NARROWEST_PX: Final = 200
"""A picture narrower than this has no room for words."""

_TIME_STEPS_MS: Final = [
    *(1, 2, 5, 10, 20, 50, 100, 200, 500),
    *(s * 1000 for s in (1, 2, 5, 10, 20, 30)),
    *(m * 60_000 for m in (1, 2, 5, 10, 20, 30)),
    *(h * 3_600_000 for h in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)),
]


@dataclass(frozen=True)
class Scale:
    """What the colour bar says.

    max_heat: heat of the hottest colour. unit: "ms", or what is counted. place: 0..1 along the bar for a share
    of max_heat.
    """

    max_heat: float
    unit: str
    place: Callable[[float], float]
    clipped: bool
    """True when some places are hotter than ``max_heat``."""


@dataclass(frozen=True)
class Legend:
    """The words and the bar."""

    title: str
    lines: Sequence[str]
    scale: Scale | None = None
    caption: str = ""
    """What the bar measures, above it."""
    swatches: Sequence[tuple[str, int]] = field(default_factory=tuple)
    """Names of further layers, and the palette index of their colour."""


def in_words(value: float, unit: str) -> str:
    """A count with its unit, as short as is honest: ``1.5 s``, ``2 h``, ``12 presses``."""
    if unit != "ms":
        return _short(value)
    if value < 1000:
        return f"{_short(value)} ms"
    if value < 60_000:
        return f"{_short(value / 1000)} s"
    if value < 3_600_000:
        return f"{_short(value / 60_000)} min"
    return f"{_short(value / 3_600_000)} h"


def _short(value: float) -> str:
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= size:
            return f"{value / (1e3 if suffix == 'k' else size):.3g}{suffix}"
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def ticks(scale: Scale, apart: float) -> list[tuple[float, str]]:
    """Round values along the bar, at least ``apart`` (0..1) of its length from each other and from its end.

    Returns (place on the bar, words) pairs from cold to hot; the last is the end of the bar itself.
    """
    steps = _TIME_STEPS_MS if scale.unit == "ms" else [digit * 10**power for power in range(18) for digit in (1, 2, 5)]
    chosen: list[tuple[float, str]] = []
    last = -apart / 2
    for step in steps:
        place = scale.place(step / scale.max_heat)
        if place >= last + apart and place <= 1 - apart:
            chosen.append((place, in_words(step, scale.unit)))
            last = place
    end = in_words(scale.max_heat, scale.unit)
    return [*chosen, (1.0, f"{end}+" if scale.clipped else end)]


def text_palette() -> NDArray[np.uint8]:
    """(TEXT_LEVELS, 3) red, green, blue from panel to text."""
    mix = np.linspace(0, 1, TEXT_LEVELS)[:, None]
    return np.asarray((np.array(PANEL) * (1 - mix) + np.array(TEXT) * mix).round(), np.uint8)


def draw(legend: Legend, width_px: int) -> NDArray[np.uint8]:  # noqa: PLR0915 - one statement a stroke
    """The strip as palette indices, (H, width_px) uint8. (0, width_px) where there is no room for it."""
    if width_px < NARROWEST_PX:
        return np.empty((0, width_px), np.uint8)
    # One size fits from a small laptop to two 4K screens side by side: text grows more slowly than the picture.
    unit = max((width_px / 1920) ** 0.75, 0.72)
    big = ImageFont.load_default(round(27 * unit))
    small = ImageFont.load_default(round(17 * unit))
    margin, gap = round(28 * unit), round(9 * unit)
    beside = width_px >= 900
    words_height = round(34 * unit) + len(legend.lines) * round(24 * unit)
    bar_height = round(70 * unit)
    has_right = legend.scale is not None or bool(legend.swatches)
    height = max(words_height, bar_height if has_right else 0) if beside else words_height
    if has_right and not beside:
        height += bar_height
    strip = Image.new("L", (width_px, height + 2 * round(16 * unit)), 0)
    pen = ImageDraw.Draw(strip)
    top = round(16 * unit)

    words_width = width_px - 2 * margin if not beside else round(width_px * 0.52)
    pen.text((margin, top), _fit(legend.title, big, words_width), fill=255, font=big)
    y = top + round(36 * unit)
    for line in legend.lines:
        pen.text((margin, y), _fit(line, small, words_width), fill=round(255 * DIM), font=small)
        y += round(24 * unit)

    levels = np.asarray(strip)
    indices = (HEAT_LEVELS + levels.astype(np.uint16) * (TEXT_LEVELS - 1) // 255).astype(np.uint8)
    if not has_right:
        return indices

    bar_left = width_px - margin - round(width_px * 0.36) if beside else margin
    bar_right = width_px - margin
    bar_top = (top if beside else top + words_height) + round(27 * unit)
    bar_bottom = bar_top + round(15 * unit)
    right = Image.new("L", (width_px, indices.shape[0]), 0)
    pen = ImageDraw.Draw(right)
    caption_y = bar_top - round(25 * unit)
    pen.text((bar_left, caption_y), _fit(legend.caption, small, bar_right - bar_left), round(255 * DIM), small)
    swatch_right = bar_right
    boxes = []
    side = round(13 * unit)
    for name, index in reversed(legend.swatches):
        swatch_right -= round(small.getlength(name))
        pen.text((swatch_right, caption_y), name, round(255 * DIM), small)
        swatch_right -= side + gap // 2
        boxes.append((swatch_right, index))
        swatch_right -= 2 * gap
    if legend.scale is not None:
        widest = round(76 * unit)
        for place, label in ticks(legend.scale, widest / (bar_right - bar_left)):
            x = bar_left + place * (bar_right - 1 - bar_left)
            pen.line([(x, bar_bottom), (x, bar_bottom + gap // 2)], fill=round(255 * DIM))
            anchor = "rt" if place == 1.0 else "mt"
            pen.text((x, bar_bottom + gap), label, round(255 * 0.85), small, anchor=anchor)
    indices = np.maximum(
        indices,
        (HEAT_LEVELS + np.asarray(right).astype(np.uint16) * (TEXT_LEVELS - 1) // 255).astype(np.uint8),
    )
    if legend.scale is not None:
        ramp = np.linspace(0, HEAT_LEVELS - 1, bar_right - bar_left).round().astype(np.uint8)
        indices[bar_top:bar_bottom, bar_left:bar_right] = ramp
    for left, index in boxes:
        indices[caption_y + round(3 * unit) : caption_y + round(3 * unit) + side, left : left + side] = index
    return indices


def _fit(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width_px: int) -> str:
    """The text, or as much of it as fits, with dots. Characters the typeface lacks become question marks."""
    text = "".join(letter if " " <= letter <= "~" or letter in "·…°±" else "?" for letter in text)
    if font.getlength(text) <= width_px:
        return text
    while text and font.getlength(text + "…") > width_px:
        text = text[:-1]
    return text + "…"
