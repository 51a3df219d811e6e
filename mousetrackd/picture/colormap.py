"""A colour map as an array of colours. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from mousetrackd.picture.colours import rgb

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mousetrackd.picture.colours import ColourMap

_HOT_FIRST: Final = {"hsv": 5 / 6, "rainbow": 1.0}
"""Maps of OpenCV's that begin with red, and how much of them is used, from the other end. hsv is a circle: of its last
sixth the colours are those of its first once more."""

_TO_CONES: Final = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_OKLAB: Final = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
"""Oklab, in which equal distances look about equal: B. Ottosson, "A perceptual color space for image processing", 2020.
From linear red, green and blue to the response of the eye's cones, and from its cube root to lightness, a and b."""


def ramp(colormap: ColourMap, level_count: int = 256) -> NDArray[np.uint8]:
    """(level_count, 3) red, green, blue from cold to hot."""
    place = np.linspace(0, 1, level_count)
    colours = _colours_at(colormap, 1 - place if colormap.backwards else place)
    return colours.clip(0, 255).round().astype(np.uint8)


def _colours_at(colormap: ColourMap, place: NDArray[np.float64]) -> NDArray[np.float64]:
    """Colours at places from 0, cold, to 1, hot: (N,) to (N, 3), red, green and blue from 0 to 255."""
    if not colormap.colours:
        code = getattr(cv2, f"COLORMAP_{colormap.name.upper()}")
        table = cv2.applyColorMap(np.arange(256, dtype=np.uint8).reshape(-1, 1), code).reshape(-1, 3)[:, ::-1]
        used = _HOT_FIRST.get(colormap.name)
        return _between(table.astype(np.float64), place if used is None else (1 - place) * used)
    stops = np.array([rgb(colour) for colour in colormap.colours], np.float64)
    return _from_oklab(_between(_oklab(stops), place)) if colormap.perceptual else _between(stops, place)


def _between(stops: NDArray[np.float64], place: NDArray[np.float64]) -> NDArray[np.float64]:
    """Along ``stops``, which are equally far apart: (stops, 3) and (N,) to (N, 3)."""
    at = place * (len(stops) - 1)
    return np.stack([np.interp(at, np.arange(len(stops)), channel) for channel in stops.T], axis=-1)


def _oklab(colours: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 3) red, green, blue from 0 to 255 to lightness, a and b."""
    return np.asarray(np.cbrt(linear(colours) @ _TO_CONES.T) @ _TO_OKLAB.T)


def _from_oklab(colours: NDArray[np.float64]) -> NDArray[np.float64]:
    """The way back from ``_oklab``."""
    light = (colours @ np.linalg.inv(_TO_OKLAB).T) ** 3 @ np.linalg.inv(_TO_CONES).T
    light = light.clip(0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def linear(colours: NDArray[np.float64]) -> NDArray[np.float64]:
    """Red, green, blue of sRGB from 0 to 255 as shares of full light (IEC 61966-2-1)."""
    encoded = colours / 255
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
