"""The strip under a picture: its ticks agree with the pixels, and its words stay in their places."""

import re
from dataclasses import dataclass, field, replace
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest
from PIL import ImageDraw

from mousetrackd.core.counts import COUNT_MAX
from mousetrackd.picture.heat import SCALES, HeatGrid, levels, tone
from mousetrackd.picture.legend import (
    HEAT_LEVELS,
    Legend,
    Scale,
    Strip,
    as_levels,
    bar_levels,
    draw,
    ticks,
    with_unit,
)

WIDTHS = (200, 201, 320, 640, 899, 900, 1024, 1366, 1920, 2560, 3840, 5120, 7680)
MAX_HEATS = (1.0, 1.7, 3.0, 9.9, 31.0, 999.0, 51_234.0, 999_700.0, 3_599_000.0, 86_400_000.0, 1e12)
BAR_PX, DIGIT_PX, APART_PX = 500.0, 8.0, 8.0

Box = tuple[float, float, float, float]


def scale_of(max_heat: float, unit: str = "ms", kind: str = "log", *, clipped: bool = True) -> Scale:
    def place(share: float) -> float:
        return float(tone(np.array([share], np.float32), kind)[0])

    return Scale("time at and around each point", max_heat, unit, place, clipped)


def ticks_of(scale: Scale, bar_px: float = BAR_PX) -> list[tuple[float, str]]:
    """The ticks of a bar whose labels have letters of one width."""
    return ticks(scale, bar_px, lambda label: DIGIT_PX * len(label), APART_PX)


def legend_of(*scales: Scale) -> Legend:
    return Legend(
        "Rest, travel and clicks",
        ["DP-1 1920 x 1080 · 22 November 2026, 09:00 to 17:30", "7 h 21 min · 1,261,473 crossings · 2,180 clicks"],
        scales,
    )


def value_of(words: str, unit: str) -> float:
    """What a label says, as a number."""
    number, suffix, time = re.fullmatch(r"([\d.]+)([kMGTPE]?)\+?(?: (ms|s|min|h)\+?)?", words).groups()  # type: ignore[union-attr]  # a label of another form should fail
    assert (time is None) == (unit != "ms"), f"{words} does not show its unit"
    sizes = {
        "": 1,
        "k": 1e3,
        "M": 1e6,
        "G": 1e9,
        "T": 1e12,
        "P": 1e15,
        "E": 1e18,
        None: 1,
        "ms": 1,
        "s": 1e3,
        "min": 60e3,
        "h": 3.6e6,
    }
    return float(number) * sizes[suffix] * sizes[time]


@dataclass
class Drawn:
    """What was written where, as Pillow measured it."""

    texts: list[tuple[str, Box]] = field(default_factory=list)
    lines: list[tuple[float, float, float]] = field(default_factory=list)  # x, and y from top to bottom


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Drawn:
    """Looks over Pillow's shoulder; everything is drawn as it would be."""
    seen = Drawn()
    write, line = ImageDraw.ImageDraw.text, ImageDraw.ImageDraw.line

    def text_seen(self: ImageDraw.ImageDraw, xy: tuple[float, float], text: str, **how: Any) -> None:
        seen.texts.append((text, self.textbbox(xy, text, font=how["font"], anchor=how.get("anchor"))))
        write(self, xy, text, **how)

    def line_seen(self: ImageDraw.ImageDraw, xy: list[tuple[float, float]], **how: Any) -> None:
        seen.lines.append((xy[0][0], xy[0][1], xy[1][1]))
        line(self, xy, **how)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", text_seen)
    monkeypatch.setattr(ImageDraw.ImageDraw, "line", line_seen)
    return seen


def overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


# Ticks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SCALES)
@pytest.mark.parametrize("unit", ["ms", "presses"])
@pytest.mark.parametrize("max_heat", MAX_HEATS)
def test_the_bar_at_a_tick_has_the_level_of_the_heat_it_names(max_heat: float, unit: str, kind: str) -> None:
    found = ticks_of(scale_of(max_heat, unit, kind))
    width_px = 3001
    bar = bar_levels(width_px).astype(int)
    for place, words in found[:-1]:  # the end is rounded for reading
        cells = np.array([[value_of(words, unit)]], np.float32)
        heat = HeatGrid(cells, 1, 1)
        level = int(levels(heat, max_heat=max_heat, scale=kind, level_count=HEAT_LEVELS)[0, 0])
        assert abs(bar[round(place * (width_px - 1))] - level) <= 1, words


@pytest.mark.parametrize("kind", SCALES)
@pytest.mark.parametrize("unit", ["ms", "presses"])
@pytest.mark.parametrize("max_heat", MAX_HEATS)
def test_ticks_are_round_and_rise_and_keep_apart(max_heat: float, unit: str, kind: str) -> None:
    found = ticks_of(scale_of(max_heat, unit, kind))
    assert found[-1][0] == 1
    halves = [DIGIT_PX * len(words) / 2 for _, words in found]
    middles = [place * BAR_PX for place, _ in found[:-1]] + [BAR_PX - halves[-1]]
    spans = [(middle - half, middle + half) for middle, half in zip(middles, halves, strict=True)]
    assert spans[0][0] >= 0
    assert all(after[0] - before[1] >= APART_PX for before, after in pairwise(spans))
    values = [value_of(words, unit) for _, words in found]
    assert all(before < after for before, after in pairwise(values))
    for _, words in found[:-1]:
        number = re.match(r"\d+", words)
        assert number is not None
        assert number[0].rstrip("0") in {"1", "2", "3", "5"}, words  # 30 s and 30 min are round as well
        assert "." not in words
        assert "+" not in words


def test_ticks_are_less_than_one_where_less_was_counted() -> None:
    scale = replace(scale_of(0.03, "", "linear"), is_whole=False)
    assert [words for _, words in ticks_of(scale)] == ["0.002", "0.005", "0.01", "0.02", "0.03+"]
    assert [words for _, words in ticks_of(replace(scale, is_whole=True))] == ["0.03+"]


@pytest.mark.parametrize("unit", ["ms", "presses"])
@pytest.mark.parametrize("max_heat", MAX_HEATS)
def test_the_end_of_the_bar_is_the_hottest_heat(max_heat: float, unit: str) -> None:
    for clipped in (False, True):
        _, words = ticks_of(scale_of(max_heat, unit, clipped=clipped))[-1]
        assert value_of(words, unit) == pytest.approx(max_heat, rel=0.1)
        assert words.endswith("+") == clipped


@pytest.mark.parametrize(
    ("scale", "bar_px", "words"),
    [
        (scale_of(42_000), 500, "500 ms, 2 s, 5 s, 10 s, 20 s, 42 s+"),
        (scale_of(31, "crossings"), 500, "1, 2, 5, 10, 20, 31+"),
        (scale_of(11, "presses"), 500, "1, 2, 5, 11+"),
        (scale_of(11, "presses"), 160, "1, 2, 11+"),
        (scale_of(11, "presses"), 60, "1, 11+"),
        (scale_of(11, "presses"), 20, ""),
    ],
)
def test_a_bar_has_as_many_ticks_as_there_is_space_for(scale: Scale, bar_px: float, words: str) -> None:
    assert ", ".join(label for _, label in ticks_of(scale, bar_px)) == words


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (1, "ms", "1 ms"),
        (999, "ms", "999 ms"),
        (1000, "ms", "1 s"),
        (1500, "ms", "1.5 s"),
        (59_400, "ms", "59 s"),
        (60_000, "ms", "1 min"),
        (90_000, "ms", "1.5 min"),
        (3_600_000, "ms", "1 h"),
        (7_200_000, "ms", "2 h"),
        (36e9, "ms", "10k h"),
        (1, "presses", "1"),
        (1.7, "presses", "1.7"),
        (12, "presses", "12"),
        (9999, "presses", "9999"),
        (10_000, "presses", "10k"),
        (12_345, "presses", "12.3k"),
        (2_500_000, "presses", "2.5M"),
        (3e9, "presses", "3G"),
    ],
)
def test_a_count_is_written_shortly_in_its_unit(value: float, unit: str, words: str) -> None:
    assert with_unit(value, unit) == words


@pytest.mark.parametrize("value", [999_499, 999_700, 999_999, 999_600_000, 999_999_999, 1e12, 4.2e15, float(COUNT_MAX)])
@pytest.mark.parametrize("unit", ["ms", "presses"])
def test_no_count_is_written_with_an_exponent(value: float, unit: str) -> None:
    assert "e" not in with_unit(value, unit)


# The drawn strip ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize("width_px", WIDTHS)
def test_no_texts_overlap_or_leave_the_strip(width_px: int, number: int, drawn: Drawn) -> None:
    longest = [*((999_700.0, "presses"), (3_599_000.0, "ms"), (12_345.0, "crossings")), *[(19.0, "presses")] * 4]
    strip = draw(legend_of(*(scale_of(*what) for what in longest[:number])), width_px)
    height_px = strip.ink.shape[0]
    assert strip.ink.shape[1] == width_px
    for text, box in drawn.texts:
        left, top, right, bottom = box
        assert (left > -0.6, right < width_px + 0.6, top >= 0, bottom <= height_px) == (True,) * 4, f"{text}: {box}"
    for (one, here), (other, there) in combinations(drawn.texts, 2):
        assert not overlap(here, there), f"{one} {here} is over {other} {there}"


@pytest.mark.parametrize("number", range(1, 8))
@pytest.mark.parametrize("width_px", WIDTHS)
def test_every_scale_has_a_bar_and_no_text_is_on_it(width_px: int, number: int, drawn: Drawn) -> None:
    strip = draw(legend_of(*[scale_of(42_000)] * number), width_px)
    assert len(strip.bars) == number
    boxes = [(columns.start, rows.start, columns.stop, rows.stop) for rows, columns in strip.bars]
    assert not any(overlap(one, other) for one, other in combinations(boxes, 2))
    for rows, columns in strip.bars:
        assert 0 <= rows.start < rows.stop < strip.ink.shape[0]
        assert 0 <= columns.start < columns.stop <= width_px
        assert not strip.ink[rows, columns].any()
        box = (columns.start, rows.start, columns.stop, rows.stop)
        assert not any(overlap(box, place) for _, place in drawn.texts)


@pytest.mark.parametrize("number", range(1, 8))
@pytest.mark.parametrize("width_px", [240, 400, 640, 1366])
def test_no_title_and_no_caption_is_cut_however_narrow_the_picture(width_px: int, number: int, drawn: Drawn) -> None:
    captions = ["rest", "travel", "left clicks", "middle clicks", "right clicks", "other clicks", "scroll"]
    scales = [replace(scale_of(42_000), caption=caption) for caption in captions[:number]]
    draw(Legend("Where the pointer rested", ["DP-1 1920 x 1080 · 22 November 2026"], scales), width_px)
    texts = [text for text, _ in drawn.texts]
    assert {"Where the pointer rested", *captions[:number]} <= set(texts)
    assert not [text for text in texts if "…" in text]


@pytest.mark.parametrize("width_px", [320, 1366, 1920, 3840, 7680])
def test_a_drawn_tick_is_where_the_bar_has_its_heat(width_px: int, drawn: Drawn) -> None:
    strip = draw(legend_of(scale_of(42_000)), width_px)
    ((rows, columns),) = strip.bars
    bar = as_levels(strip)[rows.start, columns].astype(int)
    labels = [(text, box) for text, box in drawn.texts if re.fullmatch(r"\d+ (ms|s)\+?", text) and box[1] >= rows.stop]
    assert len(labels) == len(drawn.lines) >= 3
    for (text, box), (x, top, bottom) in zip(labels, drawn.lines, strict=True):
        level = round(223 * float(tone(np.array([value_of(text, "ms") / 42_000], np.float32), "log")[0]))
        assert abs(bar[round(x) - columns.start] - level) <= 2, text
        assert (top, bottom > top) == (rows.stop, True)
        assert box[0] - 1 <= x <= box[2] + 1, f"{text} is beside its tick"
        assert strip.ink[round(top) + 1, int(x) : int(x) + 2].any()


@pytest.mark.parametrize("width_px", [-1 + 200, 1, 16, 64])
def test_where_there_is_no_space_for_text_there_is_no_strip(width_px: int) -> None:
    strip = draw(legend_of(scale_of(42_000)), width_px)
    assert strip.ink.shape == (0, width_px)
    assert not strip.bars


@pytest.mark.parametrize("width_px", [200, 640, 1366, 7680])
def test_what_does_not_fit_is_cut_and_ends_with_dots(width_px: int, drawn: Drawn) -> None:
    endless = "one monitor after the other " * 16
    draw(Legend(endless, [endless], [scale_of(42_000)]), width_px)
    (title, title_box), (line, line_box) = drawn.texts[:2]
    for text, box in ((title, title_box), (line, line_box)):
        assert text.endswith("…")
        assert endless.startswith(text[:-1])
        assert len(text) > 3
        assert box[2] <= width_px


def test_what_fits_is_not_cut(drawn: Drawn) -> None:
    draw(legend_of(scale_of(42_000)), 1920)
    assert [text for text, _ in drawn.texts[:3]] == [legend_of().title, *legend_of().lines]


def test_what_the_typeface_lacks_becomes_a_question_mark(drawn: Drawn) -> None:
    draw(Legend("日本 monitor · 20 °C", ["left\tright\n±1 …", "Größe à Łódź"], []), 900)
    assert [text for text, _ in drawn.texts] == ["?? monitor · 20 °C", "left?right?±1 …", "Grosse a Lodz"]


def test_every_letter_that_is_kept_can_be_drawn(drawn: Drawn) -> None:
    kept = "".join(map(chr, range(32, 127))) + "·…°±"
    strip = draw(Legend(kept, [], []), 3840)
    assert drawn.texts[0][0] == kept
    blank = draw(Legend("", [], []), 3840)
    assert not blank.ink.any()
    boxes = [draw(Legend(letter, [], []), 300).ink for letter in kept.replace(" ", "")]
    unknown = draw(Legend("?", [], []), 300).ink
    assert all(ink.any() for ink in boxes)
    assert sum(np.array_equal(ink, unknown) for ink in boxes) == 1
    assert strip.ink.max() == 255


@pytest.mark.parametrize("width_px", [1366, 1920, 3840, 7680])
def test_text_grows_with_the_picture_but_more_slowly(width_px: int) -> None:
    height_px = draw(legend_of(scale_of(42_000)), width_px).ink.shape[0]
    laptop_px = draw(legend_of(scale_of(42_000)), 1366).ink.shape[0]
    assert laptop_px <= height_px <= laptop_px * width_px / 1366
    assert width_px == 1366 or height_px > laptop_px


def test_letters_are_anti_aliased() -> None:
    ink = draw(legend_of(), 1920).ink
    assert len(np.unique(ink)) > 50


# As palette indices -----------------------------------------------------------------------------------------------


def test_the_bar_is_every_heat_level_from_cold_to_hot() -> None:
    strip = draw(legend_of(scale_of(42_000)), 1366)
    ((rows, columns),) = strip.bars
    for row in as_levels(strip)[rows, columns]:
        assert row.tolist() == sorted(row.tolist())
        assert set(row.tolist()) == set(range(HEAT_LEVELS))


def test_beside_the_bar_all_is_panel_to_text() -> None:
    strip = Strip(np.array([[0, 128, 255, 77, 77]], np.uint8), [(slice(0, 1), slice(3, 5))])
    assert as_levels(strip).tolist() == [[HEAT_LEVELS, HEAT_LEVELS + 15, 255, 0, HEAT_LEVELS - 1]]
