"""What all parts share: browsers that are started once, and the stores and pages of ``person``."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Playwright
from support.program import Home
from support.xserver import Xvfb

from browser import drive, person
from browser.marionette import Direct

PERSON, YEAR, APPLICATIONS = person.PERSON, person.YEAR, person.APPLICATION_USER
_SCREEN = "2100x1600"
"""Larger than any window that is opened on it."""


class Setting:
    """folder: for everything that is made here; homes: where people's stores and pages are, or are being made.

    screenshots: where pictures go that somebody wants to see, or None.
    """

    def __init__(
        self, playwright: Playwright, folder: Path, homes: Path, browsers: tuple[str, ...], screenshots: Path | None
    ) -> None:
        self.folder = folder
        self._made = homes
        self.browsers = browsers
        self.screenshots = screenshots
        self.downloads = folder / "downloads"
        self.downloads.mkdir()
        self._playwright = playwright
        self._started: dict[str, Browser] = {}
        self._homes: dict[str, Home] = {}
        self._direct: Direct | None = None

    def home(self, name: str) -> Home:
        """Whose store has counts, and whose page is made."""
        if name not in self._homes:
            self._homes[name] = person.made(self._made, name)
        return self._homes[name]

    def page(self, name: str) -> Path:
        """The file of that page."""
        return person.page_of(self._made, name)

    def browser(self, name: str) -> Browser:
        """One of the system's browsers."""
        if name not in self._started:
            self._started[name] = drive.start(self._playwright, name, self.downloads)
        return self._started[name]

    @contextlib.contextmanager
    def opened(self, whose: str, browser: str, fragment: str = "", **options: Any) -> Iterator[drive.Opened]:
        """That page in that browser. What it logs and asks for is checked by ``quiet``."""
        self.home(whose)
        with drive.opened(self.browser(browser), self.page(whose), fragment, **options) as one:
            yield one

    @contextlib.contextmanager
    def emulating(self, whose: str, browser: str, fragment: str = "") -> Iterator[drive.Driven]:
        """That page in that browser, whose desktop and fingers can be chosen: see ``Driven``."""
        if browser == drive.CHROMIUM:
            with self.opened(whose, browser, fragment) as one:
                yield one
            return
        self.home(whose)
        if self._direct is None:
            self._direct = Direct(self.folder)
        self._direct.open(self.page(whose), fragment)
        yield self._direct

    @contextlib.contextmanager
    def in_window(self, whose: str, **options: Any) -> Iterator[drive.Opened]:
        """That page in Firefox with a window, where it has WebGL2: on an X server with its screen in memory."""
        server = Xvfb(self.folder, size=_SCREEN)
        server.start()
        try:
            browser = drive.start(self._playwright, drive.FIREFOX, self.downloads, server.name)
            with contextlib.closing(browser), drive.opened(browser, self.page(whose), **options) as one:
                yield one
        finally:
            server.stop()

    def close(self) -> None:
        """End the browsers."""
        for browser in self._started.values():
            browser.close()
        if self._direct is not None:
            self._direct.close()


def complaints(one: drive.Opened) -> list[str]:
    """Whatever the page logged, asked for or was refused since it was opened."""
    return [
        *one.messages,
        *(f"request: {url}" for url in one.requests),
        *(f"refused: {what}" for what in one.violations),
    ]
