"""Move the real pointer of $DISPLAY the way a person at a desktop does; for the demo of scripts/run."""

import contextlib
import math
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click
import numpy as np
from support.xserver import LEFT, MIDDLE, RIGHT, WHEEL_DOWN, WHEEL_UP, Pointer

MOVES_PER_SECOND = 250  # what a good USB mouse reports
TOP_SPEED = 6000  # px per second; faster, and the heat of a sweep falls apart into dots

# The desktop, as shares of the screen: a dock at the left, a panel below, a browser window over the rest.
DOCK = [(0.018, 0.10 + 0.075 * i) for i in range(8)]
PANEL = [(0.13 + 0.055 * i, 0.982) for i in range(6)]
CLOCK = (0.955, 0.982)
TABS = [(0.14 + 0.075 * i, 0.028) for i in range(7)]
CLOSE = (0.984, 0.022)
BACK = (0.075, 0.072)
ADDRESS = [(0.22, 0.072), (0.30, 0.073), (0.41, 0.071)]
TEXT_LEFT, TEXT_RIGHT, TEXT_TOP, TEXT_BOTTOM = 0.22, 0.58, 0.18, 0.88
LINKS = [(0.27, 0.315), (0.355, 0.46), (0.47, 0.385), (0.315, 0.61), (0.52, 0.70), (0.42, 0.545)]
ASIDE = [(0.73 + 0.012 * (i % 3), 0.20 + 0.068 * i) for i in range(9)]

Spot = tuple[float, float]


class DayOverError(Exception):
    """The time asked for has passed."""


@dataclass
class Person:
    """Who moves a pointer, by a clock: each move is due at a time counted from the start, so delays never add up."""

    pointer: Pointer
    rng: np.random.Generator
    end: float  # seconds on the person's own clock
    now: float = 0.0
    x: float = 0.0
    y: float = 0.0

    def __post_init__(self) -> None:
        self.width, self.height = self.pointer.screen_size()
        self.began = time.monotonic()
        self.x, self.y = 0.5 * self.width, 0.5 * self.height

    def wait(self, seconds: float) -> None:
        """Rest where it is."""
        self.now += seconds
        if self.now > self.end:
            raise DayOverError
        time.sleep(max(0.0, self.began + self.now - time.monotonic()))

    def put(self, x: float, y: float) -> None:
        """Make one move, when it is due."""
        self.wait(1 / MOVES_PER_SECOND)
        self.x = min(max(x, 0.0), self.width - 1.0)
        self.y = min(max(y, 0.0), self.height - 1.0)
        self.pointer.move((round(self.x), round(self.y)))

    def button(self, number: int, *, hold: float = 0.05) -> None:
        """Press and release."""
        self.pointer.press(number)
        try:
            self.wait(hold)
        finally:
            self.pointer.release(number)

    def stroke(self, x: float, y: float, seconds: float, bend: float) -> None:
        """Move in one sweep: minimum jerk along the way, bowed a little to one side."""
        from_x, from_y = self.x, self.y
        for t in ticks(seconds):
            along = t**3 * (10 - 15 * t + 6 * t * t)
            aside = bend * math.sin(math.pi * along)
            self.put(
                from_x + along * (x - from_x) - aside * (y - from_y),
                from_y + along * (y - from_y) + aside * (x - from_x),
            )

    def go(self, spot: Spot, spread: float = 0.004) -> None:
        """Reach for a spot: a fast sweep that misses by a little, then a small correction."""
        x = (spot[0] + self.rng.normal(0, spread)) * self.width
        y = (spot[1] + self.rng.normal(0, spread)) * self.height
        way = math.hypot(x - self.x, y - self.y)
        miss = self.rng.normal(0.02, 0.03)
        seconds = 0.06 + 0.05 * math.log2(1 + way / 30)  # Fitts's law, an able hand in a hurry
        seconds = max(seconds, 1.875 * way / TOP_SPEED)  # minimum jerk peaks at 15/8 of its mean speed
        bend = self.rng.normal(0, 0.06)
        self.stroke(x + miss * (x - self.x), y + miss * (y - self.y), seconds, bend)
        if abs(miss) * way > 4:
            self.stroke(x, y, 0.06, 0.0)

    def drift(self, seconds: float, right: float, down: float, shake: float) -> None:
        """Wander slowly, in px per second and px of unrest."""
        shake_x = shake_y = 0.0
        for _ in ticks(seconds):
            shake_x = 0.965 * shake_x + self.rng.normal(0, shake)
            shake_y = 0.965 * shake_y + self.rng.normal(0, shake)
            self.put(
                self.x + right / MOVES_PER_SECOND + shake_x / 16,
                self.y + down / MOVES_PER_SECOND + shake_y / 16,
            )

    def rest(self, low: float, high: float) -> None:
        """Hold still, as a hand does: almost."""
        self.drift(0.05, 0, 0, 1.5)
        self.wait(self.rng.uniform(low, high))

    def pick(self, spots: Sequence[Spot], skew: float = 0.75) -> Spot:
        """One of the spots, the first ones more often."""
        weights = skew ** np.arange(len(spots))
        return spots[int(self.rng.choice(len(spots), p=weights / weights.sum()))]


def ticks(seconds: float) -> Iterator[float]:
    """The times of a movement's moves, from just above 0 to 1."""
    count = max(2, round(seconds * MOVES_PER_SECOND))
    return (i / count for i in range(1, count + 1))


def read(person: Person) -> None:
    """Follow a few lines of text with the pointer, scroll, follow some more."""
    line = person.rng.triangular(TEXT_TOP, 0.35, TEXT_BOTTOM)
    for _ in range(int(person.rng.integers(2, 4))):
        left = TEXT_LEFT + person.rng.exponential(0.08)
        person.go((min(left, TEXT_RIGHT), line), spread=0.006)
        person.drift(person.rng.uniform(0.15, 0.35), person.rng.uniform(250, 700), person.rng.normal(4, 6), 2.5)
        line = min(line + person.rng.uniform(0.02, 0.06), TEXT_BOTTOM)
    if person.rng.random() < 0.7:
        for _ in range(int(person.rng.integers(3, 7))):
            person.button(WHEEL_DOWN if person.rng.random() < 0.85 else WHEEL_UP, hold=0.012)
            person.drift(0.016, 0, 12, 1.5)


def follow_link(person: Person) -> None:
    """Open a link, now and then in a new tab."""
    person.go(person.pick(LINKS))
    person.rest(0.0, 0.12)
    person.button(MIDDLE if person.rng.random() < 0.25 else LEFT)


def change_tab(person: Person) -> None:
    """Bring another tab to the front."""
    person.go(person.pick(TABS))
    person.rest(0.0, 0.1)
    person.button(LEFT)


def type_address(person: Person) -> None:
    """Click into the address bar and type, the hand off the mouse."""
    person.go(person.pick(ADDRESS))
    person.button(LEFT)
    person.rest(0.1, 0.3)


def go_back(person: Person) -> None:
    """Click back, perhaps twice."""
    person.go(BACK)
    for _ in range(int(person.rng.integers(1, 3))):
        person.button(LEFT)
        person.wait(0.05)


def start_program(person: Person) -> None:
    """Take something from the dock or the panel."""
    person.go(person.pick(DOCK if person.rng.random() < 0.65 else PANEL))
    person.rest(0.0, 0.1)
    person.button(LEFT)


def look_aside(person: Person) -> None:
    """Run down the list at the right, and click in it."""
    start = int(person.rng.integers(0, 4))
    for spot in ASIDE[start : start + int(person.rng.integers(2, 5))]:
        person.go(spot, spread=0.008)
        person.drift(0.06, person.rng.normal(0, 40), 30, 2.5)
    person.button(LEFT)


def mark_text(person: Person) -> None:
    """Drag over a few words and open the menu on them."""
    person.go((person.rng.uniform(TEXT_LEFT, 0.4), person.rng.uniform(0.3, 0.7)))
    person.pointer.press(LEFT)
    try:
        person.stroke(person.x + person.rng.uniform(80, 320), person.y + person.rng.normal(8, 8), 0.4, 0.0)
    finally:
        person.pointer.release(LEFT)
    person.button(RIGHT)
    person.go((person.x / person.width + 0.03, person.y / person.height + 0.04))
    person.button(LEFT)


def close_window(person: Person) -> None:
    """Close something at the top right corner."""
    person.go(CLOSE, spread=0.003)
    person.rest(0.0, 0.1)
    person.button(LEFT)


def glance_at_clock(person: Person) -> None:
    """Ask the panel's clock."""
    person.go(CLOCK)
    person.rest(0.05, 0.15)


# How often each in a round; a round is about ten seconds, so even a short demo sees all of them.
HABITS = {
    read: 6,
    follow_link: 4,
    change_tab: 3,
    type_address: 1,
    go_back: 1,
    start_program: 3,
    look_aside: 2,
    mark_text: 1,
    close_window: 1,
    glance_at_clock: 1,
}


@click.command()
@click.option("--seconds", default=28.0, show_default=True, help="How long to move.")
@click.option("--seed", default=7, show_default=True, help="The same seed moves the same way.")
def main(seconds: float, seed: int) -> None:
    """Move the real pointer of $DISPLAY like a person's, clicking and scrolling. Example: --seconds 10."""
    try:
        pointer = Pointer()
    except Exception as error:  # python-xlib raises a kind of its own for each way to fail
        where = os.environ.get("DISPLAY") or "(DISPLAY is not set)"
        raise click.ClickException(f"no X display at {where}: {error}") from error
    round_of_habits = [habit for habit, times in HABITS.items() for _ in range(times)]
    with pointer, contextlib.suppress(DayOverError):
        person = Person(pointer, np.random.default_rng(seed), seconds)
        while True:
            for turn in person.rng.permutation(len(round_of_habits)):
                round_of_habits[turn](person)


if __name__ == "__main__":
    main()
