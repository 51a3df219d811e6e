"""A person's pointer, made up: where it goes in an hour of work, or recorded sessions where there are some."""

import os
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mousetrackd.capture.recording import read_recording
from mousetrackd.core.accumulator import Accumulator, Tally
from mousetrackd.core.counts import Counts
from mousetrackd.core.events import EVENT, Events, Kind
from mousetrackd.core.layers import DWELL
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement
from mousetrackd.core.series import Series
from mousetrackd.picture.styles import STYLES

HOUR_MS = 3_600_000
CROSSINGS_A_DAY = 3_000_000
HOURS_A_DAY = 8
CROSSINGS_AN_HOUR = CROSSINGS_A_DAY // HOURS_A_DAY

_MOUSE_HZ = 125
_SPOTS = 60
_NEAR, _TO_SPOT = 0.45, 0.85
"""Of all movements 45 % stay near, 40 % go to a place often gone to, the rest anywhere."""
_SLOWLY = 3
"""Short ways are mostly those of a hand that follows what one reads."""
_CLICKED = 0.4
REST_CAP_MS, WARP_PX = 5000, 1000  # the configuration's defaults


def side_by_side(count: int, width_px: int, height_px: int) -> Layout:
    """So many equal monitors."""
    return Layout(Placement(Monitor(f"DP-{n + 1}", width_px, height_px), n * width_px, 0) for n in range(count))


SCREENS = {
    "1920x1080": side_by_side(1, 1920, 1080),
    "3840x2160": side_by_side(1, 3840, 2160),
    "2x4K": side_by_side(2, 3840, 2160),
    "3x4K": side_by_side(3, 3840, 2160),
}


def sessions() -> list[Events]:
    """The recorded sessions of $MOUSE_SESSIONS, if any."""
    folder = os.environ.get("MOUSE_SESSIONS")
    return [read_recording(path).events for path in sorted(Path(folder).glob("*.csv*"))] if folder else []


def hour(rng: np.random.Generator, layout: Layout, crossings: int = CROSSINGS_AN_HOUR) -> Events:
    """An hour of movements with so many pixels crossed: minimum jerk, a little bowed, with pauses and clicks."""
    _, _, width_px, height_px = layout.bounds()
    size = np.array([width_px, height_px], np.float64)
    points = _way(rng, size, crossings)
    begin, step = points[:-1], np.diff(points, axis=0)
    distance = np.hypot(step[:, 0], step[:, 1])
    hurry = np.where(distance < 0.1 * width_px, _SLOWLY, 1)
    samples = np.maximum((0.08 + 0.1 * np.log2(1 + distance / 30)) * hurry * _MOUSE_HZ, 2).astype(np.int64)
    stroke = np.repeat(np.arange(samples.size), samples)
    nth = np.arange(stroke.size) - np.repeat(np.cumsum(samples) - samples, samples)
    share = (nth + 1) / samples[stroke]
    along = share**3 * (10 - 15 * share + 6 * share**2)
    aside = rng.normal(0, 0.06, samples.size)[stroke] * np.sin(np.pi * along)
    across = np.stack([-step[:, 1], step[:, 0]], axis=1)
    place = begin[stroke] + along[:, None] * step[stroke] + aside[:, None] * across[stroke]
    place += rng.normal(0, 0.5, place.shape)

    pauses_ms = rng.exponential(1.0, samples.size)
    moving_ms = stroke.size * 1000 / _MOUSE_HZ
    pauses_ms *= max(HOUR_MS - moving_ms, 0) / pauses_ms.sum()
    events = np.zeros(stroke.size, EVENT)
    events["time_ms"] = np.arange(stroke.size) * 1000 // _MOUSE_HZ + np.cumsum(pauses_ms).astype(np.int64)[stroke]
    events["x"], events["y"] = np.clip(place.round(), 0, size - 1).astype(np.int64).T
    last = np.cumsum(samples) - 1
    clicked = rng.random(samples.size) < _CLICKED
    events["kind"][last[clicked]] = rng.choice(
        [Kind.LEFT, Kind.RIGHT, Kind.MIDDLE, Kind.SCROLL], int(clicked.sum()), p=[0.6, 0.08, 0.02, 0.3]
    )
    return events


def _way(rng: np.random.Generator, size: NDArray[np.float64], crossings: int) -> NDArray[np.float64]:
    """The points where movements end, (N, 2)."""
    spots = rng.random((_SPOTS, 2)) * size
    often = 1 / np.arange(1, _SPOTS + 1)
    often /= often.sum()
    here = size / 2
    points = [here]
    gone = 0.0
    while gone < crossings:
        chance = rng.random()
        if chance < _NEAR:
            there = here + rng.normal(0, 0.03, 2) * size
        elif chance < _TO_SPOT:
            there = spots[rng.choice(_SPOTS, p=often)] + rng.normal(0, 0.006, 2) * size
        else:
            there = rng.random(2) * size
        there = np.clip(there, 0, size - 1)
        gone += float(np.abs(there - here).max())
        points.append(there)
        here = there
    return np.array(points)


def count(events: Events, layout: Layout) -> Tally:
    """What the daemon's accumulator makes of events."""
    accumulator = Accumulator(rest_cap_ms=REST_CAP_MS, warp_px=WARP_PX)
    accumulator.change_layout(layout, int(events["time_ms"][0]))
    accumulator.feed(events)
    return accumulator.take(int(events["time_ms"][-1]) + REST_CAP_MS)


@cache
def template_hours(screen: str, days: int) -> list[Tally]:
    """Hours of some days to make many more of."""
    rng = np.random.default_rng(7)
    return [count(hour(rng, SCREENS[screen]), SCREENS[screen]) for _ in range(days * HOURS_A_DAY)]


def elsewhere(counts: Counts, rng: np.random.Generator, spread: float = 0.02) -> Counts:
    """The same counts, moved by a little: another day's windows were elsewhere. None is lost."""
    width_px, height_px = counts.width_px, counts.height_px
    by_y, by_x = (rng.normal(0, spread, 2) * width_px).round().astype(np.int64)
    index, count = counts.index, counts.count
    y, x = np.divmod(index, width_px)
    y, x = y + by_y, x + by_x
    x, y = np.clip(x, 0, width_px - 1), np.clip(y, 0, height_px - 1)
    return Counts.from_pixels(width_px, height_px, y * width_px + x, count)


def another(tally: Tally, rng: np.random.Generator) -> Tally:
    """An hour like that one."""
    return Tally({key: elsewhere(counts, rng) for key, counts in tally.counts.items()}, tally.path_px)


def minutes(events: Events) -> Iterator[Events]:
    """Events by the minute; minutes without any are left out."""
    numbers = events["time_ms"] // 60_000
    yield from np.split(events, np.flatnonzero(np.diff(numbers)) + 1)


def day(screen: str) -> Tally:
    """A whole day in one."""
    return together(template_hours(screen, 1))


def together(tallies: Sequence[Tally], rng: np.random.Generator | None = None) -> Tally:
    """The sum of some; with ``rng`` each of them is moved a little."""
    keys = {key for tally in tallies for key in tally.counts}
    return Tally(
        {
            key: Counts.merge(
                tally.counts[key] if rng is None else elsewhere(tally.counts[key], rng)
                for tally in tallies
                if key in tally.counts
            )
            for key in keys
        }
    )


def dense(tally: Tally, layout: Layout) -> NDArray[np.float32]:
    """The time rested at each pixel of the desktop, (H, W)."""
    _, _, width_px, height_px = layout.bounds()
    desktop = np.zeros((height_px, width_px), np.float32)
    for placement in layout.placements:
        monitor = placement.monitor
        counts = tally.counts.get(Series(monitor, DWELL))
        if counts is not None:
            here = desktop[placement.desktop_y :, placement.desktop_x :]
            here[: monitor.height_px, : monitor.width_px] = counts.dense()
    return desktop


def sigma_px(layout: Layout) -> float:
    """How far our default look spreads heat."""
    return STYLES[DWELL].sigma_share * layout.monitors[0].height_px
