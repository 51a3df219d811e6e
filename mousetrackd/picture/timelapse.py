"""What each picture of a film shows: how the heat grew, or moved. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Final

from mousetrackd.core.counts import Counts
from mousetrackd.core.errors import UsageError
from mousetrackd.core.series import Series
from mousetrackd.storage.query import Reading
from mousetrackd.storage.tiers import DAY_S, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mousetrackd.storage.query import Piece

FRAMES_MAX: Final = 20_000


@dataclass(frozen=True)
class Frame:
    """One picture of a film. clock: which step of time it adds, by the local clock."""

    reading: Reading
    clock: str


@dataclass(frozen=True)
class Film:
    """The pictures of a film in order. notes: sentences about what may surprise in them."""

    frames: list[Frame]
    notes: tuple[str, ...] = ()


def film_of(pieces: Iterable[Piece], step_s: int, *, cumulative: bool, zone: tzinfo | None = None) -> Film:
    """A frame for each step of time in which something was counted.

    Steps are those of the local clock, from midnight on. A piece belongs to the step in which it begins. cumulative:
    each frame holds all before it as well. zone: of the clock; None is the local one.
    Raises UsageError when there is nothing, or when it would be more than ``FRAMES_MAX`` frames.
    """
    steps: dict[int, list[Piece]] = {}
    coarsest_s = 0
    for piece in pieces:
        steps.setdefault((piece.start_s + _ahead_s(piece.start_s, zone)) // step_s, []).append(piece)
        coarsest_s = max(coarsest_s, piece.span_s)
    if not steps:
        raise UsageError("nothing was counted in this range", "Choose another with --since and --until.")
    if len(steps) > FRAMES_MAX:
        raise UsageError(f"that would be {len(steps)} frames", f"Choose a longer --step: {FRAMES_MAX} at most.")
    frames: list[Frame] = []
    so_far = Reading()
    first_s = min(piece.start_s for piece in steps[min(steps)])
    for step in sorted(steps):
        before = so_far if cumulative else Reading()
        ahead_s = _ahead_s(steps[step][0].start_s, zone)
        start_s, end_s = step * step_s - ahead_s, (step + 1) * step_s - ahead_s
        so_far = replace(
            _sum(before, steps[step]), first_s=min(first_s, start_s) if cumulative else start_s, last_s=end_s
        )
        frames.append(Frame(so_far, _clock(step * step_s, step_s)))
    return Film(frames, tuple(_notes([*steps], step_s, coarsest_s)))


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


def _notes(steps: list[int], step_s: int, coarsest_s: int) -> list[str]:
    notes: list[str] = []
    empty = max(steps) - min(steps) + 1 - len(steps)
    if empty:
        notes.append(f"left out {empty} of {empty + len(steps)} steps, in which nothing was counted")
    if coarsest_s > step_s:
        kept = {"hour": "hour", "day": "day", "month": "month", "year": "year"}.get(name_of(coarsest_s), "minute")
        notes.append(f"some counts are kept by the {kept}, longer than a step: each is in the frame in which it begins")
    if len(steps) == 1:
        notes.append("the film has a single frame: everything was counted in one step; choose a shorter --step")
    return notes


def _sum(before: Reading, pieces: Iterable[Piece]) -> Reading:
    counts = dict(before.counts)
    for piece in pieces:
        series = Series(piece.monitor, piece.layer)
        counts[series] = Counts.merge([counts[series], piece.counts]) if series in counts else piece.counts
    return Reading(counts)
