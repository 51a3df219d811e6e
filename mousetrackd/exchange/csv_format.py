"""CSV: a row for each pixel, with the screen's label."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

import numpy as np

from mousetrackd.exchange.table import Row, of_rows
from mousetrackd.system.input_files import bounded_lines, open_regular

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mousetrackd.core.counts import Counts
    from mousetrackd.core.monitors import Monitor
    from mousetrackd.exchange.table import Table

COLUMNS: Final = ("monitor", "x", "y", "count")


def write(table: Mapping[Monitor, Counts]) -> bytes:
    """``monitor,x,y,count`` rows."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for monitor, counts in table.items():
        y, x = np.divmod(counts.index, monitor.width_px)
        label = [monitor.label] * counts.index.size
        writer.writerows(zip(label, x.tolist(), y.tolist(), counts.count.tolist(), strict=True))
    return file.getvalue().encode()


def read(path: Path, output: str, size: tuple[int, int] | None) -> Table:
    """Rows with the columns x, y, count and, where there are several screens, monitor, in any order."""
    with open_regular(path) as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(bounded_lines(file))
        missing = [name for name in COLUMNS[1:] if name not in (rows.fieldnames or ())]
        if missing:
            raise ValueError(f"its first line should name the columns {','.join(COLUMNS)}; there is no {missing[0]}")
        found = (
            Row(row.get("monitor") or "", (row["x"], row["y"], row["count"]), f"line {rows.line_num}") for row in rows
        )
        return of_rows(found, output, size)
