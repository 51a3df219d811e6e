"""A picture of a scene: every monitor in its place, one layer or several over each other, and the legend. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np

from mousetrackd.core.exclusions import Exclusions
from mousetrackd.picture import blend, captions, heat, legend, under
from mousetrackd.picture.colours import is_colour, rgb
from mousetrackd.picture.heat_layers import HeatLayer, Measure, heat_layers, measures_of
from mousetrackd.picture.png import Picture

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mousetrackd.picture.look import Look
    from mousetrackd.picture.scene import Scene
    from mousetrackd.storage.query import Reading

_Masks: TypeAlias = tuple["NDArray[np.bool_]", "NDArray[np.bool_]"]
"""Where nothing is shown, and the outlines of the monitors. Both (H, W)."""


def draw(scene: Scene, look: Look, measures: Mapping[str, Measure] | None = None) -> Picture:
    """Draw every monitor in its place, one layer or several.

    measures: how each layer is measured, to make pictures comparable; None chooses. A layer without counts is a
    picture of the background. Raises UsageError for a layer or colour map that does not exist.
    """
    scene = scene.with_all_monitors()
    layers = heat_layers(scene, look, measures or {})
    facts = captions.facts(scene, look, layers)
    masks = _masks(scene)
    if len(layers) == 1 and scene.over is None:
        return _indexed(layers[0], look, facts, masks)
    return _composed(scene, look, layers, facts, masks)


def measures(scene: Scene, look: Look, readings: Sequence[Reading]) -> dict[str, Measure]:
    """How each layer is to be measured so that pictures of all ``readings`` can be compared."""
    return measures_of(scene.with_all_monitors(), look, readings)


def _masks(scene: Scene) -> _Masks | None:
    """Of several monitors the outlines and what lies between them, and what is excluded; None when there is neither."""
    layout = scene.layout
    rules = Exclusions()
    rules.rule(scene.exclude)
    excluded = rules.on(layout)
    several = len(layout.placements) > 1
    if not several and not excluded.size:
        return None
    left, top, width_px, height_px = layout.bounds()
    inside = np.zeros((height_px, width_px), np.uint8)
    outline = np.zeros((height_px, width_px), np.uint8)
    thick = max(1, height_px // 1000)
    for placement in layout.placements:
        x, y = placement.desktop_x - left, placement.desktop_y - top
        corner = (x + placement.monitor.width_px - 1, y + placement.monitor.height_px - 1)
        cv2.rectangle(inside, (x, y), corner, 1, cv2.FILLED)
        if several:
            cv2.rectangle(outline, (x, y), corner, 1, thick)
    for from_x, from_y, to_x, to_y in np.maximum(excluded - (left, top, left, top), 0):
        inside[from_y:to_y, from_x:to_x] = 0
    return ~inside.astype(bool), outline.astype(bool)


def _indexed(layer: HeatLayer, look: Look, facts: Mapping[str, object], masks: _Masks | None) -> Picture:
    """One layer: a palette picture, three times smaller and quicker to write than true colour."""
    pixels = layer.levels
    if masks is not None:
        nothing, outline = masks
        pixels[nothing] = legend.HEAT_LEVELS
        pixels[outline] = legend.HEAT_LEVELS + legend.TEXT_LEVELS // 3
    palette = np.full((256, 4), 255, np.uint8)
    palette[: legend.HEAT_LEVELS] = blend.on_background(layer.colours, look.background)
    palette[legend.HEAT_LEVELS :, :3] = legend.text_palette()
    if look.legend:
        strip = legend.draw(captions.caption(facts, [layer]), pixels.shape[1])
        pixels = np.vstack([pixels, legend.as_levels(strip)])
    return Picture(pixels, palette, facts)


def _composed(
    scene: Scene, look: Look, layers: Sequence[HeatLayer], facts: Mapping[str, object], masks: _Masks | None
) -> Picture:
    """Several layers over each other, or over an image, in true colour."""
    height_px, width_px = layers[0].levels.shape
    strip = legend.Strip(np.empty((0, width_px), np.uint8), ())
    shown = [layer for layer in layers if layer.total]
    if look.legend:
        strip = legend.draw(captions.caption(facts, shown or layers[:1]), width_px)
    # Colours are multiplied by their opacity while layers are laid, so that one formula does for all channels.
    channels = 4 if scene.over is None and look.background == "transparent" else 3
    canvas = np.empty((height_px + len(strip.ink), width_px, channels), np.uint8)
    desktop, below = canvas[:height_px], canvas[height_px:]
    if scene.over is None:
        background = blend.on_background(layers[0].colours, look.background).astype(np.uint16)
        background[:, :3] = background[:, :3] * background[:, 3:] // 255
        table = background[:, :channels].astype(np.uint8)
        for band in heat.bands(len(desktop)):
            desktop[band] = table[layers[0].levels[band]]
    else:
        background_rgb = rgb(look.background) if is_colour(look.background) else legend.PANEL
        desktop[:] = under.draw(scene.over, width_px, height_px, background_rgb)
        blend.lay_over(desktop, layers[0], look.opacity, on_image=True)
    for layer in layers[1:]:
        blend.lay_over(desktop, layer, 1.0 if scene.over is None else look.opacity)
    if channels == 4:
        blend.divide_by_opacity(desktop)
    ramp = np.concatenate([legend.text_palette(), np.full((legend.TEXT_LEVELS, 1), 255, np.uint8)], axis=1)
    if masks is not None:
        nothing, outline = masks
        desktop[nothing] = ramp[0, :channels]
        desktop[outline] = ramp[legend.TEXT_LEVELS // 3, :channels]
    below[:] = ramp[strip.ink.astype(np.uint16) * (legend.TEXT_LEVELS - 1) // 255, :channels]
    for layer, (rows, columns) in zip(shown, strip.bars, strict=False):
        below[rows, columns, :3] = layer.colours[legend.bar_levels(columns.stop - columns.start)]
    return Picture(canvas, None, facts)
