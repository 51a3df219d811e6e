"""A page in Firefox driven by Marionette, its own protocol, for what Playwright cannot ask of Firefox.

That is: two fingers, the system's theme, less motion, and the styles of print. A message is a JSON array behind its
length in bytes and a colon, over TCP; a command is ``[0, number, name, parameters]``, and its answer
``[1, number, error, result]``.
"""

import base64
import json
import os
import socket
import subprocess
from itertools import count
from pathlib import Path
from typing import Any

from support.waiting import wait_until

from browser.drive import SIZE, START_TIMEOUT_S, Driven, Fingers

_PREFERENCES = {
    "marionette.port": 0,  # a free one, which it then writes into its profile
    "dom.w3c_touch_events.enabled": 1,
    "browser.shell.checkDefaultBrowser": False,
}
_ANSWER_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 20.0
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""The key of a reference to an element: https://www.w3.org/TR/webdriver2/#elements."""
_CALL = """
const it = ({script});
return typeof it === "function" ? it(arguments[0]) : it;
"""
_SET_PREFERENCE = "() => Services.prefs.setIntPref({name!r}, {value})"
_SET_MEDIUM = "() => {{ gBrowser.selectedBrowser.browsingContext.mediumOverride = {medium!r}; }}"
_A4_CM = {"width": 21.0, "height": 29.7}
_MARGIN_CM = 1.0


class MarionetteError(Exception):
    """Firefox refused a command."""


class Direct(Driven):
    """A Firefox without a window, of which this process is the only driver. folder: for its profile and its log."""

    def __init__(self, folder: Path) -> None:
        profile = folder / "direct"
        profile.mkdir()
        settings = "".join(
            f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in _PREFERENCES.items()
        )
        (profile / "user.js").write_text(settings, "ascii")
        command = [
            "firefox-esr",
            "--headless",
            "--marionette",
            "--remote-allow-system-access",
            "--profile",
            str(profile),
        ]
        with (folder / "direct.log").open("wb") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, env={**os.environ, "MOZ_CRASHREPORTER_DISABLE": "1"}
            )
        self._numbers = count(1)
        self._socket: socket.socket | None = None
        try:
            self._connect(profile / "MarionetteActivePort")
        except BaseException:
            self.close()
            raise

    def _connect(self, port: Path) -> None:
        number = wait_until(
            lambda: port.exists() and port.read_text("ascii"), "Firefox listens", timeout_s=START_TIMEOUT_S
        )
        self._socket = socket.create_connection(("127.0.0.1", int(number)), timeout=START_TIMEOUT_S)
        self._stream = self._socket.makefile("rb")
        self._read()  # what it is
        self._send("WebDriver:NewSession")
        self._socket.settimeout(_ANSWER_TIMEOUT_S)
        self._send("WebDriver:SetWindowRect", **SIZE)

    def _read(self) -> Any:
        length = bytearray()
        while (byte := self._stream.read(1)) != b":":
            assert byte, "Firefox has closed the connection"
            length += byte
        return json.loads(self._stream.read(int(length)))

    def _send(self, name: str, **parameters: object) -> Any:
        """The result of a command."""
        assert self._socket is not None
        number = next(self._numbers)
        message = json.dumps([0, number, name, parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(message), message))
        _, answered, error, result = self._read()
        assert answered == number, (answered, number)
        if error:
            raise MarionetteError(f"{name}: {error['error']}: {error['message']}")
        return result["value"] if isinstance(result, dict) and set(result) == {"value"} else result

    def open(self, file: Path, fragment: str = "") -> None:
        """Load a page, and wait for its first picture."""
        self._send("WebDriver:Navigate", url="about:blank")
        self._send("WebDriver:Navigate", url=file.as_uri() + fragment)
        self.await_ready()

    def run(self, script: str, argument: object = None) -> Any:
        """What a script returns, run in the page."""
        return self._send("WebDriver:ExecuteScript", script=_CALL.format(script=script), args=[argument])

    def _run_in_browser(self, script: str) -> None:
        """Run a script that may do whatever Firefox itself does."""
        self._send("Marionette:SetContext", value="chrome")
        try:
            self.run(script)
        finally:
            self._send("Marionette:SetContext", value="content")

    def click(self, selector: str) -> None:
        """Click the first such element."""
        self._send("WebDriver:ElementClick", id=self._element(selector))

    def _element(self, selector: str) -> str:
        found: dict[str, str] = self._send("WebDriver:FindElement", using="css selector", value=selector)
        return found[_ELEMENT]

    def fingers(self, *places: Fingers) -> None:
        """Put two fingers down at the first places, move them on to the others, and lift them."""
        actions = []
        for finger in range(2):
            first, *others = [
                {"type": "pointerMove", "x": round(at[finger][0]), "y": round(at[finger][1])} for at in places
            ]
            moves = [first, {"type": "pointerDown", "button": 0}, *others, {"type": "pointerUp", "button": 0}]
            actions.append(
                {"type": "pointer", "id": f"finger {finger}", "parameters": {"pointerType": "touch"}, "actions": moves}
            )
        self._send("WebDriver:PerformActions", actions=actions)
        self.settle()

    def emulate(self, *, theme: str = "", motion: str = "", medium: str = "") -> None:
        """Be on a desktop that has these settings, and draw for this medium: see ``Driven``."""
        if theme:
            value = int(theme == "dark")
            self._run_in_browser(_SET_PREFERENCE.format(name="ui.systemUsesDarkTheme", value=value))
        if motion:
            value = int(motion == "reduce")
            self._run_in_browser(_SET_PREFERENCE.format(name="ui.prefersReducedMotion", value=value))
        if medium:
            self._run_in_browser(_SET_MEDIUM.format(medium="" if medium == "screen" else medium))
        self.await_media(theme=theme, motion=motion, medium=medium)

    def canvas_png(self) -> bytes:
        """The view as it is on the screen."""
        return base64.b64decode(self._send("WebDriver:TakeScreenshot", id=self._element("#picture"), full=False))

    def pdf(self) -> bytes:
        """The page as it is printed on A4."""
        margins = dict.fromkeys(("top", "bottom", "left", "right"), _MARGIN_CM)
        return base64.b64decode(self._send("WebDriver:Print", page=_A4_CM, margin=margins))

    def close(self) -> None:
        """End Firefox."""
        if self._socket is not None:
            self._socket.close()
        self._process.terminate()
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_STOP_TIMEOUT_S)
