"""Clicks inside KWin: an effect of ours sees them, a QML script of ours calls us, and both are loaded from here.

KWin unloads effects that its settings do not name: 5.27 whenever it reads its settings again, 6 when it begins to draw
again (a graphics reset). Both are noticed, and the effect is loaded again. What is pressed meanwhile is not seen.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from typing import TYPE_CHECKING, Any, Final

from mousetrackd.capture.wayland import kwin_effect, kwin_scripts
from mousetrackd.capture.wayland.dbus import BUS_ERRORS, CallRefusedError
from mousetrackd.capture.wayland.kwin_effect import EFFECTS, State
from mousetrackd.core.errors import SourceError
from mousetrackd.core.wording import reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from mousetrackd.capture.wayland.dbus import Bus

SCRIPT_NAME = "mousetrackd-clicks"
"""By which KWin knows the QML script."""

READY_TIMEOUT_S: Final = 3.0
"""How long script and effect may take to find each other once they are loaded; it takes them milliseconds."""

LOOK_AFTER_S: Final = (0.3, 1.0, 3.0)
"""When to look whether the effect is there, after KWin has changed something: it unloads effects some time after."""

LOADING = "KWin is loading mousetrackd's effect"
NO_SCRIPT = (
    "KWin does not run mousetrackd's QML script. It needs QtQuick.Window (on Debian 12: qml-module-qtquick-window2)"
)
NO_REPORT = "KWin has loaded mousetrackd's effect, but the effect does not report"


class Clicks:
    """Script and effect, loaded or not. For one thread.

    changed: called when ``notes`` have changed. ready_timeout_s, look_after_s: see above. Without clicks motion is
    recorded all the same, so what goes wrong here is a note.
    """

    def __init__(
        self,
        bus: Bus,
        changed: Callable[[], None],
        *,
        ready_timeout_s: float = READY_TIMEOUT_S,
        look_after_s: tuple[float, ...] = LOOK_AFTER_S,
    ) -> None:
        self._bus = bus
        self._changed = changed
        self._ready_timeout_s = ready_timeout_s
        self._look_after_s = look_after_s
        self._why_not = LOADING
        self._token = ""
        self._is_script_running = False
        self._ready_by_s: float | None = None
        self._looks_s: list[float] = []
        self._has_worked = False
        self._checked_s = 0.0
        self._lost_since_s: float | None = None
        self._lost_s, self._times_lost = 0.0, 0

    @property
    def notes(self) -> tuple[str, ...]:
        """Why clicks are not seen, or for how long they were not."""
        if self._why_not:
            return (f"clicks are not seen: {self._why_not}",)
        if self._times_lost:
            times = "once" if self._times_lost == 1 else f"{self._times_lost} times"
            return (f"clicks were not seen for {self._lost_s:.1f} s: KWin unloaded mousetrackd's effect {times}",)
        return ()

    @property
    def is_loading(self) -> bool:
        """Whether script and effect are loaded, and have not found each other yet."""
        return self._ready_by_s is not None

    def load(self) -> None:
        """Have KWin load both, the script first: 5.27 shows its window to no effect that was loaded before it."""
        self._ready_by_s = None
        self._token = secrets.token_hex(16)
        self._is_script_running = False
        try:
            with self._bus.within(self._bus.answer_timeout_s):
                self._unload()
                state = kwin_effect.look(self._bus)
                if state is State.NOT_LOADED:
                    kwin_scripts.load(self._bus, "kwin-clicks.qml", SCRIPT_NAME, self._token)
                    if self._bus.call(EFFECTS, "loadEffect", "s", kwin_effect.NAME):
                        self._ready_by_s = time.monotonic() + self._ready_timeout_s
            why_not = LOADING if self.is_loading else f"{state.value}. {kwin_effect.HINTS.get(state, '')}".strip(". ")
        except (SourceError, *BUS_ERRORS) as error:
            why_not = f"KWin does not load mousetrackd's effect: {reason(error)}"
        self._set(why_not)

    def take(self, member: str, values: tuple[Any, ...]) -> tuple[Any, Any, int] | None:
        """Take a call from KWin. Where it is a press of ours: its position, and the bits of the buttons."""
        if not self._token or values[:1] != (self._token,):
            return None
        match member, values[1:]:
            case "Loaded", ():
                self._is_script_running = True
            case "Ready", ():
                self._take_ready()
            case "Reconfigured", ():
                self.look_soon()
            case "Pressed", (x, y, int(buttons)) if not isinstance(buttons, bool):
                return x, y, buttons
        return None

    def look_soon(self) -> None:
        """KWin has changed something: look whether the effect is still there."""
        now_s = time.monotonic()
        self._looks_s = [now_s + after_s for after_s in self._look_after_s]
        if self._lost_since_s is None and not self._why_not:
            self._lost_since_s = now_s

    def check(self) -> None:
        """Let ``follow`` look: it may have been unloaded for another reason, of which nobody informs us."""
        if not (self._why_not or self._looks_s):
            self._lost_since_s = self._checked_s
            self._looks_s = [time.monotonic()]

    def follow(self) -> float | None:
        """Do what is due by now. Returns after how many seconds more is, None for never.

        Raises SourceError where only loading everything again helps, motion included.
        """
        if self._ready_by_s is not None and time.monotonic() >= self._ready_by_s:
            self._ready_by_s = None
            if self._has_worked and not self._is_script_running:
                # 5.27 may have given its number to two scripts, after another one was unloaded.
                raise SourceError("KWin no longer runs mousetrackd's scripts", "They are loaded again.")
            self._set(NO_REPORT if self._is_script_running else NO_SCRIPT)
        if self._looks_s and time.monotonic() >= self._looks_s[0]:
            del self._looks_s[0]
            self._look()
        due_s = [*self._looks_s[:1], *([] if self._ready_by_s is None else [self._ready_by_s])]
        return max(min(due_s) - time.monotonic(), 0.001) if due_s else None

    def unload(self) -> None:
        """Take both out of KWin again. Raises one of ``BUS_ERRORS``."""
        self._token, self._ready_by_s, self._looks_s = "", None, []
        self._unload()

    def _unload(self) -> None:
        with contextlib.suppress(CallRefusedError):  # a KWin without effects
            self._bus.call(EFFECTS, "unloadEffect", "s", kwin_effect.NAME)
        kwin_scripts.unload(self._bus, SCRIPT_NAME)

    def _look(self) -> None:
        try:
            is_loaded = bool(self._bus.call(EFFECTS, "isEffectLoaded", "s", kwin_effect.NAME))
        except BUS_ERRORS:
            is_loaded = False
        self._checked_s = time.monotonic()
        if not is_loaded:
            self.load()
        elif not (self._looks_s or self._why_not):
            self._lost_since_s = None  # it was there all the time

    def _take_ready(self) -> None:
        self._ready_by_s = None
        self._has_worked = True
        self._checked_s = time.monotonic()
        if self._lost_since_s is not None:
            self._lost_s += self._checked_s - self._lost_since_s
            self._times_lost += 1
            self._lost_since_s = None
        self._set("")

    def _set(self, why_not: str) -> None:
        before, self._why_not = self.notes, why_not
        if self.notes != before:
            self._changed()
