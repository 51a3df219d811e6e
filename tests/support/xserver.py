"""Private X servers, and what moves their pointers.

Run as a program, it is an Xvfb for a shell script: see ``main``.
"""

import contextlib
import os
import secrets
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from Xlib import X, display
from Xlib.ext import xinput, xtest
from Xlib.protocol import rq

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0

LEFT, MIDDLE, RIGHT, WHEEL_UP, WHEEL_DOWN, WHEEL_LEFT, WHEEL_RIGHT, SIDE = range(1, 9)


class XServer:
    """An X server. ``name`` is for DISPLAY; it stays the same over ``kill`` and ``start``.

    command: of the server, without the number of its display.

    Its number is one that nobody else who looks for the lowest free one takes while it is dead.
    """

    def __init__(self, folder: Path, *command: str) -> None:
        self._command = command
        self._log = folder / "x-server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.name = ""
        self.cookies: Path | None = None
        """The file of the cookies that ``start`` accepts; None: everyone of this machine may connect."""

    def start(self) -> None:
        """Return when the server takes connections."""
        if shutil.which(self._command[0]) is None:
            raise AssertionError(f"{self._command[0]} is not installed: scripts/test installs what the tests need")
        for number in [self.name.lstrip(":")] if self.name else _unlikely_numbers():
            if self._started(number):
                self.name = f":{number}"
                return
            self.stop()
        raise AssertionError(f"{self._command[0]} did not start:\n{self._log.read_text(errors='replace')}")

    def _started(self, number: str) -> bool:
        ready, tell = os.pipe()
        try:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    [
                        *self._command,
                        # -noreset: without it the server forgets everything whenever its last client leaves.
                        *(f":{number}", "-displayfd", str(tell), "-noreset", "-nolisten", "tcp"),
                        *(("-auth", str(self.cookies)) if self.cookies else ()),
                    ],
                    pass_fds=(tell,),
                    stdout=log,
                    stderr=log,
                )
            os.close(tell)
            tell = -1
            return _read_line(ready) == number
        finally:
            os.close(ready)
            if tell >= 0:
                os.close(tell)

    def stop(self) -> None:
        """End it in good order, and sweep up what a killed one left. Idempotent."""
        self._end(signal.SIGTERM)
        if self.name:
            for left in (f"/tmp/.X{self.name[1:]}-lock", f"/tmp/.X11-unix/X{self.name[1:]}"):  # noqa: S108 - X11's names
                Path(left).unlink(missing_ok=True)

    def kill(self) -> None:
        """End it as a crash does."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Let it answer nobody until it is ended, or thawed."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on after ``freeze``."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            process.send_signal(signal.SIGCONT)
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(STOP_TIMEOUT_S)


class Xvfb(XServer):
    """A server with one screen in memory. options: more of Xvfb's own."""

    def __init__(self, folder: Path, *options: str, size: str = "1920x1080") -> None:
        super().__init__(folder, "Xvfb", "-screen", "0", f"{size}x24", *options)


def write_cookie(file: Path, display_name: str) -> None:
    """Write an Xauthority file with a new cookie, as a display manager does at each login."""
    parts = (
        os.uname().nodename.encode(),
        display_name.lstrip(":").encode(),
        b"MIT-MAGIC-COOKIE-1",
        secrets.token_bytes(16),
    )
    family_local = 256
    file.write_bytes(struct.pack(">H", family_local) + b"".join(struct.pack(">H", len(part)) + part for part in parts))


def _unlikely_numbers() -> list[str]:
    return [str(secrets.randbelow(20_000) + 1_000) for _ in range(5)]


def _read_line(descriptor: int) -> str:
    """A whole line: the server writes the number and the newline apart, and dies where nobody takes both."""
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([descriptor], [], [], START_TIMEOUT_S)
        more = os.read(descriptor, 64) if ready else b""
        if not more:
            return ""
        line += more
    return line.decode().strip()


class Pointer:
    """Moves the pointer of $DISPLAY. Every call returns when the server has done it."""

    def __init__(self) -> None:
        self._display = display.Display()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):  # the server may be gone, and close() would ask it
            self._display.display.socket.shutdown(socket.SHUT_RDWR)
        self._display.display.socket.close()

    def move(self, *points: tuple[int, int]) -> None:
        for x, y in points:
            xtest.fake_input(self._display, X.MotionNotify, x=x, y=y)
        self._display.sync()

    def press(self, button: int) -> None:
        xtest.fake_input(self._display, X.ButtonPress, button)
        self._display.sync()

    def release(self, button: int) -> None:
        xtest.fake_input(self._display, X.ButtonRelease, button)
        self._display.sync()

    def click(self, button: int) -> None:
        """Press and release, where the pointer is. The wheel's steps are buttons too."""
        xtest.fake_input(self._display, X.ButtonPress, button)
        xtest.fake_input(self._display, X.ButtonRelease, button)
        self._display.sync()

    def press_key(self, key: int) -> None:
        """Press and release a key, by its X11 keycode."""
        xtest.fake_input(self._display, X.KeyPress, key)
        xtest.fake_input(self._display, X.KeyRelease, key)
        self._display.sync()

    def screen_size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        root = self._display.screen().root.get_geometry()
        return int(root.width), int(root.height)

    def position(self) -> tuple[int, int]:
        pointer = self._display.screen().root.query_pointer()
        return int(pointer.root_x), int(pointer.root_y)


class SecondPointer(Pointer):
    """Moves a second master pointer of $DISPLAY, which it makes (xinput create-master)."""

    def __init__(self) -> None:
        super().__init__()
        self._display.xinput_query_version()
        before = self._masters()
        # An XIAddMasterInfo: type, length in words, length of the name, sends core events, enabled, the name.
        self._change(struct.pack("=3H2B8s", 1, 4, 6, 1, 1, b"second"))
        added = self._masters() - before
        self._pointer = min(added)
        _XISetClientPointer(
            display=self._display.display,
            opcode=self._display.display.get_extension_major(xinput.extname),
            window=0,
            deviceid=self._pointer,
        )
        self._display.sync()

    def remove(self) -> None:
        """Take it away (xinput remove-master)."""
        # An XIRemoveMasterInfo: type, length, device, what becomes of its devices (they float), and where they go.
        self._change(struct.pack("=3HBx2H", 2, 3, self._pointer, 2, 0, 0))

    def _change(self, change: bytes) -> None:
        _XIChangeHierarchy(
            display=self._display.display,
            opcode=self._display.display.get_extension_major(xinput.extname),
            number=1,
            changes=change,
        )
        self._display.sync()

    def _masters(self) -> set[int]:
        return {one.deviceid for one in self._display.xinput_query_device(xinput.AllMasterDevices).devices}


class _XIChangeHierarchy(rq.Request):
    """python-xlib has none (XI2 protocol, ChangeHierarchy)."""

    _request = rq.Struct(
        *(rq.Card8("opcode"), rq.Opcode(43), rq.RequestLength(), rq.Card8("number"), rq.Pad(3), rq.Binary("changes"))
    )


class _XISetClientPointer(rq.Request):
    """Nor this one."""

    _request = rq.Struct(
        *(rq.Card8("opcode"), rq.Opcode(44), rq.RequestLength(), rq.Card32("window"), rq.Card16("deviceid"), rq.Pad(2))
    )


def xrandr(*arguments: str) -> None:
    """Change the monitors of $DISPLAY, as a user does."""
    if shutil.which("xrandr") is None:
        raise AssertionError("this test needs xrandr, which is not installed: run scripts/test, it brings it in")
    done = subprocess.run(["xrandr", *arguments], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr


def main() -> None:
    """Run an Xvfb until SIGTERM. Prints its name; its log goes to the folder named by the only argument."""
    server = Xvfb(Path(sys.argv[1]))
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit())
    try:
        server.start()
        sys.stdout.write(f"{server.name}\n")
        sys.stdout.flush()
        signal.pause()
    finally:
        server.stop()


if __name__ == "__main__":
    main()
