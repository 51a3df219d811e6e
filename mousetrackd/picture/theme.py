"""Dark or light: the colours around the heat, and which way the maps run on them. Pure.

A background with a lightness above 50 (CIE L*, 0 is black, 100 white) makes a picture light: its legend, its lines, and
its maps, of which the hottest colour is the darkest then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from mousetrackd.picture.colormap import linear, ramp
from mousetrackd.picture.colours import CLASSIC, colour_map, rgb
from mousetrackd.picture.legend import TEXT_LEVELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mousetrackd.picture.colours import ColourMap
    from mousetrackd.picture.look import Look
    from mousetrackd.picture.scene import Scene

RGB: TypeAlias = tuple[int, int, int]

LIGHT_FROM: Final = 50.0
"""The lightness of a background above which a picture is light."""

LINE_CONTRAST: Final = 3.0
"""WCAG 2.2, 1.4.11: the contrast ratio of what has to be seen, and is no text, with what is beside it."""

CLASSIC_BACKGROUND: Final = "#ffffff"
"""Places where nothing was counted are white in the original answer's pictures."""

_ONE_WAY: Final = 0.05
"""A map runs one way where its lightness goes back by no more than this share of what it goes on."""

_PANELS: Final[tuple[tuple[RGB, RGB], ...]] = (((15, 17, 21), (236, 238, 242)), ((246, 244, 240), (22, 24, 29)))
"""Panel and text of the legend: of the dark theme, of the light one."""


@dataclass(frozen=True)
class Theme:
    """The colours around the heat.

    background: as ``Look.background``, where "" is the coldest colour of the lowest map. untouched: the colour that is
    then where nothing was counted; None where it is transparent. panel, text: of the legend.
    line_level: which entry of ``text_palette`` outlines and hatching have.
    """

    background: str
    untouched: RGB | None
    panel: RGB
    text: RGB
    line_level: int

    @property
    def is_light(self) -> bool:
        """Is the hottest colour the darkest?"""
        return self.panel > self.text

    def text_palette(self) -> NDArray[np.uint8]:
        """(TEXT_LEVELS, 3) red, green and blue from panel to text."""
        mix = np.linspace(0, 1, TEXT_LEVELS)[:, None]
        return np.asarray((np.array(self.panel) * (1 - mix) + np.array(self.text) * mix).round(), np.uint8)

    def turned(self, colours: NDArray[np.uint8], *, is_lowest: bool) -> NDArray[np.uint8]:
        """The colours of a map, (N, 3), from cold to hot so that the hottest differs most from the background.

        A map without a darkest and a lightest end, like jet, is left as it is, and so is the one that is its own
        background.
        """
        if self.background == "transparent" or (self.background == "" and is_lowest) or not runs_one_way(colours):
            return colours
        cold, hot = lightness(colours[[0, -1]])
        return np.ascontiguousarray(colours[::-1]) if (hot > cold) == self.is_light else colours


def theme_of(scene: Scene, look: Look) -> Theme:
    """The theme of a picture. Raises UsageError for a layer, a map or a background that does not exist."""
    lowest = colour_map(look.map_of(look.layers[0]), scene.colormaps)
    background = look.background
    if not background and lowest.name == CLASSIC and scene.over is None:
        background = CLASSIC_BACKGROUND
    untouched = None if background == "transparent" else rgb(background) if background else _coldest(lowest)
    is_light = untouched is not None and bool(lightness(np.array(untouched, np.uint8)) > LIGHT_FROM)
    panel, text = _PANELS[is_light]
    theme = Theme(background, untouched, panel, text, TEXT_LEVELS - 1)
    beside = [panel] if untouched is None or scene.over is not None else [panel, untouched]
    ratios = contrast(theme.text_palette()[:, None], np.array(beside, np.uint8)[None])
    enough = (ratios > LINE_CONTRAST).all(axis=1)
    return replace(theme, line_level=int(enough.argmax())) if enough.any() else theme


def _coldest(colormap: ColourMap) -> RGB:
    red, green, blue = ramp(colormap, 2)[0].tolist()
    return red, green, blue


def contrast(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The contrast ratio of (..., 3) colours, from 1 to 21 (WCAG 2.2, "contrast ratio")."""
    ratio = (luminance(one) + 0.05) / (luminance(other) + 0.05)
    return np.maximum(ratio, 1 / ratio)


def luminance(colours: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The share of full light of (..., 3) colours (WCAG 2.2, "relative luminance")."""
    return np.asarray(linear(colours.astype(np.float64)) @ np.array([0.2126, 0.7152, 0.0722]))


def lightness(colours: NDArray[np.uint8]) -> NDArray[np.float64]:
    """CIE L*, from 0 to 100, of (..., 3) colours (ISO/CIE 11664-4)."""
    share = luminance(colours)
    return np.where(share > 216 / 24389, 116 * np.cbrt(share) - 16, share * 24389 / 27)


def runs_one_way(colours: NDArray[np.uint8]) -> bool:
    """Do (N, 3) colours grow only lighter, or only darker?"""
    steps = np.diff(lightness(colours))
    ways = sorted((float(steps[steps > 0].sum()), -float(steps[steps < 0].sum())))
    return ways[0] <= _ONE_WAY * ways[1]
