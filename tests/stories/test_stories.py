"""Plays every story (*.mt) beside this file: what happens to a pointer, a blank line, and what is counted.

A story is lines of text; ``#`` begins a comment, and lines of comment alone are as if they were not there.

    cap 50                    rest_cap_ms; 5000 where not said
    warp 4                    warp_px; 1000 where not said
    0 layout A 3x3+0+0, B 2x2+3+0
                              at 0 ms the monitors are placed like this: name, width x height, left and top
    10 move 2,2               at 10 ms the pointer is at desktop pixel x,y; several points are several
    10 move 0,0 1,1           events of that time
    20 left 2,2               presses: left, middle, right, other; a step of the wheel: scroll
    30 gap                    pause, suspend, a lost display: nothing is known from here on
    40 end                    the checkpoint that hands everything out

Then, after the blank line, every layer that holds anything, with its monitor, as rows of cells, ``.`` for 0:

    A@3x3 travel
    . . .
    . 1 .
    . . 1

and ``out of bounds 1`` where events lay on no monitor. What is not written is expected to be empty.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mousetrackd.core.accumulator import Accumulator, Tally
from mousetrackd.core.events import Kind, batch
from mousetrackd.core.layers import LAYERS
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement

STORIES = sorted(Path(__file__).parent.glob("*.mt"))

MONITOR = re.compile(r"(\w+) (\d+)x(\d+)([+-]\d+)([+-]\d+)")

Pictures = dict[str, list[list[str]]]
"""Rows of cells by title, like "A@3x3 dwell"."""


@dataclass
class Story:
    settings: dict[str, int] = field(default_factory=lambda: {"cap": 5000, "warp": 1000})
    steps: list[tuple[int, str, str]] = field(default_factory=list)
    expected: Pictures = field(default_factory=dict)
    out_of_bounds: int = 0


def read_story(text: str) -> Story:
    lines = [line.partition("#")[0].rstrip() for line in text.splitlines() if not line.startswith("#")]
    happening, _, counted = "\n".join(lines).strip().partition("\n\n")
    story = Story()
    for line in happening.splitlines():
        first, what, *rest = line.split(maxsplit=2)
        if first in story.settings:
            story.settings[first] = int(what)
        else:
            story.steps.append((int(first), what, rest[0] if rest else ""))
    for block in filter(None, counted.split("\n\n")):
        title, *rows = block.strip().splitlines()
        if title.startswith("out of bounds "):
            story.out_of_bounds = int(title.removeprefix("out of bounds "))
        else:
            assert title.split()[1] in LAYERS, title
            assert title not in story.expected, title
            story.expected[title] = [row.split() for row in rows]
    assert story.steps[-1][1] == "end", "a story has an end"
    return story


def layout_of(text: str) -> Layout:
    found = [MONITOR.fullmatch(place.strip()) for place in text.split(",")]
    places = [match.groups() for match in found if match is not None]
    assert len(places) == len(found), text
    return Layout(
        Placement(Monitor(name, int(width), int(height)), int(x), int(y)) for name, width, height, x, y in places
    )


def rows_of(time_ms: int, word: str, points: str) -> list[tuple[int, int, int, int]]:
    pairs = [point.split(",") for point in points.split()]
    return [(time_ms, Kind[word.upper()], int(x), int(y)) for x, y in pairs]


def play(story: Story, *, at_once: bool) -> tuple[Pictures, int]:
    """The pictures of the story's end; events are fed as many as possible together, or each alone."""
    counting = Accumulator(rest_cap_ms=story.settings["cap"], warp_px=story.settings["warp"])
    waiting: list[tuple[int, int, int, int]] = []
    tally = Tally()
    for time_ms, word, rest in story.steps:
        if word in ("layout", "gap", "end"):
            counting.feed(batch(waiting))
            waiting = []
        match word:
            case "layout":
                counting.change_layout(layout_of(rest), time_ms)
            case "gap":
                counting.gap(time_ms)
            case "end":
                tally = counting.take(time_ms)
            case _:
                for row in rows_of(time_ms, word, rest):
                    waiting.append(row)
                    if not at_once:
                        counting.feed(batch(waiting))
                        waiting = []
    pictures = {
        f"{monitor.label} {layer}": [[str(cell) if cell else "." for cell in row] for row in counts.dense()]
        for (monitor, layer, *_), counts in tally.counts.items()
    }
    return pictures, counting.out_of_bounds


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one by one"])
@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_story(path: Path, at_once: bool) -> None:
    story = read_story(path.read_text(encoding="utf-8"))
    pictures, out_of_bounds = play(story, at_once=at_once)
    assert pictures == story.expected
    assert out_of_bounds == story.out_of_bounds


def test_there_are_stories() -> None:
    assert len(STORIES) >= 12
