"""What a picture shows, and where each monitor is in it. Pure."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from mousetrackd.core.layers import COUNTS, UNITS
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import SIDE_MAX_PX, Monitor, Placement
from mousetrackd.picture import under

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import tzinfo

    from PIL import Image

    from mousetrackd.core.monitors import Exclusion
    from mousetrackd.storage.readings import Reading

CANVAS_MAX_PX: Final = 160_000_000
"""The largest desktop that is drawn as it is arranged: four 8K monitors."""
CANVAS_SIDE_MAX_PX: Final = 4 * SIDE_MAX_PX


@dataclass(frozen=True)
class Scene:
    """What is drawn.

    reading: the counts. layout: the monitors' positions; a monitor with counts and without a position is put to the
    right of the others. exclude: where nothing may be shown, drawn as holes. over: an image to lie under the heat,
    in its own shape. colormaps: the user's own, each a list of colours from cold to hot.
    only: which hours and days were chosen, as the caption shows them. zone: of the caption's times; None is local.
    unit, counts_per_unit: of the layer ``COUNTS``; numbers that were not whole were multiplied by the second to be
    counted, and are divided by it where they are shown.
    frame: what of the desktop the picture is, as ``bounds``; None is all of it. zoom: how many px of the picture one px
    of a monitor is; see ``sizing``. where: what the legend calls the screens; empty is their names.
    """

    reading: Reading
    layout: Layout
    exclude: Sequence[Exclusion] = ()
    over: Image.Image | None = None
    colormaps: Mapping[str, Sequence[str]] = field(default_factory=dict)
    only: str = ""
    zone: tzinfo | None = None
    unit: str = ""
    counts_per_unit: float = 1.0
    frame: tuple[int, int, int, int] | None = None
    zoom: float = 1.0
    where: str = ""

    def bounds(self) -> tuple[int, int, int, int]:
        """Left, top, width and height in px of the picture, without its legend."""
        return self.frame or self.layout.bounds()

    def unit_of(self, layer: str) -> str:
        """The unit of a layer's counts: "ms", or what is counted; nothing where that is not known."""
        return self.unit if layer == COUNTS else UNITS[layer]

    def counts_per(self, layer: str) -> float:
        """How many counts of a layer are one of its unit: 1 where whole numbers were counted."""
        return self.counts_per_unit if layer == COUNTS else 1.0

    def with_all_monitors(self) -> Scene:
        """The scene with a position for every monitor that has counts, and a sentence for each that does not fit."""
        layout = append_unplaced_monitors(self.layout, {series.monitor for series in self.reading.counts})
        left_out = [*self.reading.left_out, *layout.left_out]
        _, _, width_px, height_px = layout.bounds()
        if self.over is not None and under.is_fitted(self.over, width_px, height_px):
            left_out.append(
                f"the image of {self.over.width}x{self.over.height} has another shape than the {width_px}x{height_px} "
                "of the screen: it is fitted, with margins"
            )
        reading = replace(self.reading, left_out=tuple(dict.fromkeys(left_out)))
        return replace(self, layout=layout, reading=reading)


def append_unplaced_monitors(layout: Layout, counted: Iterable[Monitor]) -> Layout:
    """The layout, and to its right, side by side, each of the ``counted`` monitors that has no position in it.

    What would be too large a picture is arranged closer together, or left out with a sentence: see ``fit_canvas``.
    """
    unplaced: list[Monitor] = []
    for monitor in sorted(counted, key=lambda m: (-m.width_px * m.height_px, m)):
        placed = (*layout.monitors, *unplaced)
        if not any(_is_same_screen(monitor, other) for other in placed):
            unplaced.append(monitor)
    if not layout.placements and not unplaced:
        unplaced = [Monitor("screen", 1920, 1080)]
    return fit_canvas(layout, unplaced)


def fit_canvas(layout: Layout, unplaced: Iterable[Monitor] = ()) -> Layout:
    """The layout as it is drawn in one picture: as it is, and ``unplaced`` monitors side by side to its right.

    Where that would be too large, all of them are arranged close together, and those that do not fit even so are left
    out, with a sentence.
    """
    others = [Placement(monitor, 0, 0) for monitor in unplaced]
    left, top, width_px, height_px = layout.bounds()
    wide = width_px + sum(one.monitor.width_px for one in others)
    high = max(height_px, *(one.monitor.height_px for one in others), 0)
    if max(wide, high) <= CANVAS_SIDE_MAX_PX and wide * high <= CANVAS_MAX_PX:
        ends = itertools.accumulate((one.monitor.width_px for one in others), initial=left + width_px)
        return Layout(
            [
                *layout.placements,
                *(replace(one, desktop_x=x, desktop_y=top) for one, x in zip(others, ends, strict=False)),
            ],
            layout.left_out,
        )
    placed: list[Placement] = []
    left_out = [*layout.left_out]
    x = y = right = bottom = 0
    for one in (*layout.placements, *others):
        screen = one.monitor
        if x and x + screen.width_px > CANVAS_SIDE_MAX_PX:
            x, y = 0, bottom
        wide, high = max(right, x + screen.width_px), max(bottom, y + screen.height_px)
        if high > CANVAS_SIDE_MAX_PX or wide * high > CANVAS_MAX_PX:
            left_out.append(f"left out {screen.label}: the picture would be too large")
            continue
        placed.append(replace(one, desktop_x=x, desktop_y=y))
        x, right, bottom = x + screen.width_px, wide, high
    return Layout(placed, dict.fromkeys(left_out))


def index_in(layout: Layout, monitor: Monitor) -> int:
    """Which of the layout's monitors it is; of two of one make, whose EDIDs are the same, the one at its connector.

    -1 where there is none: it did not fit into the picture.
    """
    alike = [number for number, here in enumerate(layout.monitors) if _is_same_screen(monitor, here)]
    return next((number for number in alike if layout.monitors[number].output == monitor.output), *alike[:1] or [-1])


def _is_same_screen(one: Monitor, other: Monitor) -> bool:
    """Is it the same screen, perhaps at another resolution?"""
    return one.edid_hash == other.edid_hash and (bool(one.edid_hash) or one.output == other.output)
