"""How far colours look apart, to normal and to colour-blind eyes. For tests of colour maps and themes.

CAM02-UCS: M. R. Luo, G. Cui, C. Li, "Uniform colour spaces based on CIECAM02 colour appearance model", Color Research
and Application 31, 2006; the viewing conditions are those of sRGB, 64 lux and an average surround.
Colour-blind eyes: G. M. Machado, M. M. Oliveira, L. A. F. Fernandes, "A physiologically-based model for simulation of
color vision deficiency", IEEE TVCG 15, 2009, at full severity.
Contrast: WCAG 2.2, "relative luminance" and "contrast ratio".
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_CAT02 = np.array([[0.7328, 0.4296, -0.1624], [-0.7036, 1.6975, 0.0061], [0.0030, 0.0136, 0.9834]])
_HPE = np.array([[0.38971, 0.68898, -0.07868], [-0.22981, 1.18340, 0.04641], [0.0, 0.0, 1.0]])
_WHITE = np.array([95.047, 100.0, 108.883])  # D65
_ADAPTING = 64 / np.pi / 5  # cd/m2
_SURROUND, _INDUCTION, _GREY = 0.69, 1.0, 0.2  # average surround, background of 20 %

EYES = {
    "normal": np.eye(3),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritan": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
"""What red, green and blue are taken for, as shares of full light."""


def hexadecimal(colours: Sequence[str]) -> NDArray[np.uint8]:
    """(N, 3) from colours like #ff8800."""
    return np.array([[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in colours], np.uint8)


def light(colours: ArrayLike) -> Floats:
    """Red, green, blue of sRGB from 0 to 255 as shares of full light (IEC 61966-2-1)."""
    encoded = np.asarray(colours, np.float64) / 255
    return np.asarray(np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4))


def contrast(one: ArrayLike, other: ArrayLike) -> Floats:
    """The contrast ratio of colours, from 1 to 21; (3,) or (N, 3) each."""
    lighter, darker = (light(colours) @ [0.2126, 0.7152, 0.0722] + 0.05 for colours in (one, other))
    return np.asarray(np.maximum(lighter / darker, darker / lighter))


def lightness(colours: ArrayLike) -> Floats:
    """CIE L* from 0 to 100 of (..., 3) colours."""
    luminance = light(colours) @ _XYZ[1]
    return np.asarray(np.where(luminance > 216 / 24389, 116 * np.cbrt(luminance) - 16, luminance * 24389 / 27))


def seen(colours: ArrayLike, eyes: str = "normal") -> Floats:
    """(N, 3) sRGB from 0 to 255 to CAM02-UCS: lightness, and two axes of colour; equal distances look equal."""
    full = (light(colours) @ EYES[eyes].T).clip(0, 1)
    degree = _INDUCTION * (1 - np.exp((-_ADAPTING - 42) / 92) / 3.6)
    white = _CAT02 @ _WHITE
    adapted = degree * _WHITE[1] / white + 1 - degree
    to_cones = _HPE @ np.linalg.inv(_CAT02)
    share = 1 / (5 * _ADAPTING + 1)
    of_level = 0.2 * share**4 * 5 * _ADAPTING + 0.1 * (1 - share**4) ** 2 * np.cbrt(5 * _ADAPTING)

    def response(cones: Floats) -> Floats:
        power = (of_level * np.abs(cones) / 100) ** 0.42
        return np.asarray(np.sign(cones) * 400 * power / (power + 27.13) + 0.1)

    cones = response((100 * full @ _XYZ.T @ _CAT02.T * adapted) @ to_cones.T)
    of_white = response(to_cones @ (adapted * white))
    a = cones @ [1, -12 / 11, 1 / 11]
    b = cones @ [1 / 9, 1 / 9, -2 / 9]
    hue = np.arctan2(b, a)
    base = 0.725 * _GREY**-0.2
    achromatic, of_white_too = ((one @ [2, 1, 1 / 20] - 0.305) * base for one in (cones, of_white))
    j = 100 * (np.maximum(achromatic, 0) / of_white_too) ** (_SURROUND * (1.48 + _GREY**0.5))
    eccentricity = 12500 / 13 * _INDUCTION * base * (np.cos(hue + 2) + 3.8)
    saturation = eccentricity * np.hypot(a, b) / (cones @ [1, 1, 21 / 20])
    colourfulness = saturation**0.9 * (j / 100) ** 0.5 * (1.64 - 0.29**_GREY) ** 0.73 * of_level**0.25
    radius = np.log1p(0.0228 * colourfulness) / 0.0228
    return np.stack([1.7 * j / (1 + 0.007 * j), radius * np.cos(hue), radius * np.sin(hue)], axis=-1)


def apart(one: ArrayLike, other: ArrayLike, eyes: str = "normal") -> float:
    """The least distance in CAM02-UCS between a colour of (N, 3) and one of (M, 3)."""
    return float(np.linalg.norm(seen(one, eyes)[:, None] - seen(other, eyes)[None], axis=-1).min())
