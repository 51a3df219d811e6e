"""Sums of a study as pictures: one map, or two on one scale with their difference."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from mousetrackd.core.counts import Counts
from mousetrackd.core.layers import CLICKS, COUNTS, TRAVEL, UNITS
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement
from mousetrackd.core.series import Series
from mousetrackd.fleet.grid import TRAVEL_PARTS
from mousetrackd.picture import compose, legend
from mousetrackd.picture.look import Look
from mousetrackd.picture.png import Picture
from mousetrackd.picture.scene import Scene
from mousetrackd.picture.styles import STYLES
from mousetrackd.storage.readings import Reading
from mousetrackd.storage.tiers import DAY_S

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from mousetrackd.fleet.total import Part, Published

_MAP_PX: Final = (1920, 1200)
_PAIR_PX: Final = (1920, 664)
_DIFFERENCE_PX: Final = (960, 664)
_SHARES: Final = 4096
"""Counts per machine are whole numbers of so many parts."""
_SIGMA_SHARE: Final = 0.017
"""As pictures of a store: the blur is a share of the shorter side."""
_NEUTRAL, _LESS, _MORE = (np.array(colour, np.float64) for colour in ((18, 20, 26), (72, 160, 255), (255, 148, 48)))
"""Red, green and blue where there is no difference, and where the second or the first has more."""


def draw(layer: str, part: Part, shown: Published, least_machines: int, application: str = "") -> Picture:
    """The map of a sum."""
    screen = Monitor("study", *shown.counts.shape[::-1])
    name, unit, per_unit = _as_counted(layer)
    counts = {Series(screen, name): _counts(shown.counts)} if shown.counts.any() else {}
    scene = Scene(
        _reading(counts, part.days),
        Layout([Placement(screen, 0, 0)]),
        unit=unit,
        counts_per_unit=per_unit,
        only=_rule(least_machines, application),
        where=f"{part.machines:,} machines, {_days(part)}",
    )
    return compose.draw(scene, _look(layer, name, _MAP_PX, title(layer)))


def draw_pair(
    layer: str,
    names: tuple[str, str],
    parts: tuple[Part, Part],
    shown: tuple[Published, Published],
    least_machines: int,
    application: str = "",
) -> Picture:
    """Two maps side by side on one scale, per machine, and to their right where which of them has more."""
    screens = [Monitor(name, *one.counts.shape[::-1]) for name, one in zip(names, shown, strict=True)]
    _, unit, per_unit = _as_counted(layer)
    per_machine = [one.counts / per_unit / part.machines for one, part in zip(shown, parts, strict=True)]
    counts = {
        Series(screen, COUNTS): _counts(np.rint(heat * _SHARES).astype(np.int64))
        for screen, heat in zip(screens, per_machine, strict=True)
        if heat.any()
    }
    unit = unit or UNITS[layer]
    scene = Scene(
        _reading(counts, parts[0].days | parts[1].days),
        Layout([Placement(screen, nth * screen.width_px, 0) for nth, screen in enumerate(screens)]),
        unit=unit,
        counts_per_unit=_SHARES,
        only=_rule(least_machines, application),
        where=" · ".join(
            f"{side}: {name}, {part.machines:,} machines, {_days(part)}"
            for side, name, part in zip(("left", "right"), names, parts, strict=True)
        ),
    )
    pair = compose.draw(scene, _look(layer, COUNTS, _PAIR_PX, f"{title(layer)}, per machine"))
    # Where a cell is hidden in one of them, nothing is known of the difference.
    known = (shown[0].seen > 0) & (shown[1].seen > 0)
    difference = _difference(np.where(known, per_machine[0] - per_machine[1], 0), names, unit)
    return replace(pair, pixels=np.concatenate([pair.rgb(), difference], axis=1), palette=None)


def title(layer: str) -> str:
    """What a layer's pictures are called."""
    return "Clicks" if layer == CLICKS else STYLES[layer].title


def _as_counted(layer: str) -> tuple[str, str, float]:
    """The layer to draw, and its unit and how many counts that is where they are not the layer's own."""
    if layer == CLICKS:  # all buttons are counted as one
        return COUNTS, UNITS["clicks.left"], 1
    return (COUNTS, UNITS[TRAVEL], TRAVEL_PARTS) if layer == TRAVEL else (layer, "", 1)


def _look(layer: str, name: str, size_px: tuple[int, int], text: str) -> Look:
    drawn_as = STYLES["clicks.left" if layer == CLICKS else layer].colormap
    return Look(layer=[name], colormap=drawn_as, out_size="{}x{}".format(*size_px), title=text)


def _rule(least_machines: int, application: str) -> str:
    rule = f"cells of {least_machines} machines or more, none with over half" if least_machines > 1 else ""
    return ", ".join(part for part in (application, rule) if part)


def _days(part: Part) -> str:
    return f"{len(part.days):,} day{'s' * (len(part.days) != 1)}"


def _reading(counts: dict[Series, Counts], days: set[date]) -> Reading:
    """Counts, and from the beginning of the first day to the end of the last."""
    ends = [int(datetime(*day.timetuple()[:3]).astimezone().timestamp()) for day in (min(days), max(days))]
    return Reading(counts, ends[0], ends[1] + DAY_S - 1)


def _counts(array: NDArray[np.int64]) -> Counts:
    rows, columns = array.shape
    index = np.flatnonzero(array)
    return Counts.from_pixels(columns, rows, index, array.reshape(-1)[index])


def _difference(difference: NDArray[np.float64], names: tuple[str, str], unit: str) -> NDArray[np.uint8]:
    """(H, W, 3): blurred as the maps are, blue where the second has more and orange where the first has."""
    width_px, height_px = _DIFFERENCE_PX
    sigma = _SIGMA_SHARE * min(difference.shape)
    # A blur keeps a sum; times the area of its core it is what a place of that size has.
    heat = cv2.GaussianBlur(difference, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT) * (2 * np.pi * sigma**2)
    most = float(np.percentile(np.abs(heat), 99.9)) or 1.0
    scales = [
        legend.Scale(f"more per machine: {name}", most, unit, lambda share: share, clipped=True, is_whole=False)
        for name in names
    ]
    strip = legend.draw(legend.Legend("Difference", [f"{names[0]} less {names[1]}"], scales), width_px)
    canvas = np.empty((height_px, width_px, 3), np.uint8)
    canvas[:] = _NEUTRAL.astype(np.uint8)
    map_px = (width_px, width_px * 9 // 16)
    share = np.clip(cv2.resize(heat, map_px, interpolation=cv2.INTER_CUBIC) / most, -1, 1)
    canvas[: map_px[1]] = _coloured(share)
    below = canvas[map_px[1] : map_px[1] + len(strip.ink)]
    ink = strip.ink[: len(below), :, None] / 255
    below[:] = (_NEUTRAL * (1 - ink) + 255 * ink).astype(np.uint8)
    for sign, (rows, columns) in zip((1, -1), strip.bars, strict=True):
        below[rows, columns] = _coloured(sign * np.linspace(0, 1, columns.stop - columns.start)[None])
    return canvas


def _coloured(share: NDArray[np.float64]) -> NDArray[np.uint8]:
    """(H, W, 3) of shares from -1 to 1."""
    strength = np.sqrt(np.abs(share))[..., None]
    colour = np.where(share[..., None] < 0, _LESS, _MORE)
    return np.asarray((_NEUTRAL * (1 - strength) + colour * strength).round(), np.uint8)
