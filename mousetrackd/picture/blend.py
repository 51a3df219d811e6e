"""Colours over a background, over an image, and over each other. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from mousetrackd.picture import heat, legend, theme
from mousetrackd.picture.colours import rgb
from mousetrackd.picture.styles import STYLES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mousetrackd.picture.heat_layers import HeatLayer

OVER_OPAQUE_FROM: Final = 0.45
"""From this share of its scale on the lowest layer covers an image as much as it ever does."""

_FADED_IN: Final = 0.12
"""On a background of the user's, heat up to this share of the scale fades in."""

_UNSEEN_FADED_IN: Final = 0.35
"""The same where the background is not known: the cold end of a map is dark, and would draw a dark rim on white."""

_COLOURED_FADED_IN: Final = 0.1
"""The same of a map that is coloured from the beginning, like classic, on whatever. Up to there all is its coldest
colour, and only the opacity grows: its blue is to be seen."""

_COLOURED_OVER_FADED_IN: Final = 0.25
"""The opacity grows up to here over an image: it is to be seen in places where hardly anybody was."""

_APART: Final = 3.0
"""By how much lightness, CIE L*, the coldest colour differs from the background."""


def on_background(colours: NDArray[np.uint8], background: str) -> NDArray[np.uint8]:
    """Colours with alpha, the coldest fading into the background. (N, 3) to (N, 4).

    background: as ``Theme.background``. Of a map that only grows lighter, or darker, what would be on the other side
    of the background is left out, so that more heat always differs more from it. Raises UsageError for one that is no
    colour.
    """
    last = len(colours) - 1
    runs_one_way = theme.runs_one_way(colours)
    faded_in = _FADED_IN if runs_one_way else _COLOURED_FADED_IN
    if runs_one_way and background == "transparent":
        faded_in = _UNSEEN_FADED_IN
    fade = np.clip(np.arange(last + 1) / (faded_in * last), 0, 1)[:, None]
    fade = fade**2 * (3 - 2 * fade)  # begins and ends gently: the first level is no rim
    if background == "transparent":
        coldest = round(faded_in * last)
        one_way = colours[np.maximum(np.arange(last + 1), coldest)]
        return _with_alpha(one_way if runs_one_way else _from_level(colours, coldest), fade)
    if background:
        if runs_one_way:
            colours = _beyond(colours, np.array(rgb(background), np.uint8))
        else:
            colours = _from_level(colours, faded_in * last)
        colours = (colours * fade + np.array(rgb(background)) * (1 - fade)).round().astype(np.uint8)
    return _with_alpha(colours, np.ones_like(fade))


def _with_alpha(colours: NDArray[np.uint8], opacity: NDArray[np.float64]) -> NDArray[np.uint8]:
    """(N, 3) and (N, 1), 0 to 1, to (N, 4)."""
    return np.concatenate([colours, (opacity * 255).round().astype(np.uint8)], axis=1)


def _beyond(colours: NDArray[np.uint8], background: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """As many colours, of the part of a map that lies between the background and its hottest colour. (N, 3)."""
    way = theme.lightness(colours) - theme.lightness(background)
    seen = np.flatnonzero(way * np.sign(way[-1]) > _APART)
    return _at(colours, np.linspace(seen[0] if seen.size else 0, len(colours) - 1, len(colours)))


def _from_level(colours: NDArray[np.uint8], level: float) -> NDArray[np.uint8]:
    """As many colours, of which the coldest goes up to ``level``, and all the others are above. (N, 3)."""
    last = len(colours) - 1
    return _at(colours, np.clip((np.arange(last + 1) - level) / (last - level), 0, 1) * last)


def _at(colours: NDArray[np.uint8], places: NDArray[np.float64]) -> NDArray[np.uint8]:
    """(N, 3) colours at places from 0 to N - 1, whole or between."""
    levels = np.arange(len(colours))
    return np.stack([np.interp(places, levels, channel) for channel in colours.T], axis=-1).round().astype(np.uint8)


def lay_over(canvas: NDArray[np.uint8], layer: HeatLayer, opacity: float = 1.0, *, on_image: bool = False) -> None:
    """Draw a layer over (H, W, 3 or 4) ``canvas``, in place: its colours, the fainter the more transparent.

    opacity: how much even its hottest place hides, times what its style says. on_image: it is the lowest layer, and
    lies on an image. This is "over" of Porter and Duff, on colours multiplied by their opacity, in 256ths.
    """
    style = STYLES[layer.layer]
    steps = np.arange(legend.HEAT_LEVELS)
    opaque_from, strength, fade = (
        (OVER_OPAQUE_FROM, 1.0, 1.0) if on_image else (style.opaque_from, style.strength, style.fade)
    )
    is_coloured_at_once = not theme.runs_one_way(layer.colours)
    if is_coloured_at_once:
        opaque_from = _COLOURED_OVER_FADED_IN if on_image else _COLOURED_FADED_IN
    opaque = round(opaque_from * (legend.HEAT_LEVELS - 1))
    share = np.clip(steps / opaque, 0, 1)[:, None] ** fade * strength * opacity
    colours = layer.colours
    if is_coloured_at_once:
        colours = _from_level(colours, _COLOURED_FADED_IN * (legend.HEAT_LEVELS - 1))
    if not (on_image or is_coloured_at_once) and opaque_from < 0.5:
        colours = colours[np.maximum(steps, opaque)]  # the dark end of a map would be a dark rim
    full = np.full((legend.HEAT_LEVELS, 1), 255)
    above = np.concatenate([colours, full], axis=1)[:, : canvas.shape[2]] * share * 256
    table, left = above.round().astype(np.uint16), ((1 - share) * 256).round().astype(np.uint16)
    for band in heat.bands(len(canvas)):
        pixels, levels = canvas[band].reshape(-1, canvas.shape[2]), layer.levels[band].reshape(-1)
        touched = np.flatnonzero(levels)
        if touched.size:
            drawn = levels[touched]
            pixels[touched] = (table[drawn] + left[drawn] * pixels[touched] + 127) >> 8


def divide_by_opacity(canvas: NDArray[np.uint8]) -> None:
    """From colours multiplied by their opacity to the colours a PNG holds, in (H, W, 4) ``canvas``."""
    for band in heat.bands(len(canvas)):
        opacity = np.maximum(canvas[band][..., 3:].astype(np.uint16), 1)
        colours = (canvas[band][..., :3].astype(np.uint16) * 255 + opacity // 2) // opacity
        canvas[band][..., :3] = np.minimum(colours, 255)
