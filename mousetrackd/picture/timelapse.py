"""What each picture of a film shows: how the heat grew, or moved. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Final

from mousetrackd.core.counts import Counts
from mousetrackd.core.errors import UsageError
from mousetrackd.core.series import Series
from mousetrackd.core.validity import IMPORTED_HOUR_S
from mousetrackd.storage.readings import Reading
from mousetrackd.storage.tiers import DAY_S, HOUR_S, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mousetrackd.storage.readings import Piece

FRAMES_MAX: Final = 20_000


@dataclass(frozen=True)
class Frame:
    """One picture of a film. clock: which step of time it adds, by the local clock."""

    reading: Reading
    clock: str


@dataclass(frozen=True)
class _Step:
    """A step of time in which something was counted: UTC seconds at which it begins and ends."""

    start_s: int
    end_s: int
    clock: str
    pieces: list[Piece]


class Frames:
    """The pictures of a film in order. Each is made when it is its turn: those of a year together are gigabytes."""

    def __init__(self, steps: Sequence[_Step], *, cumulative: bool) -> None:
        self._steps = steps
        self._cumulative = cumulative

    def __len__(self) -> int:
        return len(self._steps)

    def __iter__(self) -> Iterator[Frame]:
        so_far = Reading()
        first_s = min(piece.start_s for piece in self._steps[0].pieces)
        for step in self._steps:
            summed = _sum(so_far if self._cumulative else Reading(), step.pieces)
            begin_s = min(first_s, step.start_s) if self._cumulative else step.start_s
            so_far = replace(summed, first_s=begin_s, last_s=step.end_s)
            yield Frame(so_far, step.clock)

    def measured(self) -> list[Reading]:
        """The readings that are measured to find one scale for all: every one, or that of the last frame."""
        if not self._cumulative:
            return [frame.reading for frame in self]
        whole = _sum(Reading(), [piece for step in self._steps for piece in step.pieces])
        first_s = min(piece.start_s for piece in self._steps[0].pieces)
        return [replace(whole, first_s=min(first_s, self._steps[0].start_s), last_s=self._steps[-1].end_s)]


@dataclass(frozen=True)
class Film:
    """A film's pictures. notes: sentences about what may surprise in them."""

    frames: Frames
    notes: tuple[str, ...] = ()


def film_of(pieces: Iterable[Piece], step_s: int, *, cumulative: bool, zone: tzinfo | None = None) -> Film:
    """A frame for each step of time in which something was counted.

    Steps are those of the local clock, from midnight on. A piece belongs to the step in which it begins. cumulative:
    each frame holds all before it as well. zone: of the clock; None is the local one.
    Raises UsageError when there is nothing, or when it would be more than ``FRAMES_MAX`` frames.
    """
    steps: dict[int, list[Piece]] = {}
    long: list[tuple[int, int]] = []
    for piece in pieces:
        wall_s = piece.start_s + _ahead_s(piece.start_s, zone)
        steps.setdefault(wall_s // step_s, []).append(piece)
        if _span_s(piece) > step_s:
            long.append((wall_s // step_s, (wall_s + _span_s(piece) - 1) // step_s))
    if not steps:
        raise UsageError("nothing was counted in this range", "Choose another with --since and --until.")
    if len(steps) > FRAMES_MAX:
        raise UsageError(f"that would be {len(steps)} frames", f"Choose a longer --step: {FRAMES_MAX} at most.")
    in_order: list[_Step] = []
    for step, of_step in sorted(steps.items()):
        begin_s = step * step_s - _ahead_s(of_step[0].start_s, zone)
        in_order.append(_Step(begin_s, begin_s + step_s, _clock(step * step_s, step_s), of_step))
    return Film(Frames(in_order, cumulative=cumulative), tuple(_notes(steps, step_s, long)))


def _ahead_s(moment_s: int, zone: tzinfo | None) -> int:
    """How many seconds the local clock is ahead of UTC."""
    offset = datetime.fromtimestamp(moment_s, UTC).astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


def _clock(wall_s: int, step_s: int) -> str:
    """The step that begins at ``wall_s``, seconds of the local clock, as a film shows it."""
    begin, end = (datetime.fromtimestamp(at_s, UTC) for at_s in (wall_s, wall_s + step_s))
    if step_s % DAY_S == 0:
        last = datetime.fromtimestamp(wall_s + step_s - DAY_S, UTC)
        days = dict.fromkeys((f"{begin:%a %d %b %Y}", f"{last:%a %d %b %Y}"))
        return " to ".join(days)
    seconds = ":%S" if step_s % 60 else ""
    return f"{begin:%a %d %b %Y  %H:%M{seconds}} to {end:%H:%M{seconds}}"


def _span_s(piece: Piece) -> int:
    return HOUR_S if piece.span_s == IMPORTED_HOUR_S else piece.span_s


def _notes(steps: Mapping[int, Sequence[Piece]], step_s: int, long: Iterable[tuple[int, int]]) -> list[str]:
    """Sentences about what may surprise. long: the first and the last step of each piece that is longer than one."""
    notes: list[str] = []
    empty, reached = 0, min(steps)
    for first, last in sorted([*((step, step) for step in steps), *long]):
        empty += max(first - reached - 1, 0)
        reached = max(reached, last)
    if empty:
        of_all = max(steps) - min(steps) + 1
        notes.append(f"left out {empty} of {of_all} steps, in which nothing was counted")
    coarsest_s = max(_span_s(piece) for of_step in steps.values() for piece in of_step)
    if coarsest_s > step_s:
        kept = {"hour": "hour", "day": "day", "month": "month", "year": "year"}.get(name_of(coarsest_s), "minute")
        notes.append(f"some counts are kept by the {kept}, longer than a step: each is in the frame in which it begins")
    if len(steps) == 1:
        starts = {piece.start_s for of_step in steps.values() for piece in of_step}
        can_be_parted = len(starts) > 1 or min(coarsest_s, step_s) > HOUR_S  # hours of a day
        hint = "; choose a shorter --step" if can_be_parted else ""
        notes.append(f"the film has a single frame: everything was counted in one step{hint}")
    return notes


def _sum(before: Reading, pieces: Iterable[Piece]) -> Reading:
    parts = {series: [counts] for series, counts in before.counts.items()}
    cell_px = before.cell_px
    for piece in pieces:
        parts.setdefault(Series(piece.monitor, piece.layer), []).append(piece.counts)
        cell_px = max(cell_px, piece.cell_px)
    return Reading({series: Counts.merge(of_it) for series, of_it in parts.items()}, cell_px=cell_px)
