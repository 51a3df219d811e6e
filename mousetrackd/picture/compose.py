"""Pictures of the store: composed of all monitors, written whole, kept for a while."""

from __future__ import annotations

import io
import json
import math
import os
import re
import struct
import warnings
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from isal import isal_zlib
from PIL import Image, PngImagePlugin

from mousetrackd import __version__
from mousetrackd.core.errors import MousetrackError
from mousetrackd.core.exclusions import Exclusions
from mousetrackd.core.layers import CLICK_LAYERS, DWELL, SCROLL, TRAVEL, UNITS, expand_layers
from mousetrackd.core.layout import CANVAS_MAX_PX, CANVAS_SIDE_MAX_PX, Layout, drawable
from mousetrackd.core.monitors import Monitor
from mousetrackd.picture import heat, legend
from mousetrackd.picture.colours import colour_list, rgb
from mousetrackd.system.files import make_private, sync_folder, write_whole
from mousetrackd.system.input_files import open_regular

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mousetrackd.config import SnapshotConfig
    from mousetrackd.core.monitors import Exclusion
    from mousetrackd.storage.store import Reading


@dataclass(frozen=True)
class Style:
    """How a layer is drawn when nobody asks for anything else.

    sigma_share: of the screen's height. caption: what its colour bar measures. short: its name among others.
    opaque_from: the share of its scale from which it hides what lies below; up to there it fades in.
    """

    title: str
    short: str
    caption: str
    colormap: str
    sigma_share: float
    opaque_from: float
    strength: float = 1.0
    """How much of what lies below even its hottest place hides."""


STYLES: Final[Mapping[str, Style]] = {
    DWELL: Style("Where the pointer rested", "rest", "time at and around each point", "ember", 0.012, 0.25),
    TRAVEL: Style("Where the pointer went", "travel", "crossings", "ice", 0.0009, 0.9, 0.45),
    "clicks.left": Style("Left clicks", "left clicks", "presses", "sky", 0.0045, 0.3),
    "clicks.middle": Style("Middle clicks", "middle clicks", "presses", "leaf", 0.0045, 0.3),
    "clicks.right": Style("Right clicks", "right clicks", "presses", "coral", 0.0045, 0.3),
    "clicks.other": Style("Clicks of other buttons", "other clicks", "presses", "lilac", 0.0045, 0.3),
    SCROLL: Style("Where the wheel was turned", "scroll", "steps", "rose", 0.012, 0.6),
}


@dataclass(frozen=True)
class Picture:
    """A finished picture: its pixels, and what it says about itself.

    pixels: (H, W) palette indices, or (H, W, 3) red, green, blue, or those and alpha. palette: (256, 4), for the first.
    """

    pixels: NDArray[np.uint8]
    palette: NDArray[np.uint8] | None
    facts: Mapping[str, object]

    @property
    def left_out(self) -> tuple[str, ...]:
        """Sentences about what is not shown, and why."""
        found = self.facts["left_out"]
        return tuple(found) if isinstance(found, list) else ()

    def rgb(self) -> NDArray[np.uint8]:
        """(H, W, 3) red, green, blue."""
        if self.palette is None:
            return self.pixels[..., :3]
        return self.palette[:, :3][self.pixels]

    def png(self) -> bytes:
        """The picture as a PNG file, with its facts in text chunks."""
        text = PngImagePlugin.PngInfo()
        text.add_text("Title", str(self.facts["title"]))
        text.add_text("Software", f"mousetrackd {__version__}")
        text.add_text("mousetrackd", json.dumps(self.facts))
        file = io.BytesIO()
        _write_png(file, self.pixels, self.palette, text)
        return file.getvalue()


def _write_png(
    file: io.BytesIO, pixels: NDArray[np.uint8], palette: NDArray[np.uint8] | None, text: PngImagePlugin.PngInfo
) -> None:
    """Write (H, W) palette indices or (H, W, 3 or 4) colours as a PNG.

    Indices are written less those above, colours less those before: a quarter of the
    time of Pillow's own writing, which does not filter indices and tries every filter on colours.
    """
    height_px, width_px = pixels.shape[:2]
    colour_type = _PNG_INDEXED if palette is not None else _PNG_RGB if pixels.shape[2] == 3 else _PNG_RGBA
    file.write(b"\x89PNG\r\n\x1a\n")
    header = struct.pack(">IIBBBBB", width_px, height_px, 8, colour_type, 0, 0, 0)  # PNG specification, 11.2.2
    PngImagePlugin.putchunk(file, b"IHDR", header)
    if palette is not None:
        PngImagePlugin.putchunk(file, b"PLTE", palette[:, :3].tobytes())
        if not (palette[:, 3] == 255).all():
            PngImagePlugin.putchunk(file, b"tRNS", palette[:, 3].tobytes())
    for name, content, *_ in text.chunks:
        PngImagePlugin.putchunk(file, name, content)
    deflate = isal_zlib.compressobj(1)
    above = np.zeros_like(pixels[:1])
    for band in heat.bands(height_px):
        here = pixels[band]
        lines = np.empty((len(here), 1 + here[0].size), np.uint8)
        differences = lines[:, 1:].reshape(here.shape)
        if palette is None:
            lines[:, 0] = _FILTER_SUB
            differences[:, 0] = here[:, 0]
            np.subtract(here[:, 1:], here[:, :-1], out=differences[:, 1:])
        else:
            lines[:, 0] = _FILTER_UP
            np.subtract(here[:1], above, out=differences[:1])
            np.subtract(here[1:], here[:-1], out=differences[1:])
            above = here[-1:]
        PngImagePlugin.putchunk(file, b"IDAT", deflate.compress(lines.data))
    PngImagePlugin.putchunk(file, b"IDAT", deflate.flush())
    PngImagePlugin.putchunk(file, b"IEND", b"")


UNDER_BRIGHTNESS: Final = 0.45
"""How bright an image under the heat stays."""

_LONE_SLACK: Final = 0.05
"""By how much the heat of a lone count may be more than 1, for its cell's middle is not its own: up to 0.02."""
_FADED_IN: Final = 0.35
"""On a background of the user's, heat up to this share of the scale fades in."""

_FILTER_SUB, _FILTER_UP = 1, 2
"""PNG specification, 9.2: each byte less that of the pixel before it; less the one above it."""


_PNG_RGB, _PNG_INDEXED, _PNG_RGBA = 2, 3, 6
"""PNG specification, 11.2.2: colour types."""


def draw(
    reading: Reading,
    layout: Layout,
    look: SnapshotConfig,
    users_maps: Mapping[str, Sequence[str]],
    *,
    over: Image.Image | None = None,
    max_heats: Mapping[str, float] | None = None,
    only: str = "",
    exclude: Sequence[Exclusion] = (),
    zone: tzinfo | None = None,
) -> Picture:
    """Draw what was read: every monitor in its place, one layer or several.

    layout: how the monitors stand; a screen with counts that stands nowhere is put to the right of the rest.
    users_maps: colour maps of the user's own. over: an image to lie under the heat, dimmed and stretched to the
    desktop's size. max_heats: the heat of the hottest colour by layer, to make pictures comparable; None chooses.
    only: which hours and days were chosen, in words. exclude: where nothing may be shown, drawn as holes.
    zone: whose clock the legend speaks. A layer without counts is
    a picture of the background. Raises UsageError for a layer or colour map that does not exist.
    """
    layers = expand_layers(look.layer)
    layout = with_homeless(layout, {series.monitor for series in reading.counts})
    reading = replace(reading, left_out=(*reading.left_out, *layout.left_out))
    found: dict[str, _DrawnLayer] = {}
    for alike in _of_one_scale(layers):  # one after the other: the grids of 4K screens are large
        grids = {layer: _grids(layer, reading, layout, look, first=_like_first(layer, layers)) for layer in alike}
        hottest = {**_max_heats(grids, look, layers), **(max_heats or {})}
        for layer in alike:
            found[layer] = _draw_layer(
                layer,
                reading,
                layout,
                look,
                users_maps,
                grids=grids.pop(layer),
                top_heat=hottest[layer],
                layers=layers,
            )
    drawn = [found[layer] for layer in layers]
    facts = _facts(reading, layout, look, drawn, only, zone)
    if len(drawn) == 1 and over is None:
        return _indexed(drawn[0], look, facts, _marks(layout, exclude))
    return _composed(drawn, look, facts, _marks(layout, exclude), over)


@dataclass(frozen=True)
class _DrawnLayer:
    """One layer on the whole desktop."""

    layer: str
    levels: NDArray[np.uint8]  # (H, W), 0 for untouched and for no monitor, up to HEAT_LEVELS - 1
    colours: NDArray[np.uint8]  # (HEAT_LEVELS, 3)
    scale: legend.Scale
    sigma_px: float
    total: int


def scales(reading: Reading, layout: Layout, look: SnapshotConfig) -> dict[str, float]:
    """The heat of the hottest colour of each layer, as ``draw`` would choose it."""
    layers = expand_layers(look.layer)
    layout = with_homeless(layout, {series.monitor for series in reading.counts})
    found: dict[str, float] = {}
    for alike in _of_one_scale(layers):
        grids = {layer: _grids(layer, reading, layout, look, first=_like_first(layer, layers)) for layer in alike}
        found |= _max_heats(grids, look, layers)
    return found


def _of_one_scale(layers: Sequence[str]) -> list[list[str]]:
    """The layers in groups that share a scale: all buttons do, for a press is a press."""
    clicks = [layer for layer in layers if layer in CLICK_LAYERS]
    return [*([layer] for layer in layers if layer not in CLICK_LAYERS), *([clicks] if clicks else [])]


def _like_first(layer: str, layers: Sequence[str]) -> bool:
    """What the user says of sigma and scale is meant for the first, lowest layer, and for those of its kind."""
    return UNITS[layer] == UNITS[layers[0]]


def _max_heats(
    grids: Mapping[str, Sequence[heat.HeatGrid]], look: SnapshotConfig, layers: Sequence[str]
) -> dict[str, float]:
    """The heat of the hottest colour of layers that share a scale."""
    hottest = max(heat.hottest(of_layer, look.percentile) for of_layer in grids.values())
    if all(UNITS[layer] != "ms" for layer in grids):  # of presses there is a whole number, and so ends their bar
        hottest = float(math.ceil(hottest - _LONE_SLACK))
    return {layer: look.max if look.max > 0 and _like_first(layer, layers) else hottest for layer in grids}


def _grids(layer: str, reading: Reading, layout: Layout, look: SnapshotConfig, *, first: bool) -> list[heat.HeatGrid]:
    """A layer's heat on each monitor of the layout; other resolutions of the same screen are added to it."""
    sigma = look.sigma if first else "auto"
    of_layer = {series.monitor: counts for series, counts in reading.counts.items() if series.layer == layer}
    grids: list[heat.HeatGrid] = []
    for number, here in enumerate(layout.monitors):
        parts = [counts for monitor, counts in of_layer.items() if _stands_at(monitor, layout) == number]
        sigma_px = _sigma_px(sigma, STYLES[layer], here.height_px)
        grid = heat.heat_grid(parts, here.width_px, here.height_px, sigma_px)
        if layer == TRAVEL:
            # Along a line, many pixels add to the heat of one: a line crossed once is to have the heat 1.
            line = max(math.sqrt(2 * math.pi) * sigma_px, 1)
            np.divide(grid.cells, np.float32(line), out=grid.cells)
            grid = replace(grid, typical_heat=grid.typical_heat / line)
        grids.append(grid)
    return grids


def _draw_layer(
    layer: str,
    reading: Reading,
    layout: Layout,
    look: SnapshotConfig,
    users_maps: Mapping[str, Sequence[str]],
    *,
    grids: Sequence[heat.HeatGrid],
    top_heat: float,
    layers: Sequence[str],
) -> _DrawnLayer:
    style = STYLES[layer]
    first = layer == layers[0]
    tallest = max((monitor.height_px for monitor in layout.monitors), default=0)
    sigma_px = _sigma_px(look.sigma if _like_first(layer, layers) else "auto", style, tallest)
    left, top, width_px, height_px = layout.bounds()
    canvas = np.zeros((height_px, width_px), np.uint8)
    # Backwards: of mirrored screens the first is the one that counts.
    for placement, grid in reversed([*zip(layout.placements, grids, strict=True)]):
        y, x = placement.desktop_y - top, placement.desktop_x - left
        canvas[y : y + placement.monitor.height_px, x : x + placement.monitor.width_px] = heat.levels(
            grid,
            max_heat=top_heat,
            scale=look.scale,
            level_count=legend.HEAT_LEVELS,
            faintest=heat.FAINTEST_DOT if sigma_px == 0 else 0.0,
        )
    scale = legend.Scale(
        style.caption if len(layers) == 1 else style.short,
        top_heat,
        UNITS[layer],
        lambda share: float(heat.tone(np.array([share], np.float32), look.scale)[0]),
        clipped=max((float(grid.cells.max()) for grid in grids), default=0.0) > top_heat * 1.001,
    )
    colormap = look.colormap if first and look.colormap != "auto" else style.colormap
    colours = colour_list(colormap, users_maps)
    ramp = heat.palette(colormap.lower() if colours is None else colours, legend.HEAT_LEVELS)
    total = sum(counts.total for series, counts in reading.counts.items() if series.layer == layer)
    return _DrawnLayer(layer, canvas, ramp, scale, sigma_px, total)


def _sigma_px(sigma: float | str, style: Style, height_px: int) -> float:
    if sigma == "auto":
        return style.sigma_share * height_px
    if isinstance(sigma, str):
        return float(sigma.removesuffix("%")) / 100 * height_px
    return float(sigma)


def _same_screen(one: Monitor, other: Monitor) -> bool:
    """Is it the same screen, perhaps at another resolution?"""
    return one.edid_hash == other.edid_hash and (bool(one.edid_hash) or one.output == other.output)


def _stands_at(monitor: Monitor, layout: Layout) -> int:
    """Which of the layout's monitors it is: of two of one make, whose EDIDs are the same, that at its connector.

    -1 where there is none: it did not fit into the picture.
    """
    alike = [number for number, here in enumerate(layout.monitors) if _same_screen(monitor, here)]
    return next((number for number in alike if layout.monitors[number].output == monitor.output), *alike[:1] or [-1])


def with_homeless(layout: Layout, counted: set[Monitor]) -> Layout:
    """The layout, and every screen that has counts but no place in it, side by side to its right.

    What would be too large a picture is set closer together, or left out with a sentence: see ``layout.drawable``.
    """
    homeless: list[Monitor] = []
    for monitor in sorted(counted, key=lambda m: (-m.width_px * m.height_px, m)):
        placed = (*layout.monitors, *homeless)
        if not any(_same_screen(monitor, other) for other in placed):
            homeless.append(monitor)
    if not layout.placements and not homeless:
        homeless = [Monitor("screen", 1920, 1080)]
    return drawable(layout, homeless)


_Marks = tuple["NDArray[np.bool_]", "NDArray[np.bool_]"]
"""Where nothing is shown, and the outlines of the monitors. Both (H, W)."""


def _marks(layout: Layout, exclude: Sequence[Exclusion]) -> _Marks | None:
    """Of several monitors the outlines and what lies between them, and what is excluded; None when there is neither."""
    rules = Exclusions()
    rules.rule(exclude)
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


def _indexed(
    drawn: _DrawnLayer,
    look: SnapshotConfig,
    facts: Mapping[str, object],
    marks: _Marks | None,
) -> Picture:
    """One layer: a palette picture, three times smaller and quicker to write than true colour."""
    pixels = drawn.levels
    if marks is not None:
        nothing, outline = marks
        pixels[nothing] = legend.HEAT_LEVELS
        pixels[outline] = legend.HEAT_LEVELS + legend.TEXT_LEVELS // 3
    palette = np.full((256, 4), 255, np.uint8)
    palette[: legend.HEAT_LEVELS] = _on_background(drawn.colours, look.background)
    palette[legend.HEAT_LEVELS :, :3] = legend.text_palette()
    if look.legend:
        strip = legend.draw(_words(facts, [drawn]), pixels.shape[1])
        pixels = np.vstack([pixels, legend.as_levels(strip)])
    return Picture(pixels, palette, facts)


def _on_background(colours: NDArray[np.uint8], background: str) -> NDArray[np.uint8]:
    """Colours with alpha, the coldest fading into the background. (N, 4)."""
    if background == "":
        return np.concatenate([colours, np.full((len(colours), 1), 255, np.uint8)], axis=1)
    # Only the opacity fades: the cold end of a map is dark, and would draw a dark rim on a light background.
    coldest = round(_FADED_IN * (len(colours) - 1))
    colours = colours[np.maximum(np.arange(len(colours)), coldest)]
    fade = np.clip(np.arange(len(colours)) / coldest, 0, 1)[:, None]
    if background == "transparent":
        return np.concatenate([colours, (fade * 255).round().astype(np.uint8)], axis=1)
    mixed = colours * fade + np.array(rgb(background)) * (1 - fade)
    return np.concatenate([mixed.round(), np.full((len(colours), 1), 255)], axis=1).astype(np.uint8)


def _composed(
    drawn: Sequence[_DrawnLayer],
    look: SnapshotConfig,
    facts: Mapping[str, object],
    marks: _Marks | None,
    over: Image.Image | None,
) -> Picture:
    """Several layers over each other, in true colour."""
    height_px, width_px = drawn[0].levels.shape
    strip = legend.Strip(np.empty((0, width_px), np.uint8), ())
    shown = [layer for layer in drawn if layer.total] or drawn[:1]
    if look.legend:
        strip = legend.draw(_words(facts, shown), width_px)
    # Colours are multiplied by their opacity while layers are laid, so that one formula does for all channels.
    channels = 4 if over is None and look.background == "transparent" else 3
    canvas = np.empty((height_px + len(strip.ink), width_px, channels), np.uint8)
    desktop, below = canvas[:height_px], canvas[height_px:]
    if over is None:
        background = _on_background(drawn[0].colours, look.background).astype(np.uint16)
        background[:, :3] = background[:, :3] * background[:, 3:] // 255
        table = background[:, :channels].astype(np.uint8)
        for band in heat.bands(len(desktop)):
            desktop[band] = table[drawn[0].levels[band]]
    else:
        dimmed = over.convert("RGB").resize((width_px, height_px)).point(lambda value: value * UNDER_BRIGHTNESS)
        desktop[:] = np.asarray(dimmed)
    for layer in drawn[1:] if over is None else drawn:
        _lay_over(desktop, layer)
    if channels == 4:
        _divide_by_opacity(desktop)
    ramp = np.concatenate([legend.text_palette(), np.full((legend.TEXT_LEVELS, 1), 255, np.uint8)], axis=1)
    if marks is not None:
        nothing, outline = marks
        desktop[nothing] = ramp[0, :channels]
        desktop[outline] = ramp[legend.TEXT_LEVELS // 3, :channels]
    below[:] = ramp[strip.ink.astype(np.uint16) * (legend.TEXT_LEVELS - 1) // 255, :channels]
    for layer, (rows, columns) in zip(shown, strip.bars, strict=False):
        below[rows, columns, :3] = layer.colours[legend.bar_levels(columns.stop - columns.start)]
    return Picture(canvas, None, facts)


def _lay_over(canvas: NDArray[np.uint8], layer: _DrawnLayer) -> None:
    """Draw a layer over (H, W, 3 or 4) ``canvas``, in place: its colours, the fainter the more transparent.

    This is "over" of Porter and Duff, on colours multiplied by their opacity, in 256ths.
    """
    style = STYLES[layer.layer]
    steps = np.arange(legend.HEAT_LEVELS)
    opaque = round(style.opaque_from * (legend.HEAT_LEVELS - 1))
    share = np.clip(steps / opaque, 0, 1)[:, None] * style.strength
    # Only the opacity fades, where a layer becomes opaque early: the dark end of its map would be a dark rim.
    colours = layer.colours[np.maximum(steps, opaque)] if style.opaque_from < 0.5 else layer.colours
    full = np.full((legend.HEAT_LEVELS, 1), 255)
    above = np.concatenate([colours, full], axis=1)[:, : canvas.shape[2]] * share * 256
    table, left = above.round().astype(np.uint16), ((1 - share) * 256).round().astype(np.uint16)
    for band in heat.bands(len(canvas)):
        pixels, levels = canvas[band].reshape(-1, canvas.shape[2]), layer.levels[band].reshape(-1)
        touched = np.flatnonzero(levels)
        if touched.size:
            drawn = levels[touched]
            pixels[touched] = (table[drawn] + left[drawn] * pixels[touched] + 127) >> 8


def _divide_by_opacity(canvas: NDArray[np.uint8]) -> None:
    """From colours multiplied by their opacity to the colours a PNG holds, in (H, W, 4) ``canvas``."""
    for band in heat.bands(len(canvas)):
        opacity = np.maximum(canvas[band][..., 3:].astype(np.uint16), 1)
        colours = (canvas[band][..., :3].astype(np.uint16) * 255 + opacity // 2) // opacity
        canvas[band][..., :3] = np.minimum(colours, 255)


def _words(facts: Mapping[str, object], drawn: Sequence[_DrawnLayer]) -> legend.Legend:
    return legend.Legend(
        str(facts["title"]),
        # What was chosen goes first: a line that is too long loses its end, and this must not be missed.
        [f"{facts['where']} · {facts['when']}", " · ".join([*_chosen(facts), *_in_all(drawn)])],
        [layer.scale for layer in drawn],
    )


def _chosen(facts: Mapping[str, object]) -> list[str]:
    return [f"only {facts['only']}"] if facts["only"] else []


def _in_all(drawn: Sequence[_DrawnLayer]) -> list[str]:
    """The sum of each layer in words; several buttons in one sum, for each has a colour bar of its own."""
    clicks = [layer.total for layer in drawn if layer.layer in CLICK_LAYERS]
    sums = [
        in_total(layer.layer, layer.total) for layer in drawn if layer.layer not in CLICK_LAYERS or len(clicks) == 1
    ]
    return sums + ([f"{sum(clicks):,} clicks"] if len(clicks) > 1 else [])


def _title(layers: Sequence[str]) -> str:
    """One layer's own title, or what several have in common: "Rest, travel and clicks"."""
    if len(layers) == 1:
        return STYLES[layers[0]].title
    names = [*dict.fromkeys("clicks" if layer in CLICK_LAYERS else STYLES[layer].short for layer in layers)]
    text = ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else names[0]
    return text.capitalize()


def in_total(layer: str, total: int) -> str:
    """The sum of a layer in words."""
    if UNITS[layer] == "ms":
        seconds = round(total / 1000)
        hours, minutes = seconds // 3600, seconds // 60 % 60
        if hours:
            return f"{hours} h {minutes:02} min"
        return f"{minutes} min {seconds % 60:02} s" if minutes else f"{seconds} s"
    if layer in CLICK_LAYERS:
        return f"{total:,} {STYLES[layer].short}"
    return f"{total:,} {UNITS[layer]}"


def _facts(
    reading: Reading,
    layout: Layout,
    look: SnapshotConfig,
    drawn: Sequence[_DrawnLayer],
    only: str,
    zone: tzinfo | None,
) -> dict[str, object]:
    """What the picture shows, for its title, its legend and its text chunks."""
    monitors = layout.monitors
    if len(monitors) == 1:
        where = f"{monitors[0].output} {monitors[0].width_px} x {monitors[0].height_px}"
    else:
        where = f"{len(monitors)} monitors: {', '.join(m.output for m in monitors)}"
    return {
        "title": _title([layer.layer for layer in drawn]),
        "where": where,
        "when": _when(reading, zone),
        "only": only,
        "since": _iso(reading.first_s),
        "until": _iso(reading.last_s),
        "monitors": [monitor.label for monitor in monitors],
        "scale": look.scale,
        "layers": [
            {
                "layer": layer.layer,
                "unit": UNITS[layer.layer],
                "total": layer.total,
                "max_heat": layer.scale.max_heat,
                "sigma_px": layer.sigma_px,
            }
            for layer in drawn
        ],
        "left_out": list(reading.left_out),
        "version": __version__,
    }


def _iso(moment_s: int | None) -> str | None:
    return None if moment_s is None else datetime.fromtimestamp(moment_s, UTC).isoformat()


def _when(reading: Reading, zone: tzinfo | None) -> str:
    if reading.first_s is None or reading.last_s is None:
        return "nothing counted yet"
    first = datetime.fromtimestamp(reading.first_s, zone)
    last = datetime.fromtimestamp(reading.last_s, zone)
    if first.date() == last.date():
        ends = f"{first:%H:%M}", f"{last:%H:%M}"
        return f"{first:%d %B %Y}, {' to '.join(dict.fromkeys(ends))}"
    return f"{first:%d %B %Y} to {last:%d %B %Y}"


# Files ------------------------------------------------------------------------------------------------


def under(look: SnapshotConfig) -> Image.Image | None:
    """The image to lie under the heat, if one is wanted. Raises MousetrackError when it cannot be had."""
    if not look.over:
        return None
    return grab_screen() if look.over == "screen" else open_image(Path(os.path.expanduser(look.over)))  # noqa: PTH111 - Path's raises for an unknown user


_IMAGE_FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
"""Of what Pillow knows, those that hold pixels alone: for PostScript it would start another program."""


def open_image(path: Path) -> Image.Image:
    """An image to lie under the heat. Raises MousetrackError when it cannot be read, or is larger than any desktop."""
    too_large = f"it has more than {CANVAS_MAX_PX // 1_000_000} million px"
    why = ""
    try:
        # Pillow warns of large images, which are refused here, and of much else that is no user's concern.
        with warnings.catch_warnings(action="ignore"), open_regular(path) as file:
            image = Image.open(file, formats=_IMAGE_FORMATS)
            width_px, height_px = image.size
            if max(width_px, height_px) <= CANVAS_SIDE_MAX_PX and width_px * height_px <= CANVAS_MAX_PX:
                image.load()
                return image
            why = too_large
    except Image.DecompressionBombError:
        why = too_large
    except Exception as error:  # noqa: BLE001 - Pillow's decoders raise whatever a damaged file leads them to
        why = getattr(error, "strerror", None) or "it is damaged, or no image that Pillow knows"
    raise MousetrackError(f"cannot read the image {path}: {why}", "Give a PNG, JPEG or WebP file.")


def grab_screen() -> Image.Image:
    """What the screen shows now. Raises MousetrackError where it cannot be had."""
    from PIL import ImageGrab  # noqa: PLC0415 - brings a dozen modules, and is rarely wanted

    try:
        return ImageGrab.grab()
    except (OSError, ValueError) as error:
        raise MousetrackError(
            f"cannot take a screenshot: {error}", "Take one yourself, and give its file: --over screenshot.png"
        ) from error


def keep(folder: Path, png: bytes, now: datetime, keep_count: int, keep_mb: int) -> Path:
    """Write the picture under its date and as ``latest.png``, each whole or not at all; prune the oldest.

    Raises MousetrackError when it cannot be written.
    """
    make_private(folder)
    latest = folder / "latest.png"
    try:
        if keep_count > 0 and keep_mb > 0:
            dated = _dated_name(folder, now)
            write_whole(dated, png)
            _link_whole(dated, latest, png)
        else:
            write_whole(latest, png)
        _prune(folder, keep_count, keep_mb * 1_000_000)
    except OSError as error:
        raise MousetrackError(
            f"cannot write the picture {latest}: {error.strerror or error}",
            "The last one is untouched, and counting goes on. Check the disk and the folder's permissions.",
        ) from error
    return latest


def _dated_name(folder: Path, now: datetime) -> Path:
    """A name that no picture has yet: the clock may have been set back."""
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    # One more than the last, not the first that is free: an earlier one may have been pruned.
    last = max((number for when, number, _ in _dated(folder) if when == stamp), default=0)
    return folder / (f"{stamp}-{last + 1}.png" if last else f"{stamp}.png")


_NAME: Final = re.compile(r"(\d{8}T\d{6}Z)(?:-(\d+))?\.png")


def _dated(folder: Path) -> list[tuple[str, int, Path]]:
    """The date, number and path of every dated picture, oldest first."""
    named = [(_NAME.fullmatch(path.name), path) for path in folder.iterdir()]
    return sorted((match[1], int(match[2] or 1), path) for match, path in named if match)


def _link_whole(dated: Path, latest: Path, png: bytes) -> None:
    """Let ``latest`` be the same file as ``dated``: the bytes are on the disk already."""
    fresh = latest.with_name(f".{latest.name}.{os.getpid()}.new")
    fresh.unlink(missing_ok=True)
    try:
        fresh.hardlink_to(dated)
    except OSError:  # a file system without hard links
        write_whole(latest, png)
        return
    try:
        fresh.replace(latest)
    finally:
        fresh.unlink(missing_ok=True)
    sync_folder(latest.parent)


def _prune(folder: Path, keep_count: int, keep_bytes: int) -> None:
    kept_bytes = 0
    for number, (_, _, path) in enumerate(reversed(_dated(folder))):
        kept_bytes += path.stat().st_size
        if number >= keep_count or kept_bytes > keep_bytes:
            path.unlink(missing_ok=True)
