"""What each picture of a film shows: how the heat grew, or moved. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mousetrackd.core.counts import Counts
from mousetrackd.core.errors import UsageError
from mousetrackd.core.series import Series
from mousetrackd.storage.query import Reading

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mousetrackd.storage.query import Piece

FRAMES_MAX: Final = 20_000


def readings(pieces: Iterable[Piece], step_s: int, *, cumulative: bool) -> list[Reading]:
    """A reading per step of time, from the first piece's step to the last's, empty ones included.

    A piece belongs to the step in which it begins. cumulative: each reading holds all before it as well.
    Raises UsageError when there is nothing, or when it would be more than ``FRAMES_MAX`` frames.
    """
    steps: dict[int, list[Piece]] = {}
    for piece in pieces:
        steps.setdefault(piece.start_s // step_s, []).append(piece)
    if not steps:
        raise UsageError("nothing was counted in this range", "Choose another with --since and --until.")
    first, last = min(steps), max(steps)
    if last - first >= FRAMES_MAX:
        raise UsageError(f"that would be {last - first + 1} frames", f"Choose a longer --step: {FRAMES_MAX} at most.")
    frames: list[Reading] = []
    so_far = Reading()
    for step in range(first, last + 1):
        fresh = _sum(Reading(), steps.get(step, []))
        if cumulative:
            so_far = _sum(so_far, steps.get(step, []))
            frames.append(replace(so_far, first_s=first * step_s, last_s=(step + 1) * step_s))
        else:
            frames.append(replace(fresh, first_s=step * step_s, last_s=(step + 1) * step_s))
    return frames


def _sum(before: Reading, pieces: Iterable[Piece]) -> Reading:
    counts = dict(before.counts)
    for piece in pieces:
        series = Series(piece.monitor, piece.layer)
        counts[series] = Counts.merge([counts[series], piece.counts]) if series in counts else piece.counts
    return Reading(counts)
