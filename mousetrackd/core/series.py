"""What a count is of. A mapping of counts has one entry for each series."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mousetrackd.core.monitors import Monitor


class Series(NamedTuple):
    """The key of counts: the screen on which, the layer in which, and the application for which they were made.

    layer: one of ``layers.LAYERS``. application: its identity; "" for the sum of all. grid: 0 for the pixels of the
    monitor; else the counts are of so many by so many equal parts of the application's window.
    """

    monitor: Monitor
    layer: str
    application: str = ""
    grid: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of its counts."""
        return (self.grid, self.grid) if self.grid else (self.monitor.width_px, self.monitor.height_px)
