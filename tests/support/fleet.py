"""A study of twelve machines, and what each counted, added up by hand."""

from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np

from mousetrackd.core.accumulator import Tally
from mousetrackd.core.counts import Counts
from mousetrackd.core.layers import LAYERS
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement
from mousetrackd.core.series import Series
from mousetrackd.fleet import total
from mousetrackd.fleet.study import Plan, Study
from mousetrackd.fleet.total import Asked, Part
from mousetrackd.storage.store import Store
from support.plain_cells import in_cells

BEGIN = datetime(2024, 1, 30).astimezone()
SIZES = ((1920, 1080), (1366, 768), (2560, 1440), (200, 150))
Cells = Counter[tuple[str, int]]


def fill(file: Path, number: int, days: int = 3) -> Cells:
    """A machine's store of some days in two months; what it counted, by layer and cell, added up by hand."""
    rng = np.random.default_rng(number)
    width_px, height_px = SIZES[number % len(SIZES)]
    monitor = Monitor(f"SECRET-{number}", width_px, height_px, f"edededed{number:02x}")
    found: Cells = Counter()
    file.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    with Store.open(file) as store:
        for day in range(days):
            tally = Tally()
            for layer in LAYERS:
                part = np.repeat([16, 2], 20)  # a place that many see, and one that few do
                x, y = rng.integers(0, width_px // part), rng.integers(0, height_px // part)
                n = rng.integers(1, 2**30 if layer == "dwell" else 9, 40)
                counts = Counts.from_pixels(width_px, height_px, y * width_px + x, n)
                tally.counts[Series(monitor, layer)] = counts
                pixels = [
                    (index % width_px, index // width_px, count)
                    for index, count in zip(counts.index.tolist(), counts.count.tolist(), strict=True)
                ]
                on = ((BEGIN + timedelta(days=day)).date() - date(1970, 1, 1)).days
                for cell, count in in_cells(pixels, (width_px, height_px), layer, on).items():
                    found[layer, cell] += count
            start_s = int((BEGIN + timedelta(days=day, hours=9)).timestamp())
            store.commit(tally, start_s, start_s + 600, Layout([Placement(monitor, 0, 0)]))
    return found


def give(folder: Path, number: int, cohort: str = "", **range_s: int) -> Plan:
    """Export a machine's store into the study; what was done."""
    study = Study(folder / "study", folder / "secret", cohort)
    with Store.open_read_only(folder / f"m{number}" / "mousetrackd" / "heat.sqlite3") as store:
        plan = study.plan(store, **range_s)
        for month in study.months(store, plan, **range_s):
            study.put(month)
        study.remove(plan.remove)
    return plan


def summed(folder: Path, *layers: str, cohort: str | None = None) -> Part:
    bad: list[str] = []
    part = total.sum_machines(total.machines_of(folder / "study", bad), Asked(layers, cohort))
    part.bad += bad
    return part
