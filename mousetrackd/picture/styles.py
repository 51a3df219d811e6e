"""How each layer is drawn where the user has chosen nothing else. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mousetrackd.core.layers import COUNTS, DWELL, SCROLL, TRAVEL
from mousetrackd.core.validity import CELL_SHARE

SIGMA_OF_CELLS: Final = 0.8 * CELL_SHARE
"""The least sigma, as a share of the shorter side, at which cells join into lines."""
WIDEST: Final = 2.0
"""How much wider than its own a layer's sigma gets while little is counted."""


@dataclass(frozen=True)
class Style:
    """How a layer is drawn by default.

    title: of a picture of it alone. short: its name among others. caption: what its colour bar measures. sigma_share:
    how far its heat spreads, as a share of the monitor's shorter side. opaque_from: the share of its scale from which
    it hides what is below it; up to there it fades in, by the power ``fade``: above 1 rare places are faint. strength:
    how much of that even its hottest place hides, 0 to 1. plenty: from how many counted pixels on its sigma is its own;
    while there are fewer it is wider. 0: it never is. mark: the one colour it has over other layers, on dark and on
    light; None where it has those of its map there too. pixels_a_cell: how many counted pixels a cell represents where
    hours of the past are drawn from cells.
    """

    title: str
    short: str
    caption: str
    colormap: str
    sigma_share: float
    opaque_from: float
    strength: float = 1.0
    fade: float = 1.0
    plenty: int = 0
    mark: tuple[str, str] | None = None
    pixels_a_cell: int = 1

    def sigma_px(self, sigma: float | str, shorter_px: int, widening: float = 1.0) -> float:
        """``Look.sigma`` in px of a monitor whose shorter side has ``shorter_px``.

        "auto" is the style's own, times ``widening``.
        """
        if sigma == "auto":
            return self.sigma_share * shorter_px * widening
        if isinstance(sigma, str):
            return float(sigma.removesuffix("%")) / 100 * shorter_px
        return float(sigma)

    def widening(self, counted_px: int, *, in_cells: bool = False) -> float:
        """How much wider the sigma is where so few pixels were counted, from 1 to ``WIDEST``.

        in_cells: hours of the past are among them, of which each cell is one pixel. Lines, finer than cells, would fall
        into dots: they become as wide as these.

        The best bandwidth of n points in the plane falls with n^(-1/6): Scott, Multivariate Density Estimation, 1992.
        The first five minutes are blobs as well as a year is. Heat stays what it is, a sum weighted by a Gaussian that
        is 1 at the point itself: only "around" is farther.
        """
        if in_cells and not self.plenty:
            return max(SIGMA_OF_CELLS / self.sigma_share, 1)
        represented_px = counted_px * (self.pixels_a_cell if in_cells else 1)
        return float(min(max((self.plenty / max(represented_px, 1)) ** (1 / 6), 1), WIDEST))


def _buttons(title: str, short: str, colormap: str, on_dark: str, on_light: str, opaque_from: float = 0.3) -> Style:
    return Style(title, short, "presses", colormap, 0.0045, opaque_from, plenty=500, mark=(on_dark, on_light))


STYLES: Final[Mapping[str, Style]] = {
    # 1.7 %, by eye: at 1.2 % a day falls into dots.
    DWELL: Style(
        "Where the pointer rested",
        "rest",
        "time at and around each point",
        "ember",
        0.017,
        0.25,
        plenty=20_000,
        pixels_a_cell=5,  # 2 to 8 in an hour of recorded people
    ),
    # Ways gone once are hardly seen over other layers: together they would lie on them like a veil.
    TRAVEL: Style("Where the pointer went", "travel", "crossings", "ice", 0.0009, 0.9, 0.7, fade=2),
    # The marks were searched for: in CAM02-UCS each is at least 15 from the others and from all of ember, for normal
    # and for colour-blind eyes. tests/unit/test_layer_colours.py measures it. Left clicks without rests below are in
    # ember, so that this holds in a picture of clicks as well. They are many: a lone one lets the rests below be seen,
    # while one of another button is opaque.
    "clicks.left": _buttons("Left clicks", "left clicks", "ember", "#00e5ff", "#1b00f2", 0.45),
    "clicks.middle": _buttons("Middle clicks", "middle clicks", "leaf", "#00b894", "#369494"),
    "clicks.right": _buttons("Right clicks", "right clicks", "lilac", "#8a6bff", "#9479e4"),
    "clicks.other": _buttons("Clicks of other buttons", "other clicks", "coral", "#aa79aa", "#0d4300"),
    SCROLL: Style("Where the wheel was turned", "scroll", "steps", "rose", 0.012, 0.6, plenty=200),
    COUNTS: Style("Heatmap", "counts", "count at and around each point", "ember", 0.017, 0.25, plenty=20_000),
}
