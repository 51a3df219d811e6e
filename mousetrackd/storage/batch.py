"""What was counted between two saves, with a mark that keeps it from being stored twice, and as bytes.

The transaction that stores a ``Batch`` writes its random mark as well. So a batch whose commit failed without it being
known how far it got, or whose side file is still there after a crash, is not stored twice.
"""

from __future__ import annotations

import binascii
import json
import math
import os
import zlib
from dataclasses import dataclass
from typing import Any, Self

from mousetrackd.core.accumulator import Tally
from mousetrackd.core.counts import Counts
from mousetrackd.core.layers import LAYERS
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement
from mousetrackd.core.series import Series
from mousetrackd.core.validity import PATH_MAX_PX, SPAN_MAX_S, TIME_MAX_S, TIME_MIN_S, is_part, stretch

_FORMAT = b"mousetrackd unsaved counts 1"


@dataclass(frozen=True)
class Batch:
    """What was counted from ``start_s`` to ``end_s`` (UTC seconds), to be stored exactly once.

    mark: random, 63 bits; distinguishes it from any other batch.
    """

    mark: int
    start_s: int
    end_s: int
    tally: Tally
    layout: Layout

    @classmethod
    def of(cls, tally: Tally, start_s: int, end_s: int, layout: Layout) -> Self:
        """One with a mark of its own."""
        start_s, span_s = stretch(start_s, end_s)
        end_s = start_s + span_s
        return cls(1 + (int.from_bytes(os.urandom(8)) >> 1) % ((1 << 63) - 1), start_s, end_s, tally, layout)


def encode(batch: Batch) -> bytes:
    """A batch as bytes, with a checksum."""
    monitors = list(
        dict.fromkeys(
            [*(series.monitor for series in batch.tally.counts), *batch.tally.path_px, *batch.layout.monitors]
        )
    )
    number = {monitor: nth for nth, monitor in enumerate(monitors)}
    body = json.dumps(
        {
            "mark": batch.mark,
            "start_s": batch.start_s,
            "end_s": batch.end_s,
            "monitors": [[m.output, m.width_px, m.height_px, m.edid_hash] for m in monitors],
            "placements": [
                [number[p.monitor], p.desktop_x, p.desktop_y, p.width_mm, p.height_mm] for p in batch.layout.placements
            ],
            "counts": [
                [
                    number[series.monitor],
                    series.layer,
                    binascii.b2a_base64(counts.encode(), newline=False).decode(),
                    *series[2:],
                ]
                for series, counts in batch.tally.counts.items()
            ],
            "path_px": [[number[monitor], px] for monitor, px in batch.tally.path_px.items()],
        }
    ).encode()
    return b"%s %08x %d\n%s" % (_FORMAT, zlib.crc32(body), len(body), body)


def decode(content: bytes) -> Batch:
    """The batch that ``encode`` made bytes of. Raises ValueError for anything else."""
    head, _, body = content.partition(b"\n")
    if head != b"%s %08x %d" % (_FORMAT, zlib.crc32(body), len(body)):
        raise ValueError("it is damaged")
    try:
        said = json.loads(body)
        monitors = [Monitor(*row) for row in said["monitors"]]
        start_s = _whole(said["start_s"], TIME_MIN_S, TIME_MAX_S)
        end_s = _whole(said["end_s"], start_s, start_s + SPAN_MAX_S)
        placements = [
            Placement(monitors[_whole(nth, 0, len(monitors) - 1)], *rest) for nth, *rest in said["placements"]
        ]
        counts = dict(_counted(monitors, *row) for row in said["counts"])
        path_px = {monitors[_whole(nth, 0, len(monitors) - 1)]: _length(px) for nth, px in said["path_px"]}
        mark = _whole(said["mark"], 1, (1 << 63) - 1)
    except (KeyError, TypeError, AttributeError, RecursionError, binascii.Error) as error:
        raise ValueError(f"it makes no sense: {error}") from error
    return Batch(mark, start_s, end_s, Tally(counts, path_px), Layout(placements))


def _counted(
    monitors: list[Monitor], nth: Any, layer: Any, encoded: Any, application: Any = "", grid: Any = 0
) -> tuple[Series, Counts]:
    monitor = monitors[_whole(nth, 0, len(monitors) - 1)]
    if layer not in LAYERS:
        raise ValueError("it names a layer that does not exist")
    counts = Counts.decode(binascii.a2b_base64(encoded, strict_mode=True))
    if not is_part(application, grid):
        raise ValueError("it names an application that cannot be")
    series = Series(monitor, layer, application, grid)
    if (counts.width_px, counts.height_px) != series.size:
        raise ValueError(f"its counts are not of {monitor.label}'s size")
    return series, counts


def _whole(value: Any, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError("a number in it is out of range")
    return value


def _length(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value) or not 0 <= value <= PATH_MAX_PX:
        raise ValueError("a length in it is out of range")
    return float(value)
