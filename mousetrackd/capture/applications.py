"""Whose a window is, by the names that a display gives. Never by its title, which nobody asks for, or its process.

A source that knows windows has the method of ``IdentifiesWindows``, and puts an ``AppChange`` among its items when one
is opened, closed, moved, resized, restacked or focused; nothing else may wake it. It names the application of each
window by ``Identities.names``, so that a program has one name whatever session it runs in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from mousetrackd.core.validity import plain_name
from mousetrackd.system import desktop_entries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mousetrackd.system.desktop_entries import DesktopEntry

_REMEMBERED: Final = 1000


@runtime_checkable
class IdentifiesWindows(Protocol):
    """A source that can report which application the pointer is over, and which has the keyboard."""

    def identify_windows(self) -> None:
        """Let ``AppChange`` items come. Called before ``start``; without it nothing is asked of the display.

        The first one comes soon after the first layout. When windows cannot be identified any more, one without
        positions and focus comes, and ``notes`` says why. Titles are not asked for; where they arrive they are dropped.
        """

    @property
    def identifies_by(self) -> str:
        """For status and doctor: by what, and what is missing ("X11: window positions and WM_CLASS")."""


class Identities:
    """Names of applications, by what is installed. For one thread.

    installed, stamps: as in ``desktop_entries``; they are read when the first name is asked for, and again when a name
    is new and something was installed since.
    """

    def __init__(
        self,
        installed: Callable[[], Iterable[DesktopEntry]] = desktop_entries.installed,
        stamps: Callable[[], tuple[int, ...]] = desktop_entries.stamps,
    ) -> None:
        self._installed = installed
        self._stamps = stamps
        self._read: tuple[int, ...] | None = None
        self._known: dict[str, str] = {}
        self._found: dict[tuple[str, ...], tuple[str, ...]] = {}

    def names(self, *given: str) -> tuple[str, ...]:
        """All names of an application, its identity first; none where nothing was given.

        given: what the display calls it, the most telling first: the id of its desktop file, _GTK_APPLICATION_ID,
        the class of WM_CLASS or its app_id, the instance of WM_CLASS.
        """
        if given not in self._found:
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            self._look()
            names = [name for name in dict.fromkeys(plain_name(one) for one in given) if name]
            identity = next((self._known[name] for name in names if name in self._known), names[0] if names else "")
            self._found[given] = tuple(dict.fromkeys([identity, *names])) if identity else ()
        return self._found[given]

    def _look(self) -> None:
        stamps = self._stamps()
        if stamps != self._read:
            self._read = stamps
            entries = [*self._installed()]
            self._known = {plain_name(one.wm_class): plain_name(one.id) for one in reversed(entries)}
            self._known |= {plain_name(one.id): plain_name(one.id) for one in entries}
