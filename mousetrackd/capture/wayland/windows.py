"""Windows as a compositor reports them: JSON text from what of ours runs inside it, made into ``AppChange`` items.

{"windows": [[[name, ...], [x, y, width, height], [x, y, width, height] or null], ...], "focus": [name, ...] or null}

The lowest window comes first. The first rectangle is where it gets the pointer, the second its content, null for a
menu; both are in logical coordinates. No focus means that nobody has the keyboard.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from mousetrackd.capture.applications import Identities
from mousetrackd.capture.wayland import peer
from mousetrackd.core.events import NOBODY, AppChange, Window
from mousetrackd.core.wording import quoted, reason

if TYPE_CHECKING:
    from mousetrackd.capture.wayland.outputs import LayoutReader
    from mousetrackd.capture.wayland.reader_thread import CompositorSource

_WINDOWS_MAX: Final = 1000
_NAMES_MAX: Final = 8


@dataclass(frozen=True)
class Rectangle:
    """In logical coordinates."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Reported:
    """A window as it was reported. frame: where it gets the pointer. content: None for a menu."""

    names: tuple[str, ...]
    frame: Rectangle
    content: Rectangle | None


class FollowsWindows(Protocol):
    """Puts ``AppChange`` items for a connection that reads the pointer. For one thread."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What is not known of windows, in general and just now. Read from any thread."""

    def fileno(self) -> int:
        """What becomes readable with news of windows; -1 where they come over the connection itself."""

    def refresh(self) -> None:
        """The pointer moves: put what its windows are now, if that is cheap to know."""

    def place(self) -> None:
        """The monitors have changed: put windows where they are now."""

    def follow(self) -> float | None:
        """Take what has come. Returns after how many seconds to call it again, None for never."""

    def close(self) -> None:
        """Close what it has opened. Idempotent."""


class WindowReports:
    """Puts an ``AppChange`` for each report that says something else. For one thread.

    awaiting: the note until the first report comes. ``problem``: why windows are not identified; empty while they are.
    """

    def __init__(
        self,
        source: CompositorSource,
        monitors: LayoutReader,
        awaiting: str,
        *,
        identities: Identities | None = None,
    ) -> None:
        self._source = source
        self._monitors = monitors
        self._identities = Identities() if identities is None else identities
        self._windows: tuple[Reported, ...] | None = None
        self._focus: tuple[str, ...] = ()
        self._put: tuple[object, object] = (None, ())
        self.problem = f"windows are not identified: {awaiting}"

    def take(self, text: str) -> None:
        """Take a report. One that is none means that nothing is known any more."""
        try:
            report = peer.parse_json(text.encode())
        except ValueError as error:
            self.lose(f"they are reported as what cannot be understood: {reason(error)}")
            return
        self.take_report(report)

    def take_report(self, report: object) -> None:
        """As ``take``, of the value of the JSON text."""
        try:
            self._windows, self._focus = self._parse(report)
        except ValueError as error:
            self.lose(f"they are reported as what cannot be understood: {reason(error)}")
            return
        self._set_problem("")
        self.place()

    def lose(self, why: str) -> None:
        """Nothing is known from now on, and ``problem`` says why."""
        self._windows, self._focus = None, ()
        self._set_problem(f"windows are not identified: {why}")
        self.place()

    def place(self) -> None:
        """Put the windows where they are on the desktop, unless they are there already."""
        windows = None if self._windows is None else tuple(w for one in self._windows if (w := self._window(one)).areas)
        if (windows, self._focus) != self._put:
            self._put = (windows, self._focus)
            self._source.put(AppChange(self._source.now_ms(), windows, self._focus))

    def _window(self, one: Reported) -> Window:
        frame, content = one.frame, one.content
        areas = self._monitors.to_areas(frame.x, frame.y, frame.width, frame.height)
        if content is None:
            return Window(one.names, areas, None)
        return Window(one.names, areas, self._monitors.to_box(content.x, content.y, content.width, content.height))

    def _set_problem(self, problem: str) -> None:
        if problem != self.problem:
            self.problem = problem
            self._source.report_notes()

    def _parse(self, report: object) -> tuple[tuple[Reported, ...], tuple[str, ...]]:
        match report:
            case {"windows": list(windows), "focus": focus} if len(windows) <= _WINDOWS_MAX:
                return tuple(self._reported(one) for one in windows), NOBODY if focus is None else self._names(focus)
        raise ValueError(f"{quoted(repr(report), 80)} are no windows")

    def _reported(self, window: object) -> Reported:
        match window:
            case [names, frame, None]:
                return Reported(self._names(names), _rectangle(frame), None)
            case [names, frame, content]:
                return Reported(self._names(names), _rectangle(frame), _rectangle(content))
        raise ValueError(f"{quoted(repr(window), 80)} is no window")

    def _names(self, given: Any) -> tuple[str, ...]:
        if not isinstance(given, list) or len(given) > _NAMES_MAX or not all(isinstance(one, str) for one in given):
            raise ValueError(f"{quoted(repr(given), 80)} are no names")
        return self._identities.names(*given)


def _rectangle(value: object) -> Rectangle:
    match value:
        case [x, y, width, height]:
            return Rectangle(*peer.position(x, y), *peer.position(width, height))
    raise ValueError(f"{quoted(repr(value), 80)} is no rectangle")
