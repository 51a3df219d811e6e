"""How each layer is drawn where the user has chosen nothing else. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mousetrackd.core.layers import COUNTS, DWELL, SCROLL, TRAVEL

WIDEST: Final = 2.0
"""How much wider than its own a layer's sigma gets while little is counted."""


@dataclass(frozen=True)
class Style:
    """How a layer is drawn by default.

    title: of a picture of it alone. short: its name among others. caption: what its colour bar measures. sigma_share:
    how far its heat spreads, as a share of the monitor's shorter side. opaque_from: the share of its scale from which
    it hides what is below it; up to there it fades in. strength: how much of that even its hottest place hides, 0 to 1.
    plenty: from how many counted pixels on its sigma is its own; while there are fewer it is wider. 0: it never is.
    """

    title: str
    short: str
    caption: str
    colormap: str
    sigma_share: float
    opaque_from: float
    strength: float = 1.0
    plenty: int = 0

    def sigma_px(self, sigma: float | str, shorter_px: int, widening: float = 1.0) -> float:
        """``Look.sigma`` in px of a monitor whose shorter side has ``shorter_px``.

        "auto" is the style's own, times ``widening``.
        """
        if sigma == "auto":
            return self.sigma_share * shorter_px * widening
        if isinstance(sigma, str):
            return float(sigma.removesuffix("%")) / 100 * shorter_px
        return float(sigma)

    def widening(self, counted_px: int) -> float:
        """How much wider the sigma is where so few pixels were counted, from 1 to ``WIDEST``.

        The best bandwidth of n points in the plane falls with n^(-1/6): Scott, Multivariate Density Estimation, 1992.
        The first five minutes are blobs as well as a year is. Heat stays what it is, a sum weighted by a Gaussian that
        is 1 at the point itself: only "around" is farther.
        """
        return float(min(max((self.plenty / max(counted_px, 1)) ** (1 / 6), 1), WIDEST))


STYLES: Final[Mapping[str, Style]] = {
    # 1.7 %, by eye: at 1.2 % a day falls into dots.
    DWELL: Style(
        "Where the pointer rested", "rest", "time at and around each point", "ember", 0.017, 0.25, plenty=20_000
    ),
    TRAVEL: Style("Where the pointer went", "travel", "crossings", "ice", 0.0009, 0.9, 0.45),
    "clicks.left": Style("Left clicks", "left clicks", "presses", "sky", 0.0045, 0.3, plenty=500),
    "clicks.middle": Style("Middle clicks", "middle clicks", "presses", "leaf", 0.0045, 0.3, plenty=500),
    "clicks.right": Style("Right clicks", "right clicks", "presses", "coral", 0.0045, 0.3, plenty=500),
    "clicks.other": Style("Clicks of other buttons", "other clicks", "presses", "lilac", 0.0045, 0.3, plenty=500),
    SCROLL: Style("Where the wheel was turned", "scroll", "steps", "rose", 0.012, 0.6, plenty=200),
    COUNTS: Style("Heatmap", "counts", "count at and around each point", "ember", 0.017, 0.25, plenty=20_000),
}
