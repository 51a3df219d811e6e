"""The strip under a picture: title, what, where, when, and a colour bar whose ticks mean something. Pure.

The letters are anti-aliased in Aileron, the typeface that comes with Pillow.
"""

from __future__ import annotations

import bisect
import itertools
import math
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

HEAT_LEVELS: Final = 224
"""The first entries of a palette are heat, the remaining 32 the ramp from the legend's panel to its text."""
TEXT_LEVELS: Final = 256 - HEAT_LEVELS
DIM: Final = 160
BRIGHT: Final = 220
"""Secondary text and tick labels; the title is 255."""

NARROWEST_PX: Final = 200
"""A picture narrower than this has no space for text."""
BESIDE_FROM_PX: Final = 900
"""From this width on the bars are beside the text, not below it."""

_SHORTEST_BAR: Final = 10
"""How many digits long a bar is at least."""

_BETWEEN: Final = " · "
"""Between the parts of a line of the legend."""

_LETTERS: Final = {
    "ß": "ss",
    "æ": "ae",
    "Æ": "AE",
    "ø": "o",
    "Ø": "O",
    "œ": "oe",
    "ł": "l",
    "Ł": "L",
    "đ": "d",
    "\u2013": "-",
}
"""Plain letters for those that have no accent to leave out."""

_Font: TypeAlias = "ImageFont.FreeTypeFont | ImageFont.ImageFont"

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


def ticks(scale: Scale, bar_px: float, length_px: Callable[[str], float], apart_px: float) -> list[tuple[float, str]]:
    """As many round values along the bar as there is space for: no two labels are closer than ``apart_px``.

    length_px: of a label. Labels lie centred below their ticks and within the bar, the last one to the left of its
    end. Returns (place on the bar from 0 to 1, label) pairs from cold to hot; the last is the end of the bar itself,
    whose label is empty where even that is longer than the bar.
    """
    steps = (
        _TIME_STEPS_MS
        if scale.unit == "ms"
        else [digit * 10**power for power in range(0 if scale.is_whole else -_SMALLEST_TICK, 18) for digit in (1, 2, 5)]
    )
    end = with_unit(scale.max_heat, scale.unit) + ("+" if scale.clipped else "")
    free_from, free_to = 0.0, bar_px - length_px(end) - apart_px
    chosen: list[tuple[float, str]] = []
    for step in steps:
        place, label = scale.place(step / scale.max_heat), with_unit(step, scale.unit)
        half = length_px(label) / 2
        # In this order the label that ends first is taken first, which leaves space for most.
        if step < scale.max_heat and free_from <= place * bar_px - half and place * bar_px + half <= free_to:
            chosen.append((place, label))
            free_from = place * bar_px + half + apart_px
    return [*chosen, (1.0, end if length_px(end) <= bar_px else "")]


def draw(legend: Legend, width_px: int) -> Strip:
    """The strip for a picture ``width_px`` wide; without height where there is no space for text."""
    if width_px < NARROWEST_PX:
        return Strip(np.empty((0, width_px), np.uint8), ())
    # One size fits from a small laptop to two 4K screens side by side: text grows more slowly than the picture.
    unit = max((width_px / 1920) ** 0.75, 0.72)
    font = ImageFont.load_default(round(17 * unit))
    margin, top, line, head = (round(size * unit) for size in (28, 16, 24, 36))
    beside = width_px >= BESIDE_FROM_PX or not legend.scales
    # One bar takes a good third of the width, several take all that the text does not need.
    bars_share = min(0.16 + 0.2 * len(legend.scales), 0.7) if beside else 1
    bars_px = round((width_px - 2 * margin) * bars_share)
    text_px = width_px - 3 * margin - bars_px if beside and legend.scales else width_px - 2 * margin
    lines = [part for text in legend.lines for part in _wrapped(_drawable(text), font, text_px)]
    rows = _rows_of(legend.scales, font, bars_px, margin)
    text_height, row_height = head + len(lines) * line, round(70 * unit)
    bars_height = len(rows) * row_height
    height = max(text_height, bars_height) if beside else text_height + bars_height
    image = Image.new("L", (width_px, height + 2 * top), 0)
    pen = ImageDraw.Draw(image)

    title = _drawable(legend.title)
    sizes = range(round(27 * unit), round(17 * unit), -1)
    fonts = (ImageFont.load_default(size) for size in sizes)
    title_font = next((one for one in fonts if one.getlength(title) <= text_px), font)
    pen.text((margin, top), _fit(title, title_font, text_px), fill=255, font=title_font)
    for number, text in enumerate(lines):
        pen.text((margin, top + head + number * line), _fit(text, font, text_px), fill=DIM, font=font)

    bars: list[tuple[slice, slice]] = []
    bar_top = (top if beside else top + text_height) + round(27 * unit)
    for row in rows:
        for number, scale in enumerate(row):
            left, right = (
                width_px - margin - bars_px + edge * (bars_px + margin) // len(row) for edge in (number, number + 1)
            )
            bar = slice(bar_top, bar_top + round(15 * unit)), slice(left, right - margin)
            bars.append(bar)
            _draw_ticks(pen, scale, bar, font, unit)
        bar_top += row_height
    return Strip(np.asarray(image), bars)


def _rows_of(scales: Sequence[Scale], font: _Font, bars_px: int, between_px: int) -> list[Sequence[Scale]]:
    """The bars in as few rows as give each the length that its caption and the label of its end take."""

    def least_px(scale: Scale) -> float:
        end = with_unit(scale.max_heat, scale.unit) + "+"
        return max(font.getlength(scale.caption), 2 * font.getlength(end), _SHORTEST_BAR * font.getlength("0"))

    widest_px = max(map(least_px, scales), default=1.0)
    fit = max(int((bars_px + between_px) / (widest_px + between_px)), 1)
    count = math.ceil(len(scales) / fit)
    bounds = [number * len(scales) // count for number in range(count + 1)] if count else []
    return [scales[start:stop] for start, stop in itertools.pairwise(bounds)]


def _draw_ticks(pen: ImageDraw.ImageDraw, scale: Scale, bar: tuple[slice, slice], font: _Font, unit: float) -> None:
    """The caption above a bar, and the ticks and labels below it."""
    left, right, bottom = bar[1].start, bar[1].stop, bar[0].stop
    caption = _fit(_drawable(scale.caption), font, right - left)
    pen.text((left, bar[0].start - round(25 * unit)), caption, fill=DIM, font=font)
    for place, label in ticks(scale, right - 1 - left, font.getlength, font.getlength("0")):
        x = left + place * (right - 1 - left)
        pen.line([(x, bottom), (x, bottom + round(5 * unit))], fill=DIM)
        anchor = "rt" if place == 1 else "mt"
        pen.text((x, bottom + round(9 * unit)), label, fill=BRIGHT, font=font, anchor=anchor)


def _wrapped(text: str, font: _Font, width_px: int) -> list[str]:
    """The text in as many lines as it takes, broken between its parts only."""
    lines: list[str] = []
    for part in text.split(_BETWEEN):
        if lines and font.getlength(lines[-1] + _BETWEEN + part) <= width_px:
            lines[-1] += _BETWEEN + part
        else:
            lines.append(part)
    return lines


def as_levels(strip: Strip) -> NDArray[np.uint8]:
    """The strip of a one-layer picture as palette indices: heat levels for the bar, then the text ramp."""
    levels = (HEAT_LEVELS + strip.ink.astype(np.uint16) * (TEXT_LEVELS - 1) // 255).astype(np.uint8)
    for rows, columns in strip.bars:
        levels[rows, columns] = bar_levels(columns.stop - columns.start)
    return levels


def bar_levels(width_px: int) -> NDArray[np.uint8]:
    """The heat levels along a bar."""
    return np.linspace(0, HEAT_LEVELS - 1, width_px).round().astype(np.uint8)


def _drawable(text: str) -> str:
    """The text in letters that the typeface has: without accents, and with question marks for all it lacks."""
    return "".join(letter if _is_drawn(letter) else _plain(letter) for letter in text)


def _is_drawn(letter: str) -> bool:
    return " " <= letter <= "~" or letter in "·…°±"


def _plain(letter: str) -> str:
    plain = "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))
    plain = _LETTERS.get(letter, plain)
    return plain if plain and all(map(_is_drawn, plain)) else "?"


def _fit(text: str, font: _Font, width_px: int) -> str:
    """The text, or as much of it as fits, with dots."""
    if font.getlength(text) <= width_px:
        return text
    fits = bisect.bisect_right(
        range(1, len(text)), width_px, key=lambda end: math.ceil(font.getlength(text[:end] + "…"))
    )
    return text[:fits] + "…" if fits else ""
