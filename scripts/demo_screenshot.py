#!/usr/bin/env python3
"""Draw a made-up screenshot: ``scripts/demo_screenshot.py OUT.png [WIDTHxHEIGHT]``.

An editor and a list of messages on a plain desktop, for pictures of heat over what was on the screen. Nothing in it is
anybody's: lines of text are sentences of this file.
"""

import sys
from functools import cache
from itertools import cycle

from PIL import Image, ImageDraw, ImageFont

SENTENCES = (
    "The pointer rests where the eye reads.",
    "A line that is followed slowly is a line that is read.",
    "Menus are at the top, and so is a good part of every day.",
    "What is clicked often deserves a large target.",
    "Long ways across the screen are the price of small windows.",
    "A scroll bar at the right edge draws the hand to the right.",
    "Nobody remembers where the pointer was; the picture does.",
)
DESKTOP, BAR, WINDOW, SIDE, TITLE = "#c9d3dc", "#2b3440", "#ffffff", "#f1f4f7", "#e3e8ed"
INK, FAINT, ACCENT, RULE = "#20262d", "#6d7883", "#3b6ea8", "#d5dbe1"


@cache
def font(px: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The typeface that comes with Pillow."""
    return ImageFont.load_default(px)


class Screen:
    """A screen whose parts are as large as on one of 1080 lines; all lengths are those of it."""

    def __init__(self, width_px: int, height_px: int) -> None:
        self.image = Image.new("RGB", (width_px, height_px), DESKTOP)
        self._pen = ImageDraw.Draw(self.image)
        self._unit = min(width_px, height_px) / 1080
        self.width, self.height = width_px / self._unit, height_px / self._unit

    def text(self, x: float, y: float, words: str, fill: str = INK, size: float = 17) -> None:
        """A line of text whose upper left corner is there."""
        self._pen.text((x * self._unit, y * self._unit), words, fill, font(size * self._unit))

    def box(self, left: float, top: float, right: float, bottom: float, fill: str) -> None:
        """A filled rectangle."""
        self._pen.rectangle([side * self._unit for side in (left, top, right, bottom)], fill)

    def dot(self, x: float, y: float, radius: float, fill: str) -> None:
        """A filled circle around a point."""
        self._pen.ellipse([side * self._unit for side in (x - radius, y - radius, x + radius, y + radius)], fill)

    def window(self, left: float, top: float, right: float, bottom: float, name: str) -> None:
        """A window's frame with its title and three buttons."""
        self.box(left - 1, top - 1, right + 1, bottom + 1, "#aab4be")
        self.box(left, top, right, bottom, WINDOW)
        self.box(left, top, right, top + 40, TITLE)
        self.text(left + 18, top + 10, name)
        for number in range(3):
            self.dot(right - 26 - 30 * number, top + 20, 8, "#b9c3cc")


def editor(screen: Screen, left: float, top: float, right: float, bottom: float) -> None:
    """A text with a menu above it and a list of chapters beside it."""
    screen.window(left, top, right, bottom, "notes.txt - Editor")
    for number, word in enumerate(("File", "Edit", "View", "Insert", "Format", "Tools", "Help")):
        screen.text(left + 20 + 78 * number, top + 50, word)
    screen.box(left, top + 82, left + 220, bottom, SIDE)
    for number, word in enumerate(("Introduction", "Windows", "Menus", "Targets", "Distances", "Edges", "Summary")):
        screen.text(left + 24, top + 104 + 38 * number, word, ACCENT if number == 2 else INK)
    screen.text(left + 260, top + 112, "Where the hand goes", INK, 34)
    lines, y, number = cycle(SENTENCES), top + 180, 0
    while y < bottom - 60:
        is_last = number % 4 == 3
        screen.text(left + 260, y, next(lines) + ("" if is_last else " " + next(lines)))
        y += 52 if is_last else 30
        number += 1
    screen.box(right - 16, top + 82, right - 6, bottom - 20, RULE)
    screen.box(right - 16, top + 140, right - 6, top + 330, "#9aa5b0")


def messages(screen: Screen, left: float, top: float, right: float, bottom: float) -> None:
    """A list of messages, each with who sent it."""
    screen.window(left, top, right, bottom, "Messages")
    names = cycle(("Anna", "Build report", "Jonas", "Library", "Mei", "Newsletter", "Omar"))
    for number in range(int((bottom - top - 150) / 84) + 1):
        y = top + 60 + 84 * number
        screen.dot(left + 40, y + 22, 22, ACCENT if number % 3 else FAINT)
        screen.text(left + 78, y, next(names), INK, 19)
        screen.text(left + 78, y + 26, SENTENCES[number % 7][: round((right - left - 110) / 8.4)], FAINT, 16)
        screen.box(left + 18, y + 66, right - 18, y + 67, RULE)


def draw(width_px: int, height_px: int) -> Image.Image:
    """The whole screen."""
    screen = Screen(width_px, height_px)
    screen.box(0, 0, screen.width, 34, BAR)
    for number, word in enumerate(("Activities", "Editor", "Messages")):
        screen.text(20 + 120 * number, 8, word, "#eef2f5", 16)
    screen.text(screen.width - 140, 8, "Wed 14:30", "#eef2f5", 16)
    editor(screen, 40, 70, screen.width * 0.66, screen.height - 40)
    messages(screen, screen.width * 0.66 + 30, 70, screen.width - 40, screen.height - 40)
    return screen.image


def main(out: str, size: str = "1920x1080") -> None:
    """Draw it into ``out``."""
    width_px, height_px = (int(side) for side in size.split("x"))
    draw(width_px, height_px).save(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
