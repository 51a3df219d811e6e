"""Small pictures that must always look the same, each made by a function that says what it shows."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mousetrackd.core.counts import Counts
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Exclusion, Monitor, Placement
from mousetrackd.core.series import Series
from mousetrackd.picture import heat, legend
from mousetrackd.picture.colormap import ramp
from mousetrackd.picture.colours import colour_map
from mousetrackd.picture.compose import draw
from mousetrackd.picture.look import Look
from mousetrackd.picture.png import Picture
from mousetrackd.picture.scene import Scene
from mousetrackd.picture.theme import theme_of
from mousetrackd.storage.readings import Reading

SMALL = Monitor("DP-1", 64, 48)
LARGE = Monitor("DP-2", 200, 120)
BARE = Look(legend=False, sigma=5)
CASES: dict[str, Callable[[], Picture]] = {}


def _case(make: Callable[[], Picture]) -> Callable[[], Picture]:
    CASES[make.__name__] = make
    return make


def _counts(screen: Monitor, x: NDArray[np.float64], y: NDArray[np.float64], weight: NDArray[np.int64]) -> Counts:
    column = np.clip(x.astype(np.int64), 0, screen.width_px - 1)
    row = np.clip(y.astype(np.int64), 0, screen.height_px - 1)
    return Counts.from_pixels(screen.width_px, screen.height_px, row * screen.width_px + column, weight)


def _rests(screen: Monitor, seed: int) -> Counts:
    """Two busy places, one quiet one at the edge, a few strays, and one parked spot."""
    random = np.random.default_rng(seed)
    width, height = screen.width_px, screen.height_px
    across = [random.normal(width * at, width / 25, 60) for at in (0.3, 0.6)]
    down = [random.normal(height * at, height / 25, 60) for at in (0.35, 0.7)]
    x = np.concatenate([*across, random.uniform(0, width, 15), np.full(20, width - 1.0), np.array([width * 0.85])])
    y = np.concatenate([*down, random.uniform(0, height, 15), random.normal(height / 2, 2, 20), [height * 0.2]])
    weight = np.concatenate([random.integers(20, 2000, 155), [600_000]])
    return _counts(screen, x, y, weight)


def _paths(screen: Monitor, seed: int) -> Counts:
    """Straight ways between a few places, some gone often."""
    random = np.random.default_rng(seed)
    places = random.uniform(0.05, 0.95, (7, 2)) * (screen.width_px, screen.height_px)
    ends = [(places[one], places[other]) for one, other in random.integers(0, 7, (25, 2)) if one != other]
    steps = np.linspace(0, 1, 2 * screen.width_px)[:, None]
    lines = [np.unique((one + (other - one) * steps).astype(np.int64), axis=0) for one, other in ends]
    along = np.concatenate(lines).astype(np.float64)
    return _counts(screen, along[:, 0], along[:, 1], np.ones(len(along), np.int64))


def _presses(screen: Monitor, seed: int, number: int) -> Counts:
    random = np.random.default_rng(seed)
    x, y = random.uniform(0, screen.width_px, number), random.uniform(0, screen.height_px, number)
    return _counts(screen, x, y, random.integers(1, 9, number))


def _drawn(counts: dict[Series, Counts], layout: Layout, look: Look) -> Picture:
    return draw(Scene(Reading(counts, 1_795_000_000, 1_795_003_600), layout, zone=UTC), look)


def _large(look: Look, **layers: Counts) -> Picture:
    counts = {Series(LARGE, name.replace("_", ".")): counts for name, counts in layers.items()}
    return _drawn(counts, Layout([Placement(LARGE, 0, 0)]), look)


@_case
def blobs_log() -> Picture:
    return _large(BARE, dwell=_rests(LARGE, 1))


@_case
def blobs_sqrt() -> Picture:
    return _large(replace(BARE, scale="sqrt"), dwell=_rests(LARGE, 1))


@_case
def blobs_linear() -> Picture:
    return _large(replace(BARE, scale="linear"), dwell=_rests(LARGE, 1))


@_case
def blobs_on_cells_of_many_pixels() -> Picture:
    """Sigma 20 is blurred on cells of 5 pixels."""
    return _large(replace(BARE, sigma=20), dwell=_rests(LARGE, 1))


@_case
def raw_dots() -> Picture:
    counts = {Series(SMALL, "dwell"): _rests(SMALL, 2)}
    return _drawn(counts, Layout([Placement(SMALL, 0, 0)]), replace(BARE, sigma=0))


@_case
def travel_lines() -> Picture:
    return _large(replace(BARE, layer=["travel"], sigma=1.2), travel=_paths(LARGE, 3))


@_case
def clicks_by_button() -> Picture:
    buttons = {
        f"clicks_{name}": _presses(LARGE, 4 + n, 14) for n, name in enumerate(("left", "middle", "right", "other"))
    }
    return _large(replace(BARE, layer=["clicks"], sigma=3), **buttons)


@_case
def scroll_blobs() -> Picture:
    counts = {Series(SMALL, "scroll"): _presses(SMALL, 8, 30)}
    return _drawn(counts, Layout([Placement(SMALL, 0, 0)]), replace(BARE, layer=["scroll"], sigma=2))


@_case
def three_layers() -> Picture:
    layers = {"dwell": _rests(LARGE, 1), "travel": _paths(LARGE, 3), "clicks_left": _presses(LARGE, 4, 14)}
    return _large(replace(BARE, layer=["dwell", "travel", "clicks"]), **layers)


@_case
def two_monitors() -> Picture:
    """The small one is left of the origin and lower; where no monitor is there is the panel."""
    layout = Layout([Placement(LARGE, 0, 0), Placement(SMALL, -64, 50)])
    return _drawn({Series(SMALL, "dwell"): _rests(SMALL, 2), Series(LARGE, "dwell"): _rests(LARGE, 1)}, layout, BARE)


@_case
def classic_map() -> Picture:
    return _large(replace(BARE, colormap="classic"), dwell=_rests(LARGE, 1))


@_case
def jet_map() -> Picture:
    return _large(replace(BARE, colormap="jet"), dwell=_rests(LARGE, 1))


@_case
def light_background() -> Picture:
    return _large(replace(BARE, background="#f4f1ea"), dwell=_rests(LARGE, 1))


@_case
def excluded_place_on_white() -> Picture:
    reading = Reading({Series(LARGE, "dwell"): _rests(LARGE, 1)}, 1_795_000_000, 1_795_003_600)
    exclude = [Exclusion("DP-2", 90, 20, 60, 50)]
    look = replace(BARE, background="#ffffff", legend=True)
    return draw(Scene(reading, Layout([Placement(LARGE, 0, 0)]), exclude=exclude, zone=UTC), look)


@_case
def transparent_background() -> Picture:
    layers = {"dwell": _rests(LARGE, 1), "travel": _paths(LARGE, 3)}
    return _large(replace(BARE, layer=["dwell", "travel"], background="transparent"), **layers)


@_case
def over_an_image() -> Picture:
    gradient = np.linspace(0, 255, LARGE.width_px).astype(np.uint8)
    over = Image.fromarray(np.repeat(gradient[None, :], LARGE.height_px, axis=0))
    reading = Reading({Series(LARGE, "dwell"): _rests(LARGE, 1)}, 1_795_000_000, 1_795_003_600)
    return draw(Scene(reading, Layout([Placement(LARGE, 0, 0)]), over=over, zone=UTC), BARE)


@_case
def small_with_legend() -> Picture:
    return _large(replace(BARE, legend=True), dwell=_rests(LARGE, 1))


@_case
def empty_store() -> Picture:
    return draw(Scene(Reading(), Layout([Placement(LARGE, 0, 0)]), zone=UTC), Look())


@_case
def legend_strip() -> Picture:
    """The strip alone, as it is under a laptop's screen."""

    def place(share: float) -> float:
        return float(heat.tone(np.array([share], np.float32), "log")[0])

    words = legend.Legend(
        "Where the pointer rested",
        ["DP-1 1366 x 768 · 18 November 2026, 11:06 to 12:06", "1 h 19 min"],
        [legend.Scale("time at and around each point", 51_000, "ms", place, clipped=True)],
    )
    palette = np.full((256, 4), 255, np.uint8)
    palette[: legend.HEAT_LEVELS, :3] = ramp(colour_map("ember", {}), legend.HEAT_LEVELS)
    palette[legend.HEAT_LEVELS :, :3] = theme_of(Scene(Reading(), Layout()), Look()).text_palette()
    return Picture(legend.as_levels(legend.draw(words, 1366)), palette, {"title": words.title})
