"""What is asked of somebody's file, and what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mousetrackd.core.layers import DWELL, LAYERS

if TYPE_CHECKING:
    from mousetrackd.exchange.table import Table


@dataclass(frozen=True)
class Options:
    """How a file is to be read.

    layer: what its counts are. size: the screen's width and height in px, needed where the file does not contain it.
    output: the name of the screen where the file has none. assume_size: without ``size``, take 1920x1080, or where
    points lie beyond it the smallest screen that holds all. drop_outside: leave out what lies outside the screen, with
    a note; else it is refused.
    columns: the names of the columns, in their order, where the file's own are missing or unknown. each_ms: how long
    each point, or each unit of a count, lasted. time_unit: of the time column, s, ms, us or ns; empty to find out.
    transpose: the first axis of a grid is x. rest_cap_ms: the most that a gap between two times counts.
    """

    layer: str = DWELL
    size: tuple[int, int] | None = None
    output: str = "imported"
    assume_size: bool = False
    drop_outside: bool = False
    columns: tuple[str, ...] = ()
    each_ms: int = 1
    has_each: bool = False
    time_unit: str = ""
    transpose: bool = False
    rest_cap_ms: int = 5000

    def __post_init__(self) -> None:
        if self.layer not in LAYERS:
            raise ValueError(f"there is no layer {self.layer}")


@dataclass(frozen=True)
class FileCounts:
    """What a file holds.

    counts: the sums, by screen; empty where nothing is counted. unit: "ms" where the file or ``each_ms`` says so, a
    layer's own unit where the file names its layer, else empty: just counts. layer: the one the file names, or empty.
    notes: sentences about what was left out and what was assumed. hours: the counts of each hour by its beginning, in
    UTC seconds, where the file has dates; else empty. They sum to ``counts``.
    """

    counts: Table
    unit: str = ""
    layer: str = ""
    notes: tuple[str, ...] = ()
    hours: Mapping[int, Table] = field(default_factory=dict)
