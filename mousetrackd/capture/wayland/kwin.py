"""KWin, the compositor of KDE Plasma: a script of ours runs inside it and reports where the pointer is.

Clicks take more (``kwin_clicks``), which is loaded after it, and without which motion is recorded all the same.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from jeepney import DBusAddress

from mousetrackd.capture.wayland import kwin_scripts
from mousetrackd.capture.wayland.bus_connection import THROTTLE_NOTE, BusConnection
from mousetrackd.capture.wayland.dbus import ANSWER_TIMEOUT_S, Bus, CallRefusedError
from mousetrackd.capture.wayland.kwin_clicks import LOOK_AFTER_S, READY_TIMEOUT_S, Clicks
from mousetrackd.capture.wayland.kwin_scripts import BUS_NAME
from mousetrackd.capture.wayland.reader_thread import CompositorSource, IdentifyingSource
from mousetrackd.core.errors import SourceError
from mousetrackd.core.events import Gap, Kind
from mousetrackd.core.wording import reason

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

SCRIPT_NAME = "mousetrackd"
"""By which KWin knows the script."""
WINDOWS_SCRIPT_NAME = "mousetrackd-windows"
"""By which it knows that of windows, which is loaded only where somebody counts by application."""

NO_SCROLL = "scroll is not seen: KWin reports motion and clicks only"

_LOCK = "org.freedesktop.ScreenSaver"
"""The interface of KWin's lock screen."""
_COMPOSITING = "org.kde.kwin.Compositing"

_BUTTONS: Final = {1: Kind.LEFT, 2: Kind.RIGHT, 4: Kind.MIDDLE}
"""Of Qt::MouseButton; every other bit is another button."""
_BUTTON_BITS = 27

_SETTLE_S = 0.5
"""How long the start waits for the effect, so that the first notes are right. Motion is taken meanwhile."""


class KWinScript(BusConnection):
    """A script inside KWin that calls us. See ``reader_thread.PointerConnection``."""

    bus_name = BUS_NAME
    compositor = "KWin"

    def __init__(
        self,
        source: CompositorSource,
        answer_timeout_s: float,
        *,
        ready_timeout_s: float,
        look_after_s: tuple[float, ...],
    ) -> None:
        self._new_clicks = partial(Clicks, ready_timeout_s=ready_timeout_s, look_after_s=look_after_s)
        self._token = secrets.token_hex(16)
        self._at: tuple[int, int] | None = None
        self._is_locked = False
        super().__init__(source, answer_timeout_s)

    @property
    def notes(self) -> tuple[str, ...]:  # type: ignore[override]
        """What KWin does not report, in general and just now."""
        return (*self._clicks.notes, *self._window_notes(), NO_SCROLL, THROTTLE_NOTE)

    def _begin(self, bus: Bus) -> None:
        self._clicks = self._new_clicks(bus, self._source.report_notes)
        # All of a killed daemon's first: 5.27 numbers scripts by how many there are, and would give a number twice.
        self._clicks.unload()
        kwin_scripts.unload(bus, WINDOWS_SCRIPT_NAME)
        kwin_scripts.load(bus, "kwin.js", SCRIPT_NAME, self._token)
        if self._source.wants_windows:
            self._load_windows(bus)
        bus.subscribe(_LOCK, "ActiveChanged")
        bus.subscribe(_COMPOSITING, "compositingToggled")
        self._is_locked = _is_locked(bus)
        self._clicks.load()
        give_up_s = time.monotonic() + _SETTLE_S
        while (self._clicks.is_loading or self._window_notes()) and time.monotonic() < give_up_s:
            for member, values in bus.take(give_up_s - time.monotonic()):
                self._take(member, values)

    def _load_windows(self, bus: Bus) -> None:
        """Have KWin report windows. Where it does not, motion is recorded all the same."""
        windows = self._follow_windows("KWin does not run mousetrackd's script for them")
        try:
            kwin_scripts.load(bus, "kwin-windows.js", WINDOWS_SCRIPT_NAME, self._token)
        except (SourceError, CallRefusedError) as error:
            windows.lose(f"KWin does not load mousetrackd's script for them: {reason(error)}")

    def ask(self, answered: Callable[[], None]) -> None:
        """As the others; and look whether clicks are still seen."""
        super().ask(answered)
        self._clicks.check()

    def _follow(self) -> float | None:
        return self._clicks.follow()

    def _take(self, member: str, values: tuple[Any, ...]) -> None:
        match member, values:
            case "ActiveChanged", (bool(is_locked),):
                self._lock(is_locked=is_locked)
            case "compositingToggled", (bool(),):
                self._clicks.look_soon()
            case "Moved", (self._token, x, y):
                self._move(x, y)
            case "Windows", (self._token, str(text)) if self.windows is not None:
                self.windows.take(text)
            case _ if press := self._clicks.take(member, values):
                self._press(*press)

    def _lock(self, *, is_locked: bool) -> None:
        if is_locked and not self._is_locked:
            self._source.put(Gap(self._source.now_ms(), "the screen is locked"))
            self._at = None
        self._is_locked = is_locked

    def _move(self, x: object, y: object) -> tuple[int, int] | None:
        """Put a move, unless the pointer is there already. Returns where it is; None where nothing is to be counted."""
        pixel = None if self._is_locked else self._pixel(x, y)
        if pixel is not None and pixel != self._at:
            self._source.put_move(*pixel)
            self._at = pixel
        return pixel

    def _press(self, x: object, y: object, buttons: int) -> None:
        """Put a press after a move to its place: the last one that was reported may be 50 ms old."""
        pixel = self._move(x, y)
        if pixel is not None:
            for bit in (1 << n for n in range(_BUTTON_BITS) if buttons >> n & 1):
                self._source.put((self._source.now_ms(), _BUTTONS.get(bit, Kind.OTHER), *pixel))

    def _end(self, bus: Bus) -> None:
        try:
            self._clicks.unload()
        finally:
            if self.windows is not None:
                kwin_scripts.unload(bus, WINDOWS_SCRIPT_NAME)
            kwin_scripts.unload(bus, SCRIPT_NAME)


def make_source(
    *,
    answer_timeout_s: float = ANSWER_TIMEOUT_S,
    ready_timeout_s: float = READY_TIMEOUT_S,
    look_after_s: tuple[float, ...] = LOOK_AFTER_S,
) -> IdentifyingSource:
    """The pointer of Plasma's Wayland session, as a source. See ``Bus`` and ``Clicks`` for the times."""
    return IdentifyingSource(
        f"{KWinScript.compositor} (Wayland)",
        lambda source: KWinScript(source, answer_timeout_s, ready_timeout_s=ready_timeout_s, look_after_s=look_after_s),
        lambda: "KWin: places of windows, desktop files and app_id or WM_CLASS",
    )


def _is_locked(bus: Bus) -> bool:
    """Whether the screen is locked now; a KWin without a lock screen has none to ask."""
    with contextlib.suppress(CallRefusedError):
        return bool(bus.call(DBusAddress("/ScreenSaver", BUS_NAME, _LOCK), "GetActive"))
    return False
