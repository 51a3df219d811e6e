"""The colours of a picture, by name. Pure, and without cv2, so that a configuration can be checked cheaply."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mousetrackd.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

OPENCV_MAPS: Final = (
    *("autumn", "bone", "cividis", "cool", "deepgreen", "hot", "hsv", "inferno", "jet", "magma", "ocean"),
    *("parula", "pink", "plasma", "rainbow", "spring", "summer", "turbo", "twilight", "twilight_shifted"),
    *("viridis", "winter"),
)
"""Colour maps that cv2.applyColorMap knows (OpenCV documentation, ColormapTypes)."""

OWN_MAPS: Final[Mapping[str, tuple[str, ...]]] = {
    "ember": (
        *("#07080d", "#1b1432", "#3a195f", "#601771", "#7f216a", "#9b2e59", "#be3c4c"),
        *("#e04e38", "#f2722e", "#fb9934", "#fbc262", "#fce8a2", "#fffbe6"),
    ),
    "ice": (
        *("#05070c", "#0a2037", "#14415a", "#166384", "#0e86a6"),
        *("#40acc0", "#78ccd0", "#b3ede2", "#f4fffb"),
    ),
    "leaf": (
        *("#050a07", "#0d2014", "#0f361f", "#0f4c26", "#146333", "#217c46"),
        *("#3a9246", "#52a843", "#6bc149", "#90d864", "#bce885", "#e4f5a8"),
    ),
    "sky": (
        *("#05080d", "#0c1c30", "#0e315a", "#124886", "#175fb5", "#2b7ade"),
        *("#5097f2", "#77b4fb", "#9fd0ff", "#cbe7ff", "#f2f9ff"),
    ),
    "coral": (
        *("#0d0706", "#2d100b", "#501910", "#772417", "#9f3320", "#c7452d"),
        *("#ec6144", "#fa8a69", "#ffb192", "#ffd4c1", "#fff5f0"),
    ),
    "rose": (
        *("#0d060a", "#280c1e", "#461035", "#68174f", "#8a2069", "#ad2e84"),
        *("#cd459f", "#e369b6", "#f18ec9", "#fbb2dc", "#fed4ec", "#fff2fa"),
    ),
    "lilac": (
        *("#09060d", "#1b102a", "#30194d", "#482373", "#622e98", "#7d3cbc", "#9650dc"),
        *("#ac6cef", "#bf8af8", "#d2a8ff", "#e2c4ff", "#eedeff", "#faf5ff"),
    ),
}
"""Maps of our own, each from cold to hot, in steps that look equal (tests/unit/test_colormap.py measures them)."""

CLASSIC: Final = "classic"
CLASSIC_COLOURS: Final = (
    *("#0000ff", "#00ffff", "#00ffbf", "#00ff00", "#bfff00"),
    *("#ffff00", "#ffcc00", "#ffb300", "#ff0000"),
)
"""The map of the original answer: (0,0,1) (0,1,1) (0,1,0.75) (0,1,0) (0.75,1,0) (1,1,0) (1,0.8,0) (1,0.7,0) (1,0,0)
from cold to hot, in even steps of red, green and blue, as matplotlib's LinearSegmentedColormap.from_list makes it.

It is here for nostalgia: its lightness goes up and down, so more is not always brighter.
"""

DIFFERENCE_MAPS: Final[Mapping[str, tuple[str, ...]]] = {
    "difference": (
        *("#b8e6fd", "#61c4fa", "#249ce2", "#1875b7", "#0e508c", "#052e61"),
        "#141414",
        *("#4c2304", "#74400c", "#9d6016", "#c58420", "#ecaa2b", "#fdd98f"),
    ),
    "difference_light": (
        *("#063897", "#1059b6", "#1a7ad8", "#2c9cf8", "#73befa", "#b1ddfc"),
        "#f7f7f7",
        *("#fccc96", "#fa9e30", "#d87e21", "#b46119", "#904510", "#6c2d09"),
    ),
}
"""From less (blue) over the same (the background of a dark or a light page) to more (orange).

Both arms have the same lightness at each step of Oklab, so that neither looks stronger, and nearly all the chroma that
sRGB has there; their hues are 262 to 230 and 45 to 85 degrees. tests/unit/test_difference_maps.py measures lightness
and the distance of the arms for normal and for colour-blind eyes.
"""

REVERSED: Final = "_r"
"""What the name of every map may end in: the same colours from hot to cold."""

HEX: Final = re.compile(r"#[0-9a-fA-F]{6}")
"""How a colour is written: red, green and blue in hexadecimal."""


@dataclass(frozen=True)
class ColourMap:
    """A colour map, found by its name.

    name: without "_r", in lower case unless it is the user's. colours: hexadecimal, from cold to hot; none where it is
    one of OpenCV's. perceptual: between two colours go by steps that look equal, not by equal steps of red, green and
    blue. backwards: from hot to cold.
    """

    name: str
    colours: Sequence[str]
    perceptual: bool = False
    backwards: bool = False


def is_colour(text: object) -> bool:
    """True for a colour like ``#ff8800``."""
    return isinstance(text, str) and HEX.fullmatch(text) is not None


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green, blue from 0 to 255. Raises UsageError when ``colour`` is none."""
    if not is_colour(colour):
        raise UsageError(f'"{colour}" is not a colour', "Write red, green and blue in hexadecimal, like #ff8800.")
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def map_names(users: Iterable[str]) -> list[str]:
    """The names of all maps: the user's, ours, OpenCV's. Each may end in ``REVERSED`` as well."""
    return [*users, *OWN_MAPS, CLASSIC, *OPENCV_MAPS]


def find_map(name: str, users: Mapping[str, Sequence[str]]) -> ColourMap | None:
    """The map of this name, the user's own first; None where there is none. Ours and OpenCV's are found in any case."""
    if name in users:
        return ColourMap(name, users[name])
    plain = name.lower()
    if plain in OWN_MAPS:
        return ColourMap(plain, OWN_MAPS[plain], perceptual=True)
    if plain == CLASSIC:
        return ColourMap(plain, CLASSIC_COLOURS)
    if plain in OPENCV_MAPS:
        return ColourMap(plain, ())
    if plain.endswith(REVERSED) and (forwards := find_map(name[: -len(REVERSED)], users)) and not forwards.backwards:
        return ColourMap(forwards.name, forwards.colours, forwards.perceptual, backwards=True)
    return None


def colour_map(name: str, users: Mapping[str, Sequence[str]]) -> ColourMap:
    """As ``find_map``. Raises UsageError for a name that nobody knows."""
    found = find_map(name, users)
    if found is None:
        known = ", ".join(sorted({*map_names(users)}))
        raise UsageError(f'there is no colour map "{name}"', f"There are: {known}; with {REVERSED} each is reversed.")
    return found
