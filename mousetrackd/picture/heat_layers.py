"""Each layer of a scene as heat levels on the whole desktop, with its colours and its scale. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from mousetrackd.core.layers import CLICK_LAYERS, COUNTS, DWELL, TRAVEL, UNITS
from mousetrackd.picture import heat, legend
from mousetrackd.picture.colormap import ramp
from mousetrackd.picture.colours import colour_map, rgb
from mousetrackd.picture.scene import index_in
from mousetrackd.picture.styles import STYLES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mousetrackd.picture.look import Look
    from mousetrackd.picture.scene import Scene
    from mousetrackd.picture.theme import Theme
    from mousetrackd.storage.readings import Reading

_LEAST_MAX: Final = 5.0
"""Of what is counted one by one the hottest colour is for at least so many: a lone press is not the hottest."""

_LONE_SLACK: Final = 0.05
"""By how much the heat of a lone count may be more than 1, for its cell's middle is not its own: up to 0.02."""


@dataclass(frozen=True)
class Measure:
    """What makes pictures of one layer comparable.

    max_heat: heat of the hottest colour. widening: how much wider than its own its sigma is, see ``Style.widening``.
    """

    max_heat: float
    widening: float = 1.0


@dataclass(frozen=True)
class HeatLayer:
    """One layer on the whole desktop.

    levels: (H, W), 0 for untouched and for no monitor, up to HEAT_LEVELS - 1. colours: (HEAT_LEVELS, 3), cold to hot.
    sigma_px: of the largest monitor. total: the sum of its counts, in its unit.
    """

    layer: str
    levels: NDArray[np.uint8]
    colours: NDArray[np.uint8]
    scale: legend.Scale
    sigma_px: float
    total: float


def heat_layers(scene: Scene, look: Look, measures: Mapping[str, Measure], theme: Theme) -> list[HeatLayer]:
    """The layers that ``look`` names, the lowest first, of a scene in which every monitor has a position.

    measures: how each layer is measured; what is missing there is chosen.
    """
    layers = look.layers
    found: dict[str, HeatLayer] = {}
    for alike in _of_one_scale(layers):  # one after the other: the grids of 4K screens are large
        given = [measures[layer].widening for layer in alike if layer in measures]
        widening = given[0] if given else _widening(alike, scene.reading, in_cells=scene.reading.cell_px > 0)
        grids = {layer: _grids(layer, scene, look, widening) for layer in alike}
        hottest = _max_heats(grids, scene, look)
        hottest |= {layer: measures[layer].max_heat for layer in alike if layer in measures}
        for layer in alike:
            measure = Measure(hottest[layer], widening)
            found[layer] = _heat_layer(layer, scene, look, grids.pop(layer), measure, theme)
    return [found[layer] for layer in layers]


def measures_of(scene: Scene, look: Look, readings: Sequence[Reading]) -> dict[str, Measure]:
    """One measure of each layer for pictures of all ``readings``, as ``heat_layers`` chooses it for the fullest."""
    found: dict[str, Measure] = {}
    for alike in _of_one_scale(look.layers):
        in_cells = any(reading.cell_px for reading in readings)
        widening = min((_widening(alike, reading, in_cells=in_cells) for reading in readings), default=1.0)
        for reading in readings:
            one = replace(scene, reading=reading)
            grids = {layer: _grids(layer, one, look, widening) for layer in alike}
            for layer, max_heat in _max_heats(grids, one, look).items():
                found[layer] = Measure(max(max_heat, found[layer].max_heat if layer in found else 0), widening)
    return found


def _widening(alike: Sequence[str], reading: Reading, *, in_cells: bool) -> float:
    """How much wider the sigma of layers that share a scale is."""
    counted_px = sum(counts.pixels for series, counts in reading.counts.items() if series.layer in alike)
    return STYLES[alike[0]].widening(counted_px, in_cells=in_cells)


def _of_one_scale(layers: Sequence[str]) -> list[list[str]]:
    """The layers in groups that share a scale: all buttons do, for a press is a press."""
    clicks = [layer for layer in layers if layer in CLICK_LAYERS]
    return [*([layer] for layer in layers if layer not in CLICK_LAYERS), *([clicks] if clicks else [])]


def _is_like_first(layer: str, look: Look) -> bool:
    """Do the user's sigma and maximum apply to it? They are meant for the lowest layer, and for those of its unit."""
    return UNITS[layer] == UNITS[look.layers[0]]


def _max_heats(grids: Mapping[str, Sequence[heat.HeatGrid]], scene: Scene, look: Look) -> dict[str, float]:
    """The heat of the hottest colour of layers that share a scale."""
    hottest = max(heat.hottest(of_layer, look.percentile) for of_layer in grids.values())
    if all(
        scene.unit_of(layer) != "ms" and scene.counts_per(layer) == 1 for layer in grids
    ):  # of presses there is a whole number, and so ends their bar
        hottest = max(float(math.ceil(hottest - _LONE_SLACK)), _LEAST_MAX)
    chosen = {
        layer: look.max_heat(scene.unit_of(layer)) * scene.counts_per(layer)
        for layer in grids
        if _is_like_first(layer, look)
    }
    return {layer: chosen.get(layer, 0) or hottest for layer in grids}


def _grids(layer: str, scene: Scene, look: Look, widening: float) -> list[heat.HeatGrid]:
    """A layer's heat on each monitor of the layout; other resolutions of the same screen are added to it."""
    layout = scene.layout
    of_layer = {series.monitor: counts for series, counts in scene.reading.counts.items() if series.layer == layer}
    grids: list[heat.HeatGrid] = []
    for number, here in enumerate(layout.monitors):
        parts = [counts for monitor, counts in of_layer.items() if index_in(layout, monitor) == number]
        sigma_px = _sigma_px(layer, scene, look, min(here.width_px, here.height_px), widening)
        size_px = here.width_px, here.height_px
        if not sigma_px and scene.zoom > 1:  # dots are as large as the pixels they were
            size_px = round(here.width_px / scene.zoom) or 1, round(here.height_px / scene.zoom) or 1
        grid = heat.heat_grid(parts, *size_px, sigma_px, look.edges)
        if layer == TRAVEL:
            # Along a line, many pixels add to the heat of one: a line crossed once is to have the heat 1.
            line = max(math.sqrt(2 * math.pi) * sigma_px / scene.zoom, 1)
            np.divide(grid.cells, np.float32(line), out=grid.cells)
            grid = replace(grid, typical_heat=grid.typical_heat / line)
        grids.append(grid)
    return grids


def _sigma_px(layer: str, scene: Scene, look: Look, shorter_px: int, widening: float) -> float:
    """How far heat spreads on a monitor whose shorter side has so many px in the picture."""
    sigma = look.sigma if _is_like_first(layer, look) else "auto"
    if isinstance(sigma, int | float):
        sigma *= scene.zoom  # px of the monitor
    return STYLES[layer].sigma_px(sigma, shorter_px, widening)


def _heat_layer(
    layer: str, scene: Scene, look: Look, grids: Sequence[heat.HeatGrid], measure: Measure, theme: Theme
) -> HeatLayer:
    layers = look.layers
    style = STYLES[layer]
    largest_px = max((min(one.width_px, one.height_px) for one in scene.layout.monitors), default=0)
    sigma_px = _sigma_px(layer, scene, look, largest_px, measure.widening)
    max_heat = measure.max_heat
    left, top, width_px, height_px = scene.bounds()
    canvas = np.zeros((height_px, width_px), np.uint8)
    # Backwards: of mirrored screens the first is the one that counts.
    for placement, grid in reversed([*zip(scene.layout.placements, grids, strict=True)]):
        y, x = placement.desktop_y - top, placement.desktop_x - left
        shown_px = placement.monitor.width_px, placement.monitor.height_px
        canvas[y : y + shown_px[1], x : x + shown_px[0]] = heat.levels(
            grid,
            shown_px,
            max_heat=max_heat,
            scale=look.scale,
            level_count=legend.HEAT_LEVELS,
            faintest=heat.FAINTEST_DOT if sigma_px == 0 else 0.0,
        )

    def place(share: float) -> float:
        brightness = float(heat.tone(np.array([share], np.float32), look.scale)[0])
        return brightness if sigma_px else heat.dot_tone(brightness)

    scale = legend.Scale(
        _bar_caption(layer, scene) if len(layers) == 1 else style.short,
        max_heat / scene.counts_per(layer),
        scene.unit_of(layer),
        place,
        is_whole=scene.counts_per(layer) == 1,
        clipped=max((float(grid.cells.max()) for grid in grids), default=0.0) > max_heat * 1.001,
    )
    mark = look.mark_of(layer)
    if mark is None:
        colours = ramp(colour_map(look.map_of(layer), scene.colormaps), legend.HEAT_LEVELS)
        colours = theme.turned(colours, is_lowest=layer == layers[0])
    else:
        colours = np.tile(np.array(rgb(mark[theme.is_light]), np.uint8), (legend.HEAT_LEVELS, 1))
    total: float = sum(counts.total for series, counts in scene.reading.counts.items() if series.layer == layer)
    if scene.counts_per(layer) != 1:
        total /= scene.counts_per(layer)
    return HeatLayer(layer, canvas, colours, scale, sigma_px, total)


def _bar_caption(layer: str, scene: Scene) -> str:
    """What the colour bar of a picture of one layer measures."""
    if layer != COUNTS or not scene.unit:
        return STYLES[layer].caption
    return STYLES[DWELL].caption if scene.unit == "ms" else f"{scene.unit} at and around each point"
