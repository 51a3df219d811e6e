"""Move the real pointer of $DISPLAY the way a person at a desktop does; for the demo of scripts/run."""

import math
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click
import numpy as np
from Xlib import X, display
from Xlib.ext import xtest

MOVES_PER_SECOND = 250  # what a good USB mouse reports
TOP_SPEED = 6000  # px per second; faster, and the heat of a sweep falls apart into dots
LEFT, MIDDLE, RIGHT, WHEEL_UP, WHEEL_DOWN = 1, 2, 3, 4, 5

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
class Hand:
    """A pointer and its clock: each move is due at a time counted from the start, so delays never add up."""

    screen: display.Display
    rng: np.random.Generator
    end: float  # seconds on the hand's own clock
    now: float = 0.0
    x: float = 0.0
    y: float = 0.0

    def __post_init__(self) -> None:
        root = self.screen.screen().root.get_geometry()
        self.width, self.height = root.width, root.height
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
        xtest.fake_input(self.screen, X.MotionNotify, x=round(self.x), y=round(self.y))
        self.screen.sync()

    def button(self, number: int, *, hold: float = 0.05) -> None:
        """Press and let go."""
        xtest.fake_input(self.screen, X.ButtonPress, number)
        self.screen.sync()
        try:
            self.wait(hold)
        finally:
            xtest.fake_input(self.screen, X.ButtonRelease, number)
            self.screen.sync()

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


def read(hand: Hand) -> None:
    """Follow a few lines of text with the pointer, scroll, follow some more."""
    line = hand.rng.triangular(TEXT_TOP, 0.35, TEXT_BOTTOM)
    for _ in range(int(hand.rng.integers(2, 4))):
        left = TEXT_LEFT + hand.rng.exponential(0.08)
        hand.go((min(left, TEXT_RIGHT), line), spread=0.006)
        hand.drift(hand.rng.uniform(0.15, 0.35), hand.rng.uniform(250, 700), hand.rng.normal(4, 6), 2.5)
        line = min(line + hand.rng.uniform(0.02, 0.06), TEXT_BOTTOM)
    if hand.rng.random() < 0.7:
        for _ in range(int(hand.rng.integers(3, 7))):
            hand.button(WHEEL_DOWN if hand.rng.random() < 0.85 else WHEEL_UP, hold=0.012)
            hand.drift(0.016, 0, 12, 1.5)


def follow_link(hand: Hand) -> None:
    """Open a link, now and then in a new tab."""
    hand.go(hand.pick(LINKS))
    hand.rest(0.0, 0.12)
    hand.button(MIDDLE if hand.rng.random() < 0.25 else LEFT)


def change_tab(hand: Hand) -> None:
    """Bring another tab to the front."""
    hand.go(hand.pick(TABS))
    hand.rest(0.0, 0.1)
    hand.button(LEFT)


def type_address(hand: Hand) -> None:
    """Click into the address bar and type, the hand off the mouse."""
    hand.go(hand.pick(ADDRESS))
    hand.button(LEFT)
    hand.rest(0.1, 0.3)


def go_back(hand: Hand) -> None:
    """Click back, perhaps twice."""
    hand.go(BACK)
    for _ in range(int(hand.rng.integers(1, 3))):
        hand.button(LEFT)
        hand.wait(0.05)


def start_program(hand: Hand) -> None:
    """Take something from the dock or the panel."""
    hand.go(hand.pick(DOCK if hand.rng.random() < 0.65 else PANEL))
    hand.rest(0.0, 0.1)
    hand.button(LEFT)


def look_aside(hand: Hand) -> None:
    """Run down the list at the right, and click in it."""
    start = int(hand.rng.integers(0, 4))
    for spot in ASIDE[start : start + int(hand.rng.integers(2, 5))]:
        hand.go(spot, spread=0.008)
        hand.drift(0.06, hand.rng.normal(0, 40), 30, 2.5)
    hand.button(LEFT)


def mark_text(hand: Hand) -> None:
    """Drag over a few words and open the menu on them."""
    hand.go((hand.rng.uniform(TEXT_LEFT, 0.4), hand.rng.uniform(0.3, 0.7)))
    xtest.fake_input(hand.screen, X.ButtonPress, LEFT)
    try:
        hand.stroke(hand.x + hand.rng.uniform(80, 320), hand.y + hand.rng.normal(8, 8), 0.4, 0.0)
    finally:
        xtest.fake_input(hand.screen, X.ButtonRelease, LEFT)
    hand.button(RIGHT)
    hand.go((hand.x / hand.width + 0.03, hand.y / hand.height + 0.04))
    hand.button(LEFT)


def close_window(hand: Hand) -> None:
    """Close something at the top right corner."""
    hand.go(CLOSE, spread=0.003)
    hand.rest(0.0, 0.1)
    hand.button(LEFT)


def glance_at_clock(hand: Hand) -> None:
    """Ask the panel's clock."""
    hand.go(CLOCK)
    hand.rest(0.05, 0.15)


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
        screen = display.Display()
    except Exception as error:  # python-xlib raises a kind of its own for each way to fail
        where = os.environ.get("DISPLAY") or "(DISPLAY is not set)"
        raise click.ClickException(f"no X display at {where}: {error}") from error
    round_of_habits = [habit for habit, times in HABITS.items() for _ in range(times)]
    hand = Hand(screen, np.random.default_rng(seed), seconds)
    try:
        while True:
            for turn in hand.rng.permutation(len(round_of_habits)):
                round_of_habits[turn](hand)
    except DayOverError:
        screen.close()


if __name__ == "__main__":
    main()
