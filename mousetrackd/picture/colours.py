"""The colours of a picture, by name. Pure, and without cv2, so that a configuration can be checked cheaply."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mousetrackd.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OPENCV_MAPS: Final = (
    *("autumn", "bone", "cividis", "cool", "deepgreen", "hot", "hsv", "inferno", "jet", "magma", "ocean"),
    *("parula", "pink", "plasma", "rainbow", "spring", "summer", "turbo", "twilight", "twilight_shifted"),
    *("viridis", "winter"),
)
"""Colour maps that cv2.applyColorMap knows (OpenCV documentation, ColormapTypes)."""

OWN_MAPS: Final[Mapping[str, tuple[str, ...]]] = {
    "ember": ("#07080d", "#181438", "#4a1568", "#95225f", "#d9483b", "#f98e2b", "#fdd06a", "#fffbe6"),
    "ice": ("#05070c", "#0b2440", "#11597f", "#2f9fb8", "#8fdcd7", "#f4fffb"),
    # The nine colours of the answer this project began with: blue, cyan, green, yellow, red.
    "classic": (
        *("#00008f", "#0000ff", "#007fff", "#00ffff", "#7fff7f"),
        *("#ffff00", "#ff7f00", "#ff0000", "#7f0000"),
    ),
    "leaf": ("#050a07", "#0d3b24", "#1f7a43", "#6cc24a", "#e4f5a8"),
    "sky": ("#05080d", "#0f3a6b", "#2f7de1", "#8cc4ff", "#f2f9ff"),
    "coral": ("#0d0706", "#6b2014", "#e1553a", "#ffab8c", "#fff5f0"),
    "rose": ("#0d060a", "#5e1447", "#c9419b", "#f59bd0", "#fff2fa"),
    "lilac": ("#09060d", "#43206b", "#9a54e0", "#d3aaff", "#faf5ff"),
}
"""Maps of our own, each from cold to hot."""

HEX: Final = re.compile(r"#[0-9a-fA-F]{6}")
"""How a colour is written: red, green and blue in hexadecimal."""


def is_colour(text: object) -> bool:
    """True for a colour like ``#ff8800``."""
    return isinstance(text, str) and HEX.fullmatch(text) is not None


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green, blue from 0 to 255. Raises UsageError when ``colour`` is none."""
    if not is_colour(colour):
        raise UsageError(f'"{colour}" is not a colour', "Write red, green and blue in hexadecimal, like #ff8800.")
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def colour_list(name: str, users: Mapping[str, Sequence[str]]) -> Sequence[str] | None:
    """The colours of a map of the user's or ours; None when it is one of OpenCV's.

    Raises UsageError for a name that nobody knows.
    """
    if name in users:
        return users[name]
    name = name.lower()
    if name in OWN_MAPS:
        return OWN_MAPS[name]
    if name in OPENCV_MAPS:
        return None
    known = sorted({*users, *OWN_MAPS, *OPENCV_MAPS})
    raise UsageError(f'there is no colour map "{name}"', f"There are: {', '.join(known)}")
