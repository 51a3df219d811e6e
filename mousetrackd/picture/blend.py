"""Colours over a background, over an image, and over each other. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from mousetrackd.picture import heat, legend
from mousetrackd.picture.colours import rgb
from mousetrackd.picture.styles import STYLES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mousetrackd.picture.heat_layers import HeatLayer

OVER_OPAQUE_FROM: Final = 0.45
"""From this share of its scale on the lowest layer covers an image as much as it ever does."""

_FADED_IN: Final = 0.35
"""On a background of the user's, heat up to this share of the scale fades in."""


def on_background(colours: NDArray[np.uint8], background: str) -> NDArray[np.uint8]:
    """Colours with alpha, the coldest fading into the background. (N, 3) to (N, 4).

    background: as ``Look.background``. Raises UsageError for one that is no colour.
    """
    if background == "":
        return np.concatenate([colours, np.full((len(colours), 1), 255, np.uint8)], axis=1)
    # Only the opacity fades: the cold end of a map is dark, and would draw a dark rim on a light background.
    coldest = round(_FADED_IN * (len(colours) - 1))
    colours = colours[np.maximum(np.arange(len(colours)), coldest)]
    fade = np.clip(np.arange(len(colours)) / coldest, 0, 1)[:, None]
    if background == "transparent":
        return np.concatenate([colours, (fade * 255).round().astype(np.uint8)], axis=1)
    mixed = colours * fade + np.array(rgb(background)) * (1 - fade)
    return np.concatenate([mixed.round(), np.full((len(colours), 1), 255)], axis=1).astype(np.uint8)


def lay_over(canvas: NDArray[np.uint8], layer: HeatLayer, opacity: float = 1.0, *, on_image: bool = False) -> None:
    """Draw a layer over (H, W, 3 or 4) ``canvas``, in place: its colours, the fainter the more transparent.

    opacity: how much even its hottest place hides, times what its style says. on_image: it is the lowest layer, and
    lies on an image. This is "over" of Porter and Duff, on colours multiplied by their opacity, in 256ths.
    """
    style = STYLES[layer.layer]
    steps = np.arange(legend.HEAT_LEVELS)
    opaque_from, strength = (OVER_OPAQUE_FROM, 1.0) if on_image else (style.opaque_from, style.strength)
    opaque = round(opaque_from * (legend.HEAT_LEVELS - 1))
    share = np.clip(steps / opaque, 0, 1)[:, None] * strength * opacity
    colours = layer.colours[np.maximum(steps, opaque)] if style.opaque_from < 0.5 and not on_image else layer.colours
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
