"""Which steps of the pointer a program made that puts it back to one and the same pixel. Pure.

Games, virtual machines and remote desktops want to know how the mouse moves, not where the pointer is: after each
move, or once a frame, they warp the pointer back to the middle of their window. What the hand did are the steps away
from there; the steps back are nobody's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    _Ints: TypeAlias = NDArray[np.int64]
    _Bools: TypeAlias = NDArray[np.bool_]

_RETURNS: Final = 3
"""So many returns to one pixel may be a hand's; the next one is a program's."""

_QUICK_MS: Final = 100
"""A program returns the pointer with its next frame. A hand that goes back and forth stops longer at the turn."""

_HAND_MAX_PX: Final = 250
"""A hand moves less between two events; a longer step before the return was itself a warp."""

_HAND_MIN_PX: Final = 2
"""Steps of 1 px back and forth are a mouse that jitters, unless a program is known to return the pointer there."""

_STRAIGHT: Final = -0.6
"""The cosine of how far a return turns at least, where no centre is known yet: a hand's small circles turn less."""

_REMEMBERED_MS: Final = 5000
"""A program that has not returned the pointer for so long may have ended."""


@dataclass
class _Streak:
    """Returns to one pixel in a row. x, y: on the desktop. at: the last one's number in this batch, -1 before it.

    is_passed: whether the pointer came to the pixel otherwise since then, in an earlier batch.
    """

    x: int
    y: int
    at: int
    length: int = 1
    is_passed: bool = False

    def was_passed(self, x: _Ints, y: _Ints) -> bool:
        """Whether the pointer came to the pixel otherwise than by a return, in this batch up to these or before it."""
        return self.is_passed or bool(((x[self.at + 1 :] == self.x) & (y[self.at + 1 :] == self.y)).any())


class Recentring:
    """Finds returns in a stream of events, the same ones wherever batches end. Not thread-safe."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """What comes next does not follow what came before."""
        self._last: tuple[int, int, int] | None = None  # when the pointer came where it is, x, y
        self._step = (0, 0)
        self._streaks: list[_Streak] = []  # of the last two pixels that were returned to, the newer first
        self._centre: tuple[int, int] | None = None
        self._returned_ms = 0

    def returns(self, time_ms: NDArray[np.int64], x: NDArray[np.int64], y: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether the step to each event, from the one before it, is a program's return.

        time_ms, x, y: (N,), of the events that follow those of the last call, on the desktop. Returns (N,).
        """
        found = np.zeros(x.size, np.bool_)
        if not x.size:
            return found
        came_ms, from_x, from_y = self._last or (int(time_ms[0]), int(x[0]), int(y[0]))
        step_x, step_y = np.diff(x, prepend=from_x), np.diff(y, prepend=from_y)
        moved = np.flatnonzero(step_x | step_y)
        if moved.size < x.size:
            step_x, step_y, time_ms, x, y = step_x[moved], step_y[moved], time_ms[moved], x[moved], y[moved]
        if moved.size:
            # Each step with the one before it, and the time at which the pointer came where the step begins.
            steps_x, steps_y = np.append(self._step[0], step_x), np.append(self._step[1], step_y)
            along = steps_x[1:] * steps_x[:-1] + steps_y[1:] * steps_y[:-1]
            back = np.flatnonzero(along < 0)  # few, as a rule: what follows costs nothing then
            if back.size:
                stayed_ms = time_ms[back] - np.append(came_ms, time_ms)[back]
                before = steps_x[back], steps_y[back]
                may_be, shows = _judge(stayed_ms, along[back], step_x[back], step_y[back], *before)
                for row in self._rows_that_matter(may_be, shows, x[back], y[back]):
                    number = int(back[row])
                    step = int(step_x[number]), int(step_y[number])
                    is_return = self._is_return(number, int(time_ms[number]), x, y, step, shows=bool(shows[row]))
                    found[moved[number]] = is_return
            for streak in self._streaks:
                streak.is_passed = streak.was_passed(x, y)
                streak.at = -1
            came_ms, from_x, from_y = int(time_ms[-1]), int(x[-1]), int(y[-1])
            self._step = int(step_x[-1]), int(step_y[-1])
        self._last = came_ms, from_x, from_y
        return found

    def _rows_that_matter(self, may_be: _Bools, shows: _Bools, x: _Ints, y: _Ints) -> Iterator[int]:
        """The steps back that may be a program's, without those of which ``_is_return`` would learn nothing.

        may_be, shows, x, y: (N,), of each step back. Yields positions in them, in order.
        """
        centre = self._centre
        at_centre = np.False_ if centre is None else (x == centre[0]) & (y == centre[1])
        for row in np.flatnonzero(may_be & (shows | at_centre)).tolist():
            yield row
            if self._centre != centre:  # what matters now was not known before
                yield from (np.flatnonzero(may_be[row + 1 :]) + row + 1).tolist()
                return

    def _is_return(
        self, number: int, time_ms: int, path_x: _Ints, path_y: _Ints, step: tuple[int, int], *, shows: bool
    ) -> bool:
        """Whether a step back is a program's. Every step that matters is asked about once, in order.

        number: of the position in the path that it leads to. shows: whether a program may be known by it.
        """
        x, y = int(path_x[number]), int(path_y[number])
        if time_ms - self._returned_ms > _REMEMBERED_MS:
            self._centre = None
            self._streaks = []
        if (x, y) == self._centre:
            self._returned_ms = time_ms
            return True
        if not shows or (x - step[0], y - step[1]) == self._centre:
            return False
        if self._centre is None:
            self._returned_ms = time_ms
        same = next((one for one in self._streaks if (one.x, one.y) == (x, y)), None)
        others = [one for one in self._streaks if one is not same]
        # A hand that goes to and fro comes through the pixel also on its way; a program returns there alone.
        length = 1 if same is None or same.was_passed(path_x[:number], path_y[:number]) else same.length + 1
        self._streaks = [_Streak(x, y, number, length), *others[:1]]
        # A hand that moves equally far each time seems to be returned as well: the centre is what was first.
        if length <= max(_RETURNS, *(one.length for one in others[:1]), 0):
            return False
        self._centre = x, y
        self._returned_ms = time_ms
        return True


def _judge(
    stayed_ms: _Ints, along: _Ints, step_x: _Ints, step_y: _Ints, before_x: _Ints, before_y: _Ints
) -> tuple[_Bools, _Bools]:
    """Of each step back: may it be a program's, and may a program be known by it?"""
    before = np.maximum(np.abs(before_x), np.abs(before_y))
    length = np.maximum(np.abs(step_x), np.abs(step_y))
    may_be = (length >= before) & (before <= _HAND_MAX_PX) & (stayed_ms <= _QUICK_MS)
    turned = along < _STRAIGHT * np.hypot(step_x, step_y) * np.hypot(before_x, before_y)
    return may_be, turned & (length >= _HAND_MIN_PX)
