"""Programs with windows on $DISPLAY, and window managers."""

import contextlib
import os
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from Xlib import X, Xutil, display
from Xlib.error import ConnectionClosedError
from Xlib.ext import shape

from support.waiting import wait_until

COMMANDS = {
    "openbox": ["openbox"],
    "xfwm4": ["dbus-run-session", "--", "xfwm4", "--compositor=off"],
    "i3": ["i3"],
    "mutter": ["dbus-run-session", "--", "mutter", "--x11"],
    "kwin_x11": ["dbus-run-session", "--", "kwin_x11"],
}


class WindowManager:
    """A window manager on $DISPLAY, by its name in ``COMMANDS``."""

    def __init__(self, name: str, folder: Path) -> None:
        if shutil.which(COMMANDS[name][-1] if name != "xfwm4" else "xfwm4") is None and name == "openbox":
            raise AssertionError("openbox is not installed: scripts/test installs what the tests need")
        self._command = COMMANDS[name]
        if name == "i3":
            config = folder / "i3.conf"
            config.write_text("font pango:monospace 8\nworkspace_layout default\n")
            self._command = ["i3", "-c", str(config)]
        self._folder = folder

    def __enter__(self) -> Self:
        variables = {**os.environ, "HOME": str(self._folder), "XDG_RUNTIME_DIR": str(self._folder)}
        variables |= {"LIBGL_ALWAYS_SOFTWARE": "1", "QT_QPA_PLATFORM": "xcb"}
        with (self._folder / "window-manager.log").open("wb") as log:
            self._process = subprocess.Popen(
                self._command, env=variables, stdout=log, stderr=log, start_new_session=True
            )
        self._probe = Program("probe", "Probe")  # kept: the server would give its numbers to the next one
        state = self._probe.display.intern_atom("WM_STATE")
        wait_until(lambda: _is_managed(self._probe, state), "there is a window manager")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._probe.__exit__(None, None, None)
        os.killpg(self._process.pid, 15)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, 9)
            self._process.wait(10)


def _is_managed(probe: "Program", state: int) -> bool:
    """Show a window: does it get a state soon? Who has just started forgets what was shown meanwhile."""
    window = probe.open(0, 0, 50, 50)
    give_up_s = time.monotonic() + 0.5
    while time.monotonic() < give_up_s:
        if window.get_full_property(state, X.AnyPropertyType) is not None:
            probe.close(window)
            return True
        time.sleep(0.01)
    probe.close(window)
    return False


class Program:
    """A program with windows of its own connection. Every call returns when the server has done it."""

    def __init__(self, instance: str = "", wm_class: str = "") -> None:
        self._name = (instance, wm_class)
        self.display = display.Display()
        self.root = self.display.screen().root

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(ConnectionClosedError):  # the server may be gone
            self.display.close()

    def open(
        self, left: int, top: int, width: int, height: int, *, is_menu: bool = False, gtk_id: str = "", border: int = 0
    ) -> Any:
        """A window that is shown. is_menu: one that no window manager manages, without a name of its own."""
        window = self.root.create_window(
            *(left, top, width, height, border, X.CopyFromParent),
            override_redirect=int(is_menu),
            background_pixel=self.display.screen().white_pixel,
        )
        if not is_menu:
            if self._name[1]:
                window.set_wm_class(*self._name)
            window.set_wm_normal_hints(
                flags=Xutil.USPosition | Xutil.USSize | Xutil.PWinGravity, win_gravity=X.StaticGravity
            )
            window.set_wm_hints(flags=Xutil.InputHint, input=1)
        if gtk_id:
            atoms = [self.display.intern_atom(name) for name in ("_GTK_APPLICATION_ID", "UTF8_STRING")]
            window.change_property(*atoms, 8, gtk_id.encode())
        window.map()
        self.display.sync()
        return window

    def retitle(self, window: Any, title: str) -> None:
        window.set_wm_name(title)
        self.display.sync()

    def move(self, window: Any, left: int, top: int, width: int, height: int) -> None:
        window.configure(x=left, y=top, width=width, height=height)
        self.display.sync()

    def shape(self, window: Any, left: int, top: int, width: int, height: int) -> None:
        """Let it have only this rectangle, of its own pixels."""
        window.shape_rectangles(shape.SO.Set, shape.SK.Bounding, 0, 0, 0, [(left, top, width, height)])
        self.display.sync()

    def close(self, window: Any) -> None:
        window.destroy()
        self.display.sync()

    def minimise(self, window: Any) -> None:
        self._ask(window, "WM_CHANGE_STATE", Xutil.IconicState)

    def activate(self, window: Any) -> None:
        """Raise it and give it the keyboard, as a task bar does."""
        self._ask(window, "_NET_ACTIVE_WINDOW", 2)

    def show_desktop(self, number: int) -> None:
        """Switch to a virtual desktop."""
        self._ask(self.root, "_NET_CURRENT_DESKTOP", number)

    def _ask(self, window: Any, what: str, value: int) -> None:
        from Xlib.protocol import event  # noqa: PLC0415 - long to load, and rarely needed

        message = event.ClientMessage(
            window=window, client_type=self.display.intern_atom(what), data=(32, [value, 0, 0, 0, 0])
        )
        self.root.send_event(message, event_mask=X.SubstructureRedirectMask | X.SubstructureNotifyMask)
        self.display.sync()
