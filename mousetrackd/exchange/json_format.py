"""JSON: one object with a count for each pixel of one screen."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import numpy as np

from mousetrackd.core.errors import UsageError
from mousetrackd.exchange.table import Row, of_rows
from mousetrackd.system.input_files import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mousetrackd.core.counts import Counts
    from mousetrackd.core.monitors import Monitor
    from mousetrackd.exchange.table import Table

_PAIR = re.compile(r"\(?\s*(-?\d+)\s*,\s*(-?\d+)\s*\)?")
_JSON_MAX_BYTES = 256 * 1024**2


def write(table: Mapping[Monitor, Counts]) -> bytes:
    """``{"x,y": count}`` of one screen. Raises UsageError for several."""
    if len(table) > 1:
        labels = ", ".join(monitor.label for monitor in table)
        raise UsageError(
            f"JSON holds one screen, and there are {len(table)}: {labels}",
            "Choose one with --monitor, or export to .csv or .npz.",
        )
    pairs: dict[str, int] = {}
    for monitor, counts in table.items():
        y, x = np.divmod(counts.index, monitor.width_px)
        pairs = {f"{a},{b}": n for a, b, n in zip(x.tolist(), y.tolist(), counts.count.tolist(), strict=True)}
    return json.dumps(pairs).encode()


def read(path: Path, output: str, size: tuple[int, int] | None) -> Table:
    """``{"x,y": count}``; the pair may also be written as Python writes it, ``(x, y)``."""
    with open_regular(path) as file:
        text = file.read(_JSON_MAX_BYTES + 1)
    if len(text) > _JSON_MAX_BYTES:
        raise ValueError(f"it is larger than {_JSON_MAX_BYTES // 1024**2} MB: use CSV or npz for so much")
    if b"[" in text or text.count(b"{") > 1:  # nothing is nested, and what is takes far more memory than bytes
        raise ValueError('expected {"x,y": count, ...}, with no list or other object inside')
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f'it is not JSON, like {{"640,480": 3}}: {error}') from error
    del text
    if not isinstance(content, dict):
        raise ValueError('expected {"x,y": count, ...}')  # noqa: TRY004 - it becomes a sentence like the others
    return of_rows(_pairs(content), output, size)


def _pairs(content: dict[str, object]) -> Iterator[Row]:
    for key, count in content.items():
        pair = _PAIR.fullmatch(key)
        if pair is None:
            raise ValueError(f'expected keys like "640,480", got "{key[:40]}"')
        yield Row("", (pair[1], pair[2], count), f'key "{key[:40]}"')
