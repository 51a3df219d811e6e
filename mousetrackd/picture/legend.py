"""The strip under a picture: title, what, where, when, and a colour bar whose ticks mean something. Pure.

The letters are anti-aliased in Aileron, the typeface that comes with Pillow.
"""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass
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
DIM: Final = 160
BRIGHT: Final = 220
"""Secondary text and tick labels; the title is 255."""

NARROWEST_PX: Final = 200
"""A picture narrower than this has no space for text."""
BESIDE_FROM_PX: Final = 900
"""From this width on the bars are beside the text, not below it."""

_TIME_STEPS_MS: Final = [
    *(1, 2, 5, 10, 20, 50, 100, 200, 500),
    *(s * 1000 for s in (1, 2, 5, 10, 20, 30)),
    *(m * 60_000 for m in (1, 2, 5, 10, 20, 30)),
    *(h * 3_600_000 for h in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)),
]

_SMALLEST_TICK: Final = 12
"""No label is of less than ten to the minus this: it would be longer than it is clear."""


@dataclass(frozen=True)
class Scale:
    """One colour bar: what it measures, and what its ticks mean.

    max_heat: heat of the hottest colour. unit: "ms", or what is counted. place: 0..1 along the bar for a share
    of max_heat. clipped: some places are hotter than max_heat. is_whole: nothing less than 1 was counted.
    """

    caption: str
    max_heat: float
    unit: str
    place: Callable[[float], float]
    clipped: bool
    is_whole: bool = True


@dataclass(frozen=True)
class Legend:
    """The text, and a colour bar per layer."""

    title: str
    lines: Sequence[str]
    scales: Sequence[Scale]


@dataclass(frozen=True)
class Strip:
    """The drawn legend: (H, W) uint8, 0 panel to 255 text; and where each scale's bar belongs."""

    ink: NDArray[np.uint8]
    bars: Sequence[tuple[slice, slice]]


def with_unit(value: float, unit: str) -> str:
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
    if value < 10:
        return f"{value:.2g}"
    if value < 9999.5:
        return f"{value:.0f}"
    size = 1e3
    for suffix in "kMGTP":
        if value < 999.5 * size:  # from there on three digits would be written as 1e+03
            return f"{value / size:.3g}{suffix}"
        size *= 1e3
    return f"{value / size:.3g}E"


def ticks(scale: Scale, apart: float) -> list[tuple[float, str]]:
    """Round values along the bar, at least ``apart`` (0..1) of its length from each other and from its end.

    Returns (place on the bar, label) pairs from cold to hot; the last is the end of the bar itself.
    """
    steps = (
        _TIME_STEPS_MS
        if scale.unit == "ms"
        else [digit * 10**power for power in range(0 if scale.is_whole else -_SMALLEST_TICK, 18) for digit in (1, 2, 5)]
    )
    chosen: list[tuple[float, str]] = []
    last = -apart / 2
    for step in steps:
        place = scale.place(step / scale.max_heat)
        if place >= last + apart and place <= 1 - 1.4 * apart:  # the last label is set to the left of the end
            chosen.append((place, with_unit(step, scale.unit)))
            last = place
    end = with_unit(scale.max_heat, scale.unit)
    return [*chosen, (1.0, f"{end}+" if scale.clipped else end)]


def text_palette() -> NDArray[np.uint8]:
    """(TEXT_LEVELS, 3) red, green, blue from panel to text."""
    mix = np.linspace(0, 1, TEXT_LEVELS)[:, None]
    return np.asarray((np.array(PANEL) * (1 - mix) + np.array(TEXT) * mix).round(), np.uint8)


def draw(legend: Legend, width_px: int) -> Strip:
    """The strip for a picture ``width_px`` wide; without height where there is no space for text."""
    if width_px < NARROWEST_PX:
        return Strip(np.empty((0, width_px), np.uint8), ())
    # One size fits from a small laptop to two 4K screens side by side: text grows more slowly than the picture.
    unit = max((width_px / 1920) ** 0.75, 0.72)
    title_font, text_font = (ImageFont.load_default(round(size * unit)) for size in (27, 17))
    margin, top, line = (round(size * unit) for size in (28, 16, 24))
    text_height, bars_height = round(36 * unit) + len(legend.lines) * line, round(70 * unit)
    beside = width_px >= BESIDE_FROM_PX or not legend.scales
    height = max(text_height, bars_height) if beside else text_height + bars_height
    image = Image.new("L", (width_px, height + 2 * top), 0)
    pen = ImageDraw.Draw(image)

    # One bar takes a good third of the width, several take all that the text does not need.
    bars_share = min(0.16 + 0.2 * len(legend.scales), 0.7) if beside else 1
    bars_width = round((width_px - 2 * margin) * bars_share)
    text_width = width_px - 3 * margin - bars_width if beside and legend.scales else width_px - 2 * margin
    pen.text((margin, top), _fit(legend.title, title_font, text_width), fill=255, font=title_font)
    for number, text in enumerate(legend.lines):
        y = top + round(36 * unit) + number * line
        pen.text((margin, y), _fit(text, text_font, text_width), fill=DIM, font=text_font)

    bars: list[tuple[slice, slice]] = []
    bar_top = (top if beside else top + text_height) + round(27 * unit)
    between = margin if len(legend.scales) > 1 else 0
    for number, scale in enumerate(legend.scales):
        left = width_px - margin - bars_width + number * (bars_width + between) // len(legend.scales)
        right = width_px - margin - bars_width + (number + 1) * (bars_width + between) // len(legend.scales) - between
        bottom = bar_top + round(15 * unit)
        bars.append((slice(bar_top, bottom), slice(left, right)))
        caption = _fit(scale.caption, text_font, right - left)
        pen.text((left, bar_top - round(25 * unit)), caption, fill=DIM, font=text_font)
        for place, label in ticks(scale, 76 * unit / (right - left)):
            x = left + place * (right - 1 - left)
            pen.line([(x, bottom), (x, bottom + round(5 * unit))], fill=DIM)
            if place == 1 and text_font.getlength(label) > right - left:
                continue  # a bar too short for its last label
            anchor = "rt" if place == 1 else "mt"
            pen.text((x, bottom + round(9 * unit)), label, fill=BRIGHT, font=text_font, anchor=anchor)
    return Strip(np.asarray(image), bars)


def as_levels(strip: Strip) -> NDArray[np.uint8]:
    """The strip of a one-layer picture as palette indices: heat levels for the bar, then the text ramp."""
    levels = (HEAT_LEVELS + strip.ink.astype(np.uint16) * (TEXT_LEVELS - 1) // 255).astype(np.uint8)
    for rows, columns in strip.bars:
        levels[rows, columns] = bar_levels(columns.stop - columns.start)
    return levels


def bar_levels(width_px: int) -> NDArray[np.uint8]:
    """The heat levels along a bar."""
    return np.linspace(0, HEAT_LEVELS - 1, width_px).round().astype(np.uint8)


def _fit(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width_px: int) -> str:
    """The text, or as much of it as fits, with dots. Characters the typeface lacks become question marks."""
    text = "".join(letter if " " <= letter <= "~" or letter in "·…°±" else "?" for letter in text)
    if font.getlength(text) <= width_px:
        return text
    fits = bisect.bisect_right(
        range(1, len(text)), width_px, key=lambda end: math.ceil(font.getlength(text[:end] + "…"))
    )
    return text[:fits] + "…" if fits else ""
