"""The past: how much a picture from the cells of an hour differs from one of its pixels."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from benchmarks import keeping, motion
from benchmarks.table import Row, at_most
from mousetrackd.config import SnapshotConfig
from mousetrackd.core import cells
from mousetrackd.core.accumulator import Tally
from mousetrackd.core.counts import Counts
from mousetrackd.core.layout import Layout
from mousetrackd.core.series import Series
from mousetrackd.picture.heat_layers import Measure, heat_layers, measures_of
from mousetrackd.picture.legend import HEAT_LEVELS
from mousetrackd.picture.look import Look
from mousetrackd.picture.scene import Scene
from mousetrackd.picture.theme import theme_of
from mousetrackd.storage.readings import Reading

_LEVELS = 1
"""Of 255, the mean difference at the default sigma."""
_LAYERS = ("dwell", "travel", "clicks.left")


def accuracy(*, quick: bool) -> Iterator[Row]:
    """Each layer of an hour, on one scale: travel as wide as it is drawn from cells, the others as always."""
    for name, layout, tally in _hours(quick=quick):
        for layer in _LAYERS:
            counts = {series: one for series, one in tally.counts.items() if series.layer == layer and one.pixels}
            exact, coarse = (
                Scene(Reading(found, cell_px=1), layout).with_all_monitors() for found in (counts, _from_cells(counts))
            )
            look = SnapshotConfig(layer=[layer], legend=False)
            scale = measures_of(coarse, look, [coarse.reading])
            difference = np.abs(_levels(exact, look, scale) - _levels(coarse, look, scale))
            yield at_most(
                f"an hour of {layer} from cells, {name}",
                float(difference.mean()),
                _LEVELS,
                "levels",
                beside=f"at most {difference.max():.0f} of 255, at one pixel",
            )


def _hours(*, quick: bool) -> Iterator[tuple[str, Layout, Tally]]:
    for screen in ("1920x1080", "2x4K"):
        yield screen, motion.SCREENS[screen], motion.template_hours(screen, 1)[0]
    if motion.sessions():
        layout, sessions = keeping.sessions_of("recorded", 0)
        for nth, events in enumerate(sessions[: 1 if quick else 3], 1):
            yield f"recorded {nth}", layout, motion.count(events, layout)


def _from_cells(counts: dict[Series, Counts]) -> dict[Series, Counts]:
    return {series: cells.gathered(one, cells.cell_px(one.width_px, one.height_px)) for series, one in counts.items()}


def _levels(scene: Scene, look: Look, scale: Mapping[str, Measure]) -> NDArray[np.float32]:
    """The levels of the picture, (H, W), 0 to 255."""
    (found,) = heat_layers(scene, look, scale, theme_of(scene, look))
    return found.levels.astype(np.float32) * np.float32(255 / (HEAT_LEVELS - 1))
