"""Machines that are made up: stores of four resolutions, with habits of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from support.plain_cells import in_cells

from mousetrackd.core.accumulator import Tally
from mousetrackd.core.counts import Counts
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement
from mousetrackd.core.series import Series
from mousetrackd.storage.readings import Range
from mousetrackd.storage.store import Store

SIZES = ((1920, 1080), (2560, 1440), (1366, 768), (3840, 2160))
_SHARES = (0.6, 0.2, 0.1, 0.1)
_PLACES = {"dwell": 3000, "travel": 20000, "clicks.left": 250, "clicks.right": 20, "scroll": 150}
"""On how many pixels a machine counts something in a day."""
_WIDGETS = np.array([[0.02, 0.97], [0.98, 0.02], [0.5, 0.04], [0.1, 0.4], [0.5, 0.5], [0.7, 0.6], [0.99, 0.5]])
_WEIGHTS = np.array([0.08, 0.05, 0.12, 0.15, 0.3, 0.25, 0.05])
FIRST_DAY = datetime(2026, 9, 29).astimezone()  # so that a few days are of two months


EVERYWHERE, RARE, UNLISTED, DENIED = "org.paint", "rare.tool", "unlisted.program", "denied.bank"
"""Applications: all machines have them but the second, which one in 40 has; the study's list lacks the third."""
RARE_EVERY = 40


def applications_of(number: int) -> list[str]:
    """Those that a machine has."""
    return [EVERYWHERE, UNLISTED, DENIED, *([RARE] if number % RARE_EVERY == 0 else [])]


def make_machine(
    store_file: Path,
    number: int,
    days: int,
    share: float = 1,
    names: Sequence[str] = (),
    first_day: datetime = FIRST_DAY,
) -> None:
    """A store with ``days`` of work. Its habit is that of its number, and the same each time.

    share: of the usual pixels of a day. names: of applications that it has.
    """
    rng = np.random.default_rng(1000 + number)
    width_px, height_px = SIZES[rng.choice(len(SIZES), p=_SHARES)]
    monitor = Monitor(f"SECRET-{number}", width_px, height_px, f"{0xEDED0000 + number:08x}")
    habit = rng.normal(0, 0.03, 2)
    store_file.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    with Store.open(store_file) as store:
        for day in range(days):
            begin = first_day + timedelta(days=day, hours=9)
            tally = Tally()
            series = [Series(monitor, layer) for layer in _PLACES]
            series += [Series(monitor, "dwell", name) for name in names]
            for one in series:
                x, y, n = _day(rng, habit, one.layer, round(_PLACES[one.layer] * share / (4 if one.application else 1)))
                index = (y * height_px).astype(np.int64) * width_px + (x * width_px).astype(np.int64)
                tally.counts[one] = Counts.from_pixels(width_px, height_px, index, n)
            tally.path_px[monitor] = 1e5
            start_s = int(begin.timestamp())
            store.commit(tally, start_s, start_s + 8 * 3600, Layout([Placement(monitor, 0, 0, 531, 299)]))


def _day(
    rng: np.random.Generator, habit: NDArray[np.float64], layer: str, pixels: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Where, from 0 to 1, and how much."""
    widget = _WIDGETS[rng.choice(len(_WIDGETS), pixels, p=_WEIGHTS)]
    spread = 0.05 if layer != "travel" else 0.15
    x, y = np.clip(widget + habit + rng.normal(0, spread, (pixels, 2)), 0, 0.999999).T
    most = 4000 if layer == "dwell" else 3
    return x, y, rng.integers(1, most, pixels)


def plain_sum(store_file: Path, layer: str, application: str = "") -> Counter[int]:
    """What a store holds of a layer by cell, without anything of the fleet's code: a dictionary, pixel by pixel."""
    found: Counter[int] = Counter()
    with Store.open_read_only(store_file) as store:
        for piece in store.pieces([layer], [], Range(application=application)):
            width_px, height_px = piece.monitor.width_px, piece.monitor.height_px
            pairs = zip(piece.counts.index.tolist(), piece.counts.count.tolist(), strict=True)
            pixels = ((index % width_px, index // width_px, count) for index, count in pairs)
            day = datetime.fromtimestamp(piece.start_s).astimezone().date() - date(1970, 1, 1)
            found += in_cells(pixels, (width_px, height_px), layer, day.days)
    return found
