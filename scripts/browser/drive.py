"""Debian's browsers, offline, and a page opened in one: what it logs, what it asks for, and when it is done."""

import base64
import contextlib
import hashlib
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Download, Page, Playwright
from support.waiting import wait_until

CHROMIUM, FIREFOX = "chromium", "firefox"
_CHROMIUM_WORDS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
"""WebGL by the processor alone; without these Chromium logs warnings of its own about the missing graphics card."""
_CHROMIUM_WORDS += ["--disable-gpu-compositing", "--disable-gpu-rasterization"]
"""All but WebGL without the graphics card that the processor plays: half the work."""
_OF_CHROMIUM = "GPU stall due to ReadPixels"
"""What Chromium logs when it then takes the picture of WebGL over into that of the page."""
LIMIT_S = 60.0
"""For whatever is waited for. Nothing takes so long but on a machine that does ten other things."""
START_TIMEOUT_S = 90.0
SIZE = {"width": 1400, "height": 1000}

_VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", e => violations.push(e.violatedDirective + " " + e.blockedURI));
"""
SETTLED = """async () => {
  const root = document.documentElement;
  const frame = () => new Promise(done => requestAnimationFrame(done));
  const until = performance.now() + 60000;
  let calm = 0;
  while (calm < 2) {
    await frame();
    calm = root.dataset.busy === "1" ? 0 : calm + 1;
    if (performance.now() > until) return "busy for 60 s";
  }
  return "";
}"""
STATE = (
    """() => JSON.stringify(mousetrackd.store.get(), (key, value) => ArrayBuffer.isView(value) ? [...value] : value)"""
)
_REFUSED_STYLE = "style-src-elem inline"
_OWN_STYLE = base64.b64encode(hashlib.sha256(b"body {}").digest()).decode()
"""Playwright adds this style before each picture that it takes in Firefox, and the page's policy refuses it."""


# A phrase of CSS for what the page is shown by, beside the value that it is to have.
_MEDIA = """([theme, motion, medium]) => [
  theme && `(prefers-color-scheme: ${theme})`, motion && `(prefers-reduced-motion: ${motion})`, medium
].every(query => !query || matchMedia(query).matches)"""

Fingers = tuple[tuple[float, float], tuple[float, float]]
"""Where two fingers are, x and y of each in CSS px of the window."""


class Driven(ABC):
    """A page in a browser, whatever drives that."""

    messages: list[str]
    """What it logged, or what was refused; of some drivers nothing is known."""

    @abstractmethod
    def run(self, script: str, argument: object = None) -> Any:
        """What a script, an expression or a function of the argument, returns; run beside the page's own."""

    @abstractmethod
    def click(self, selector: str) -> None:
        """Click the first such element."""

    @abstractmethod
    def fingers(self, *places: Fingers) -> None:
        """Put two fingers down at the first places, move them on to the others, and lift them."""

    @abstractmethod
    def emulate(self, *, theme: str = "", motion: str = "", medium: str = "") -> None:
        """Be on a desktop whose theme is "dark" or "light", with a motion of "reduce" or "no-preference".

        medium: "print" or "screen", for which it is drawn. Empty: as before.
        """

    @abstractmethod
    def canvas_png(self) -> bytes:
        """The view as it is on the screen."""

    @abstractmethod
    def pdf(self) -> bytes:
        """The page as it is printed on A4."""

    def await_media(self, theme: str, motion: str, medium: str) -> None:
        """Until the page knows what ``emulate`` has set."""
        wait_until(
            lambda: self.run(_MEDIA, [theme, motion, medium]),
            f"the page has {theme} {motion} {medium}",
            timeout_s=LIMIT_S,
        )
        self.settle()

    def await_ready(self) -> None:
        """Until the first picture is drawn. (What Playwright waits by is refused by the page's policy.)"""
        try:
            wait_until(
                lambda: self.run("document.documentElement?.dataset.ready ?? ''") == "1",
                "the page shows its first picture",
                timeout_s=LIMIT_S,
            )
        except AssertionError as error:
            error.add_note(f"it shows: {self.run('document.body.innerText')[:500]}\nit logged: {self.messages}")
            raise
        self.settle()

    def settle(self) -> None:
        """Until nothing is being summed or drawn."""
        if why := self.run(SETTLED):
            raise AssertionError(why)

    @property
    def state(self) -> dict[str, Any]:
        """What the page is asked for now: ``State`` of types.js."""
        found: dict[str, Any] = json.loads(self.run(STATE))
        return found


class Opened(Driven):
    """A page driven by Playwright. requests: what it asked for beyond itself."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.messages: list[str] = []
        self.requests: list[str] = []
        self.downloads: list[Download] = []
        self._own_styles = 0
        page.on("console", self._note_message)
        page.on("pageerror", lambda error: self._note_error(str(error)))
        page.on("download", lambda download: self.downloads.append(download))  # noqa: PLW0108 - Playwright marks the handler
        page.on("request", lambda request: self._note_request(request.url))

    def _note_message(self, message: ConsoleMessage) -> None:
        if _OF_CHROMIUM not in message.text:
            self.messages.append(f"{message.type}: {message.text}")

    def _note_error(self, error: str) -> None:
        if _OWN_STYLE in error:
            self._own_styles += 1
        else:
            self.messages.append(f"error: {error}")

    def _note_request(self, url: str) -> None:
        # What a page makes of its own bytes is no request; its own address is how it was opened.
        if not url.startswith(("blob:", "data:")) and url.partition("#")[0] != self.address:
            self.requests.append(url)

    def open(self, fragment: str = "") -> None:
        """Load it afresh, and wait for its first picture."""
        self.page.goto("about:blank")
        self._own_styles = 0
        self.page.goto(self.address + fragment, wait_until="commit")
        self.await_ready()

    def run(self, script: str, argument: object = None) -> Any:
        """What a script returns, run beside the page's own."""
        return self.page.evaluate(script, argument)

    def click(self, selector: str) -> None:
        """Click the first such element."""
        self.page.locator(selector).first.click()

    def fingers(self, *places: Fingers) -> None:
        """Put two fingers down at the first places, move them on to the others, and lift them. Chromium only."""
        screen = self.page.context.new_cdp_session(self.page)
        for nth, points in enumerate((*places, ())):
            kind = "touchStart" if not nth else "touchMove" if points else "touchEnd"
            touched = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(points)]
            screen.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touched})
        screen.detach()
        self.settle()

    def emulate(self, *, theme: str = "", motion: str = "", medium: str = "") -> None:
        """Be on a desktop that has these settings, and draw for this medium: see ``Driven``. Chromium only."""
        # A page of which "screen" is emulated would be printed as it is on the screen.
        wanted = {"color_scheme": theme, "reduced_motion": motion, "media": medium.replace("screen", "null")}
        self.page.emulate_media(**{name: value for name, value in wanted.items() if value})
        self.await_media(theme=theme, motion=motion, medium=medium)

    def canvas_png(self) -> bytes:
        """The view as it is on the screen. (Playwright hides a caret by a style, which the page's policy refuses.)"""
        return bytes(self.page.locator("#picture").screenshot(animations="disabled", caret="initial"))

    def pdf(self) -> bytes:
        """The page as it is printed on A4."""
        return bytes(self.page.pdf(format="A4"))

    @property
    def violations(self) -> list[str]:
        """What the page's own policy refused it, without Playwright's own styles."""
        found: list[str] = self.run("window.violations")
        for _ in range(min(self._own_styles, found.count(_REFUSED_STYLE))):
            found.remove(_REFUSED_STYLE)
        return found

    def press(self, *keys: str) -> None:
        """Press keys, each as soon as the one before has had its effect."""
        for key in keys:
            self.page.keyboard.press(key)
            self.settle()


def start(playwright: Playwright, name: str, downloads: Path, display: str = "") -> Browser:
    """A browser of the system, without a window. display: of an X server, on which Firefox has one, and so WebGL2."""
    if name == CHROMIUM:
        return playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=_CHROMIUM_WORDS, timeout=START_TIMEOUT_S * 1000
        )
    # By WebDriver BiDi, which every Firefox has. Its downloads are found in a folder: BiDi does not report them yet.
    preferences = {
        "browser.download.folderList": 2,
        "browser.download.dir": str(downloads),
        "browser.download.useDownloadDir": True,
        "browser.download.alwaysOpenPanel": False,
        "browser.download.always_ask_before_handling_new_types": False,
    }
    return playwright.firefox.launch(
        executable_path="/usr/bin/firefox-esr",
        channel="moz-firefox",
        firefox_user_prefs=preferences,
        downloads_path=downloads,
        timeout=START_TIMEOUT_S * 1000,
        headless=not display,
        env={**os.environ, **({"DISPLAY": display} if display else {})},
    )


@contextlib.contextmanager
def opened(browser: Browser, file: Path, fragment: str = "", *, script: str = "", **options: Any) -> Iterator[Opened]:
    """The page in a fresh context, ready; script: run before the page's own; options: of ``new_context``."""
    context = browser.new_context(**{"viewport": SIZE, "accept_downloads": True, "locale": "en-GB", **options})
    try:
        context.set_default_timeout(LIMIT_S * 1000)
        if browser.browser_type.name == CHROMIUM:
            context.set_offline(True)
        context.add_init_script(_VIOLATIONS + script)
        one = Opened(context.new_page(), file.as_uri())
        one.open(fragment)
        yield one
    finally:
        context.close()
