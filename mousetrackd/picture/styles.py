"""How each layer is drawn where the user has chosen nothing else. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mousetrackd.core.layers import COUNTS, DWELL, SCROLL, TRAVEL


@dataclass(frozen=True)
class Style:
    """How a layer is drawn by default.

    title: of a picture of it alone. short: its name among others. caption: what its colour bar measures. sigma_share:
    how far its heat spreads, as a share of the monitor's height. opaque_from: the share of its scale from which it
    hides what is below it; up to there it fades in. strength: how much of that even its hottest place hides, 0 to 1.
    """

    title: str
    short: str
    caption: str
    colormap: str
    sigma_share: float
    opaque_from: float
    strength: float = 1.0

    def sigma_px(self, sigma: float | str, height_px: int) -> float:
        """``Look.sigma`` in px of a monitor of ``height_px``: "auto" is the style's own."""
        if sigma == "auto":
            return self.sigma_share * height_px
        if isinstance(sigma, str):
            return float(sigma.removesuffix("%")) / 100 * height_px
        return float(sigma)


STYLES: Final[Mapping[str, Style]] = {
    DWELL: Style("Where the pointer rested", "rest", "time at and around each point", "ember", 0.012, 0.25),
    TRAVEL: Style("Where the pointer went", "travel", "crossings", "ice", 0.0009, 0.9, 0.45),
    "clicks.left": Style("Left clicks", "left clicks", "presses", "sky", 0.0045, 0.3),
    "clicks.middle": Style("Middle clicks", "middle clicks", "presses", "leaf", 0.0045, 0.3),
    "clicks.right": Style("Right clicks", "right clicks", "presses", "coral", 0.0045, 0.3),
    "clicks.other": Style("Clicks of other buttons", "other clicks", "presses", "lilac", 0.0045, 0.3),
    SCROLL: Style("Where the wheel was turned", "scroll", "steps", "rose", 0.012, 0.6),
    COUNTS: Style("Heatmap", "counts", "count at and around each point", "ember", 0.012, 0.25),
}
