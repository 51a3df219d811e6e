"""What a count is of. A mapping of counts has one entry for each series."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mousetrackd.core.monitors import Monitor


class Series(NamedTuple):
    """The key of counts: the screen on which, and the layer in which, they were made.

    layer: one of ``layers.LAYERS``.
    """

    monitor: Monitor
    layer: str
