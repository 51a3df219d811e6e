"""From the store to what a page holds: the cells of each hour, sums of months, and totals.

Blocks are made month by month, so that no more than a month of one screen and layer is in memory. A block is named by
what it is of: ``hWEEKDAY.SUM.MONITOR.LAYER`` hours, ``s.SUM.MONITOR.LAYER`` the sum of those of all weekdays,
``f.MONITOR`` the sum of all of the first layer, which makes the first picture; SUM is a number of ``Meta.sums`` in
``web/types.js``, a WEEKDAY is from 0 for Monday, so that a question about a day or some weekdays inflates no other
ones. Those of a single application, and its totals, end in its number.
"""

from __future__ import annotations

import calendar
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from mousetrackd.core import cells
from mousetrackd.core.cells import CellPlanes, Cells, Gathering
from mousetrackd.core.counts import Counts
from mousetrackd.core.layers import DWELL, LAYERS
from mousetrackd.core.monitors import Placement
from mousetrackd.page import encode
from mousetrackd.page.encode import DAY_ONLY, CellsBlock
from mousetrackd.picture.scene import append_unplaced_monitors, index_in
from mousetrackd.storage.readings import PATH
from mousetrackd.storage.tiers import DAY, HOUR_S, MONTH

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mousetrackd.core.layout import Layout
    from mousetrackd.storage.by_hour import ByHour, Part

_GRIDS_A_CELL: Final = 4
"""So many cells of a picture's grid are side by side in one of an hour."""
_SUMS_A_CELL: Final = 2
"""So many cells of a sum are side by side in one of an hour: 8 px at 1080p."""
_HOURS_AT_ONCE: Final = 50
FIRST_DAY: Final = -366
"""Days in a table are counted from here: of a computer without a clock some may be before 1970."""
_EPOCH: Final = date(1970, 1, 1).toordinal()


class Screen(NamedTuple):
    """A monitor of the page, and how wide its cells are, in px: of hours, of sums, and of the picture's grid."""

    placement: Placement
    cell_px: int
    sum_px: int
    grid_px: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in px."""
        return self.placement.monitor.width_px, self.placement.monitor.height_px


@dataclass
class Within:
    """What a sum has of one monitor, layer and application.

    hours: by the weekday, then by the day since 1970 and the hour, of which there are two where a clock was set back.
    rest: what is in sums only.
    """

    hours: dict[int, dict[tuple[int, int], list[Part]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    rest: list[Part] = field(default_factory=list)


@dataclass
class Sum:
    """Counts that are summed up: of a month, or of a longer chunk. first, last: days since 1970 in which they are.

    more: some of it is in no hour of the page.
    """

    name: str
    first: int
    last: int
    more: bool = False
    parts: dict[tuple[int, int, int], Within] = field(default_factory=lambda: defaultdict(Within))


class Collection:
    """What a page holds. ``blocks`` must be read to its end before the rest is complete."""

    def __init__(self, found: Sequence[ByHour], layout: Layout, zone: tzinfo | None, hours_from: date | None) -> None:
        """Sort what was found; nothing is read yet.

        found: of all applications, then of single ones. hours_from: hours of earlier days are in sums only; None is
        all.
        """
        self._found = found
        self._zone = zone
        self._hours_from_day = -(10**9) if hours_from is None else hours_from.toordinal() - _EPOCH
        self._layout = append_unplaced_monitors(layout, {part.monitor for one in found for part in one.parts})
        self.screens = [_screen(placement) for placement in self._layout.placements]
        self.sums: list[Sum] = []
        self.names: list[str] = []
        self._rows: dict[str, dict[tuple[int, ...], int]] = {"totals": defaultdict(int), "paths": defaultdict(int)}
        self._of_all: dict[int, Gathering] = {}
        self._by_key: dict[tuple[int, ...], Sum] = {}
        for application in range(len(found)):
            self._sort(application)
        self.sums = sorted(self._by_key.values(), key=lambda one: (one.first, one.last))

    @property
    def left_out(self) -> list[str]:
        """A sentence for all that is not in the page, and why."""
        return [*self._layout.left_out, *dict.fromkeys(why for one in self._found for why in one.left_out)]

    @property
    def days(self) -> tuple[int, int]:
        """The first and the last day of which there are hours; of a page without any, the last day of its sums."""
        known = [key[0] for rows in self._rows.values() for key in rows if key[1] == 1]
        last = max([one.last for one in self.sums], default=datetime.now(UTC).date().toordinal() - _EPOCH)
        return min(known, default=last + 1), max(known, default=last)

    def _sort(self, application: int) -> None:
        """Put each part of an application into its sum, and its total into the rows."""
        parts = self._found[application].parts
        totals = self._rows.setdefault(f"totals{_of(application)}", defaultdict(int))
        numbers = {monitor: index_in(self._layout, monitor) for monitor in {part.monitor for part in parts}}
        begins = {start_s: datetime.fromtimestamp(start_s, self._zone) for start_s in {part.start_s for part in parts}}
        for part in parts:
            monitor = numbers[part.monitor]
            if monitor < 0:
                continue
            begin = begins[part.start_s]
            day = begin.toordinal() - _EPOCH
            one = self._sum_of(part, begin, day)
            layer = 0 if part.what == PATH else LAYERS.index(part.what)
            hour = begin.hour if part.span_s <= HOUR_S else DAY_ONLY
            row = (day, 1, hour, monitor, layer)
            has_hours = part.span_s <= DAY.longest_s and day >= self._hours_from_day
            if not has_hours:
                one.more = one.more or part.what != PATH
                row = (one.first, max(one.last - one.first + 1, 2), DAY_ONLY, monitor, layer)
            (self._rows["paths"] if part.what == PATH else totals)[row] += part.total
            if part.what != PATH:
                within = one.parts[monitor, layer, application]
                (within.hours[_weekday(day)][day, hour] if has_hours else within.rest).append(part)

    def _sum_of(self, part: Part, begin: datetime, day: int) -> Sum:
        if part.span_s <= MONTH.longest_s:
            known = self._by_key.get((begin.year, begin.month))
            if known is not None:
                return known
            key: tuple[int, ...] = (begin.year, begin.month)
            name = f"{calendar.month_name[begin.month]} {begin.year}"
            first = day - begin.day + 1
            last = first + calendar.monthrange(begin.year, begin.month)[1] - 1
        else:
            end = datetime.fromtimestamp(part.start_s + part.span_s - 1, self._zone)
            first, last = day, end.toordinal() - _EPOCH
            key, name = (first, last, 0), f"{begin.year}"
        return self._by_key.setdefault(key, Sum(name, first, last))

    def blocks(self) -> Iterator[tuple[str, bytes]]:
        """The name of each block, and its bytes, not deflated: hours and sums, the oldest first."""
        for number, one in enumerate(self.sums):
            for (monitor, layer, application), within in sorted(one.parts.items()):
                series = f"{number}.{monitor}.{layer}{_of(application)}"
                found, screen = self._found[application], self.screens[monitor]
                summed = Gathering(screen.size, screen.sum_px)
                _add_rest(found, within.rest, screen, summed)
                for weekday, hours in sorted(within.hours.items()):
                    block = _block(found, hours, one.first, screen, summed)
                    yield self._named(f"h{weekday}.{series}"), block.encode()
                whole = summed.cells()
                if LAYERS[layer] == DWELL and not application:
                    of_all = self._of_all.setdefault(monitor, Gathering(screen.size, screen.grid_px))
                    of_all.add(whole, screen.sum_px)
                yield self._named(f"s.{series}"), _alone(whole)
                one.parts[monitor, layer, application] = Within()

    def _named(self, name: str) -> str:
        self.names.append(name)
        return name

    def first(self) -> Iterator[tuple[str, bytes]]:
        """The blocks of the first picture: of each monitor the sum of all of the first layer."""
        for monitor, of_all in sorted(self._of_all.items()):
            yield self._named(f"f.{monitor}"), _alone(of_all.cells())

    def tables(self) -> Iterator[tuple[str, bytes]]:
        """The totals of each hour, and the lengths of the path, as columns."""
        for name, rows in self._rows.items():
            ordered = sorted(rows.items())
            days = [key[0] - FIRST_DAY for key, _ in ordered]
            rest = [[key[nth] for key, _ in ordered] for nth in range(1, 5)]
            yield self._named(name), encode.columns([days, *rest, [total for _, total in ordered]])


def _weekday(day: int) -> int:
    """Of a day since 1970-01-01, a Thursday, from 0 for Monday."""
    return (day + 3) % 7


def _of(application: int) -> str:
    return f".{application}" if application else ""


def _block(
    found: ByHour, hours: dict[tuple[int, int], list[Part]], first_day: int, screen: Screen, summed: Gathering
) -> CellsBlock:
    """Hours of days from ``first_day`` on; all that is in them is added to ``summed``."""
    block = CellsBlock()
    alone = {
        when: parts[0]
        for when, parts in hours.items()
        if len(parts) == 1 and parts[0].hour and _size_of(parts[0]) == screen.size
    }
    alike = found.alike([*alone.values()])
    as_kept: dict[tuple[int, int], CellPlanes] = {}
    if alike is not None and alike.side_px == screen.cell_px:
        summed.add(alike.cells, alike.side_px)
        as_kept = dict(zip(alone, alike.parts, strict=True))
    for (day, hour), parts in sorted(hours.items()):
        of_hour = as_kept.get((day, hour))
        if of_hour is None:
            of_hour = cells.in_planes(_together([_added(found, part, screen, summed) for part in parts], screen))
        block.add(day - first_day, hour, of_hour)
    return block


def _add_rest(found: ByHour, parts: list[Part], screen: Screen, summed: Gathering) -> None:
    """Add what is in sums only to ``summed``, hours many at once: of years there are some ten thousands."""
    hours = [part for part in parts if part.hour and _size_of(part) == screen.size]
    one_by_one = [part for part in parts if not part.hour or _size_of(part) != screen.size]
    for first in range(0, len(hours), _HOURS_AT_ONCE):
        some = hours[first : first + _HOURS_AT_ONCE]
        alike = found.alike(some)
        if alike is None:
            one_by_one += some
        else:
            summed.add(alike.cells, alike.side_px)
    for part in one_by_one:
        side_px, of_part = _read(found, part, screen, screen.sum_px)
        summed.add(of_part, side_px)


def _added(found: ByHour, part: Part, screen: Screen, summed: Gathering) -> Cells:
    """A part in the cells of an hour, added to ``summed``."""
    side_px, of_part = _read(found, part, screen, screen.cell_px)
    summed.add(of_part, side_px)
    return of_part if side_px == screen.cell_px else _of_side(of_part, screen.size, side_px, screen.cell_px)


def _size_of(part: Part) -> tuple[int, int]:
    return part.monitor.width_px, part.monitor.height_px


def _read(found: ByHour, part: Part, screen: Screen, side_px: int) -> tuple[int, Cells]:
    """The cells of a part on a monitor of the page, and how wide they are: as they are kept, else ``side_px``."""
    kept_px, kept = found.cells(part, side_px)
    wide, high = _size_of(part)
    width_px, height_px = screen.size
    if (wide, high) == screen.size:
        return kept_px, kept
    counts = cells.joined([kept], size=(wide, high), side_px=kept_px)
    y, x = np.divmod(counts.index, wide)
    x, y = (2 * x + 1) * width_px // (2 * wide), (2 * y + 1) * height_px // (2 * high)
    scaled = Counts.from_pixels(width_px, height_px, y * width_px + x, counts.count)
    return side_px, cells.split(cells.gathered(scaled, side_px), side_px)


def _screen(placement: Placement) -> Screen:
    side_px = cells.cell_px(placement.monitor.width_px, placement.monitor.height_px)
    return Screen(placement, side_px, max(side_px // _SUMS_A_CELL, 1), max(side_px // _GRIDS_A_CELL, 1))


def _together(parts: list[Cells], screen: Screen) -> Cells:
    if len(parts) == 1:
        return parts[0]
    counts = cells.joined(parts, size=screen.size, side_px=screen.cell_px)
    return cells.split(cells.gathered(counts, screen.cell_px), screen.cell_px)


def _of_side(found: Cells, size: tuple[int, int], from_px: int, to_px: int) -> Cells:
    return cells.split(cells.gathered(cells.joined([found], size=size, side_px=from_px), to_px), to_px)


def _alone(of: Cells) -> bytes:
    block = CellsBlock()
    block.add(0, DAY_ONLY, cells.in_planes(of))
    return block.encode()
