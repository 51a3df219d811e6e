"""A picture of a scene: every monitor in its place, one layer or several over each other, and the legend. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from mousetrackd.core.errors import UsageError
from mousetrackd.picture import blend, captions, heat, legend, sizing, under
from mousetrackd.picture.colours import is_colour, rgb
from mousetrackd.picture.heat_layers import HeatLayer, Measure, heat_layers, measures_of
from mousetrackd.picture.masks import Masks, excluded_places, masks
from mousetrackd.picture.png import Picture
from mousetrackd.picture.theme import Theme, theme_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mousetrackd.picture.look import Look
    from mousetrackd.picture.scene import Scene
    from mousetrackd.storage.readings import Reading

_TRIES: Final = 3

_SAMPLED: Final = 16
"""The mean colour of an image is that of every so many-th pixel of every so many-th row."""


def draw(scene: Scene, look: Look, measures: Mapping[str, Measure] | None = None) -> Picture:
    """Draw every monitor in its place, one layer or several.

    measures: how each layer is measured, to make pictures comparable; None chooses. A layer without counts is a
    picture of the background. Raises UsageError for a layer or colour map that does not exist.
    """
    scene = scene.with_all_monitors()
    if look.size_px is None:
        return _drawn(scene, scene, look, measures or {})
    width_px, height_px = look.size_px
    legend_px = 0
    # How high the legend is depends on its words, and those on what is drawn: a second time it is known.
    for _ in range(_TRIES):
        if legend_px >= height_px:
            break
        picture = _drawn(sizing.at_size(scene, width_px, height_px - legend_px), scene, look, measures or {})
        more_px = len(picture.pixels) - height_px
        if not more_px:
            return picture
        legend_px += more_px
    raise UsageError(f"there is no space for the legend in {width_px}x{height_px}", "Draw without it: --no-legend.")


def _drawn(scene: Scene, described: Scene, look: Look, measures: Mapping[str, Measure]) -> Picture:
    """The picture of a scene in which every monitor has a position. described: the same in its own size."""
    theme = theme_of(scene, look)
    layers = heat_layers(scene, look, measures, theme)
    excluded = excluded_places(scene)
    facts = captions.facts(described, look, layers, len(excluded))
    around = masks(scene, excluded)
    if len(layers) == 1 and scene.over is None:
        return _indexed(layers[0], look, theme, facts, around)
    return _composed(scene, look, theme, layers, facts, around)


def measures(scene: Scene, look: Look, readings: Sequence[Reading]) -> dict[str, Measure]:
    """How each layer is to be measured so that pictures of all ``readings`` can be compared."""
    return measures_of(scene.with_all_monitors(), look, readings)


def _indexed(layer: HeatLayer, look: Look, theme: Theme, facts: Mapping[str, object], around: Masks | None) -> Picture:
    """One layer: a palette picture, three times smaller and quicker to write than true colour."""
    pixels = layer.levels
    if around is not None:
        pixels[around.nothing] = legend.HEAT_LEVELS
        pixels[around.lines] = legend.HEAT_LEVELS + theme.line_level
    palette = np.full((256, 4), 255, np.uint8)
    palette[: legend.HEAT_LEVELS] = blend.on_background(layer.colours, theme.background)
    palette[legend.HEAT_LEVELS :, :3] = theme.text_palette()
    if look.legend:
        strip = legend.draw(captions.caption(facts, [layer]), pixels.shape[1])
        pixels = np.vstack([pixels, legend.as_levels(strip)])
    return Picture(pixels, palette, facts)


def _composed(
    scene: Scene,
    look: Look,
    theme: Theme,
    layers: Sequence[HeatLayer],
    facts: Mapping[str, object],
    around: Masks | None,
) -> Picture:
    """Several layers over each other, or over an image, in true colour."""
    height_px, width_px = layers[0].levels.shape
    strip = legend.Strip(np.empty((0, width_px), np.uint8), ())
    shown = [layer for layer in layers if layer.total]
    if look.legend:
        strip = legend.draw(captions.caption(facts, shown or layers[:1]), width_px)
    # Colours are multiplied by their opacity while layers are laid, so that one formula does for all channels.
    channels = 4 if scene.over is None and theme.background == "transparent" else 3
    canvas = np.empty((height_px + len(strip.ink), width_px, channels), np.uint8)
    desktop, below = canvas[:height_px], canvas[height_px:]
    bars = _lay(scene, look, theme, layers, desktop)
    ramp = np.concatenate([theme.text_palette(), np.full((legend.TEXT_LEVELS, 1), 255, np.uint8)], axis=1)
    if around is not None:
        desktop[around.nothing] = ramp[0, :channels]
        desktop[around.lines] = ramp[theme.line_level, :channels]
    below[:] = ramp[strip.ink.astype(np.uint16) * (legend.TEXT_LEVELS - 1) // 255, :channels]
    for layer, (rows, columns) in zip(shown, strip.bars, strict=False):
        below[rows, columns] = bars[layer.layer][0, legend.bar_levels(columns.stop - columns.start)]
    return Picture(canvas, None, facts)


def _lay(
    scene: Scene, look: Look, theme: Theme, layers: Sequence[HeatLayer], desktop: NDArray[np.uint8]
) -> dict[str, NDArray[np.uint8]]:
    """Draw the layers into (H, W, 3 or 4) ``desktop``.

    Returns each layer's colours from cold to hot as they look on what is untouched: (1, HEAT_LEVELS, 3 or 4).
    """
    height_px, width_px, channels = desktop.shape
    bars: dict[str, NDArray[np.uint8]] = {}
    laid, opacity = layers, 1.0
    if scene.over is not None:
        background_rgb = rgb(look.background) if is_colour(look.background) else theme.panel
        desktop[:] = under.draw(scene.over, width_px, height_px, background_rgb)
        untouched = desktop[::_SAMPLED, ::_SAMPLED].mean(axis=(0, 1)).round().astype(np.uint8)
        opacity = look.opacity
    else:
        background = blend.on_background(layers[0].colours, theme.background).astype(np.uint16)
        background[:, :3] = background[:, :3] * background[:, 3:] // 255
        table = background[:, :channels].astype(np.uint8)
        for band in heat.bands(height_px):
            desktop[band] = table[layers[0].levels[band]]
        untouched = table[0]
        bars[layers[0].layer] = table[None].copy()
        laid = layers[1:]
    along = np.arange(legend.HEAT_LEVELS, dtype=np.uint8)[None]
    for layer in laid:
        on_image = scene.over is not None and layer is layers[0]
        bar = np.repeat(untouched[None, None], legend.HEAT_LEVELS, axis=1)
        for pixels, drawn in ((desktop, layer), (bar, replace(layer, levels=along))):
            blend.lay_over(pixels, drawn, opacity, on_image=on_image)
        bars[layer.layer] = bar
    if channels == 4:
        for pixels in (desktop, *bars.values()):
            blend.divide_by_opacity(pixels)
    return bars
