"""Which application a position belongs to, and by which rules it is counted. Pure: windows in, numbers out."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

import numpy as np

from mousetrackd.core.events import NOBODY, AppChange

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

OTHER: Final = NOBODY[0]
"""What belongs to no application, or to one that is not known or not on the list."""

GRID: Final = 256
"""Heat relative to a window is counted in so many by so many equal parts of it, so that moves and sizes add."""

_NO_WINDOW = -1


@dataclass(frozen=True)
class ApplicationRules:
    """What is counted by application.

    allow: patterns of the names that are; all others are "other". deny: patterns of names for which nothing is counted
    at all, whether they are under the pointer or have the keyboard. by_focus: the application is the one that has the
    keyboard, instead of the one under the pointer. aliases: what a name counts as. All names are casefolded.
    """

    is_on: bool = False
    allow: tuple[str, ...] = ("*",)
    deny: tuple[str, ...] = ()
    by_focus: bool = False
    aliases: Mapping[str, str] = field(default_factory=dict)

    def name_of(self, names: Sequence[str]) -> str:
        """What an application of these names is counted as."""
        if not names:
            return OTHER
        known = next((self.aliases[name] for name in names if name in self.aliases), names[0])
        return known if _matches((known, *names), self.allow) else OTHER

    def denies(self, names: Sequence[str]) -> bool:
        """Is nothing counted for an application of these names? Of one that is not known it may be so."""
        if not self.deny:
            return False
        also = [self.aliases[name] for name in names if name in self.aliases]
        return not names or _matches((*names, *also), self.deny)


def _matches(names: Sequence[str], patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


@dataclass(frozen=True)
class Found:
    """Whose so many positions are.

    names: of the applications. application: (N,), the number of one in ``names``. window, x, y: (N,), see ``cells``.
    """

    names: Sequence[str]
    application: NDArray[np.int64]
    window: NDArray[np.int64]
    x: NDArray[np.int64]
    y: NDArray[np.int64]
    contents: NDArray[np.int64]

    def chosen(self, which: slice | NDArray[np.int64]) -> Found:
        """Only these of the positions."""
        application, window = self.application[which], self.window[which]
        return Found(self.names, application, window, self.x[which], self.y[which], self.contents)

    def moved(self, x: NDArray[np.int64], y: NDArray[np.int64]) -> Found:
        """The same at these positions, (N,): each stays in the window it was in."""
        left, top, right, bottom = self.contents[self.window].T
        was_inside = (self.x >= left) & (self.x < right) & (self.y >= top) & (self.y < bottom)
        x = np.where(was_inside, np.clip(x, left, right - 1), self.x)
        y = np.where(was_inside, np.clip(y, top, bottom - 1), self.y)
        return Found(self.names, self.application, self.window, x, y, self.contents)

    def parts(self) -> Iterator[tuple[str, NDArray[np.bool_]]]:
        """Each application that a position is of, and which are."""
        for number, name in enumerate(self.names):
            of_it = self.application == number
            if of_it.any():
                yield name, of_it

    def cells(self) -> NDArray[np.int64]:
        """(N,), the part of its window that each position lies in, row by row; -1 where it lies in none."""
        left, top, right, bottom = self.contents[self.window].T
        inside = (self.x >= left) & (self.x < right) & (self.y >= top) & (self.y < bottom)
        column = (self.x - left) * GRID // np.maximum(right - left, 1)
        row = (self.y - top) * GRID // np.maximum(bottom - top, 1)
        return np.where(inside, row * GRID + column, -1)


class Applications:
    """The windows as they are placed just now, and the rules. Not thread-safe."""

    def __init__(self) -> None:
        self._rules = ApplicationRules()
        self._state = AppChange(0)
        self._prepare()

    @property
    def is_on(self) -> bool:
        """Whether anything is counted by application."""
        return self._rules.is_on

    @property
    def is_unsure(self) -> bool:
        """Whether nothing is counted, for it is not known which application is used and some are denied."""
        unknown = self._state.windows is None or not self._state.focus
        return self._rules.is_on and bool(self._rules.deny) and unknown

    @property
    def can_deny(self) -> bool:
        """Whether ``denied`` may find anything."""
        return self._denies_all or bool(self._denied_windows.any())

    def rule(self, rules: ApplicationRules) -> None:
        """Let these rules hold from now on."""
        self._rules = rules
        self._prepare()

    def change(self, state: AppChange) -> None:
        """From now on the windows are placed like this."""
        self._state = state
        self._prepare()

    def find(self, x: NDArray[np.int64], y: NDArray[np.int64]) -> Found | None:
        """Whose these positions on the desktop, (N,), are; None where nothing is counted by application."""
        if not self._rules.is_on:
            return None
        window = self._windows_at(x, y)
        application = np.zeros(x.size, np.int64) if self._rules.by_focus else self._application[window]
        if self._rules.by_focus:  # what lies in another's window has no place in that of the focused one
            window = np.where(self._application[window] == 0, window, _NO_WINDOW)
        return Found(self._names, application, window, x, y, self._contents)

    def denied(self, x: NDArray[np.int64], y: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(N,), whether nothing is counted at these positions on the desktop."""
        if self._denies_all:
            return np.ones(x.shape, np.bool_)
        return self._denied_windows[self._windows_at(x, y)]

    def _prepare(self) -> None:
        rules, windows = self._rules, self._state.windows or ()
        # The last one is no window's, to be indexed by -1.
        names = [window.names for window in windows] + [NOBODY if self._state.windows is not None else ()]
        counted = [rules.name_of(one) for one in names]
        first = rules.name_of(self._state.focus)
        self._names = list(dict.fromkeys([first, *counted]))
        self._application = np.array([self._names.index(name) for name in counted], np.int64)
        denies = rules.is_on and bool(rules.deny)
        self._denies_all = denies and (self._state.windows is None or rules.denies(self._state.focus))
        self._denied_windows = np.array([denies and rules.denies(one) for one in names], np.bool_)
        contents = [window.content or (0, 0, 0, 0) for window in windows] + [(0, 0, 0, 0)]
        self._contents = np.array(contents, np.int64)
        self._areas = [(number, area) for number, one in enumerate(windows) for area in one.areas][::-1]

    def _windows_at(self, x: NDArray[np.int64], y: NDArray[np.int64]) -> NDArray[np.int64]:
        """(N,), the number of the topmost window at each position; -1 where there is none."""
        found = np.full(x.shape, _NO_WINDOW, np.int64)
        if not x.size:
            return found
        first_x, last_x, first_y, last_y = x.min(), x.max(), y.min(), y.max()
        for number, (left, top, right, bottom) in self._areas:
            if left > last_x or right <= first_x or top > last_y or bottom <= first_y:
                continue
            here = (found == _NO_WINDOW) & (x >= left) & (x < right) & (y >= top) & (y < bottom)
            found[here] = number
            if (found != _NO_WINDOW).all():
                break
        return found
