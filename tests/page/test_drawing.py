"""The page draws what ``render`` draws: the same counts through both, pixel by pixel."""

import base64
import json
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from support.javascript import copy_sources, run_in_node

from mousetrackd.core.cells import cell_px as cell_px_of
from mousetrackd.core.counts import Counts
from mousetrackd.core.layers import UNITS
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement
from mousetrackd.core.series import Series
from mousetrackd.picture import heat
from mousetrackd.picture.colormap import ramp
from mousetrackd.picture.colours import CLASSIC, OWN_MAPS, colour_map
from mousetrackd.picture.compose import draw
from mousetrackd.picture.look import Look
from mousetrackd.picture.png import Picture
from mousetrackd.picture.scene import Scene
from mousetrackd.picture.styles import SIGMA_OF_CELLS, STYLES
from mousetrackd.storage.readings import Reading

LEVELS_APART = 2.0
"""What the mean pixel may differ by, of 255."""


@dataclass(frozen=True)
class Case:
    """One question: what the page is asked, and the look of the picture to compare with."""

    layer: str = "dwell"
    size_px: tuple[int, int] = (960, 540)
    state: dict[str, Any] = field(default_factory=dict)
    look: dict[str, Any] = field(default_factory=dict)
    is_light: bool = False
    places: int = 3000
    parked_ms: int = 0


CASES = {
    "as it is": Case(),
    "few rests": Case(places=40),
    "a parked pointer": Case(parked_ms=30_000_000),
    "sqrt": Case(state={"scale": "sqrt"}, look={"scale": "sqrt"}),
    "linear": Case(state={"scale": "linear"}, look={"scale": "linear"}),
    "a maximum": Case(state={"max": 60_000.0}, look={"max": "60s"}),
    "wide": Case(state={"sigma_px": 30.0}, look={"sigma": 30}),
    "narrow": Case(state={"sigma_px": 4.0}, look={"sigma": 4}),
    "classic": Case(state={"map": "classic"}, look={"colormap": "classic"}),
    "reversed": Case(state={"map": "ice_r"}, look={"colormap": "ice_r"}),
    "classic reversed": Case(state={"map": "classic_r"}, look={"colormap": "classic_r"}),
    "light": Case(look={"background": "#ffffff"}, is_light=True),
    "light classic": Case(
        state={"map": "classic"}, look={"colormap": "classic", "background": "#ffffff"}, is_light=True
    ),
    "light reversed": Case(state={"map": "rose_r"}, look={"colormap": "rose"}, is_light=True),
    "clicks": Case("clicks.left", places=400),
    "many clicks": Case("clicks.right", places=4000),
    "scroll": Case("scroll", places=100),
    "travel": Case("travel", look={"sigma": f"{100 * SIGMA_OF_CELLS}%"}, places=20_000),
    "laptop": Case(size_px=(1366, 768)),
    "full HD": Case(size_px=(1920, 1080)),
    "a parked pointer on other cells than those of render": Case(
        size_px=(1920, 1080), parked_ms=90_000_000, state={"sigma_px": 30.0}, look={"sigma": 30}
    ),
    "portrait": Case(size_px=(540, 960)),
}


def _counts(case: Case) -> Counts:
    """Rests in a few crowds, one of them at an edge, and strays everywhere."""
    random = np.random.default_rng(8)
    width_px, height_px = case.size_px
    middle = random.uniform(0, 1, (12, 2))
    middle[0] = 0.99, 0.5
    crowd = random.integers(0, len(middle), case.places)
    place = np.where(
        random.uniform(size=(case.places, 1)) < 0.3,
        random.uniform(size=(case.places, 2)),
        middle[crowd] + random.normal(0, 0.04, (case.places, 2)),
    ).clip(0, 0.9999)
    x, y = (place * [width_px, height_px]).astype(np.int64).T
    most = 20_000 if case.layer == "dwell" else 2
    count = np.ceil(most * random.uniform(size=case.places) ** 4).astype(np.int64)
    count[0] += case.parked_ms
    return Counts.from_pixels(width_px, height_px, y * width_px + x, count)


def _around(place: NDArray[np.int64], cell_px: int, cells: int) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """The two cells around each place, and the share of each; beyond an edge it is reflected."""
    at = (place + 0.5) / cell_px - 0.5
    before = np.floor(at).astype(np.int64)
    return [(before.clip(0), 1 - (at - before)), ((before + 1).clip(0, cells - 1), at - before)]


def _question(case: Case, counts: Counts) -> dict[str, Any]:
    """The same counts on the page's cells, each shared among the four around it."""
    width_px, height_px = case.size_px
    place_px = cell_px_of(*case.size_px)
    cell_px = max(place_px // (8 if case.layer.startswith("clicks") else 4), 1)
    cols, rows = -(-width_px // cell_px), -(-height_px // cell_px)
    y, x = np.divmod(counts.index, width_px)
    values = np.zeros(cols * rows)
    for col, share_x in _around(x, cell_px, cols):
        for row, share_y in _around(y, cell_px, rows):
            np.add.at(values, row * cols + col, counts.count * share_x * share_y)
    visited = np.zeros((-(-rows * cell_px // place_px), -(-cols * cell_px // place_px)), int)
    visited[y // place_px, x // place_px] = 1
    state = {"layer": case.layer, "scale": "log", "max": None, "share": False, "sigma_px": None, "mode": "single"}
    state["map"] = STYLES[case.layer].colormap
    return {
        "state": state | case.state,
        "isLight": case.is_light,
        "cell_px": cell_px,
        "cols": cols,
        "rows": rows,
        "values": values.tolist(),
        "visited": visited.ravel().tolist(),
        "place_px": place_px,
        "cells": counts.pixels,
    }


def _meta(case: Case) -> dict[str, Any]:
    style = STYLES[case.layer]
    maps = {name: base64.b64encode(ramp(colour_map(name, {})).tobytes()).decode() for name in (*OWN_MAPS, CLASSIC)}
    return {
        "log_range": heat.LOG_RANGE,
        "guard": heat.GUARD,
        "percentile": Look().percentile,
        "maps": maps,
        "monitors": [{"width_px": case.size_px[0], "height_px": case.size_px[1]}],
        "layers": [
            {
                "name": case.layer,
                "unit": UNITS[case.layer],
                "caption": style.caption,
                "sigma_share": style.sigma_share,
                "plenty": style.plenty,
                "pixels_a_cell": 1,  # these are pixels
            }
        ],
    }


def _rendered(case: Case, counts: Counts) -> Picture:
    screen = Monitor("DP-1", *case.size_px)
    scene = Scene(Reading({Series(screen, case.layer): counts}), Layout([Placement(screen, 0, 0)]))
    return draw(scene, Look(layer=[case.layer], legend=False, **case.look))


def _drawn(answer: dict[str, Any], case: Case) -> NDArray[np.float64]:
    """The pixels of the page, as gl.js and canvas2d.js interpolate its levels."""
    levels = np.array(answer["levels"], np.float32).reshape(answer["rows"], answer["cols"])
    cell_px = answer["cell_px"]
    large = cv2.resize(levels, (answer["cols"] * cell_px, answer["rows"] * cell_px), interpolation=cv2.INTER_LINEAR)
    palette = np.array(answer["palette"], np.float64).reshape(256, 4)
    return np.asarray(palette[large[: case.size_px[1], : case.size_px[0]].round().astype(int), :3])


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the page draws in each case, all in one process."""
    questions = [{"meta": _meta(case), **_question(case, _counts(case))} for case in CASES.values()]
    ran = run_in_node(copy_sources(tmp_path_factory.mktemp("drawing")), "draw_grids.js", stdin=json.dumps(questions))
    assert ran.returncode == 0, ran.stderr
    return dict(zip(CASES, json.loads(ran.stdout), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_the_page_draws_what_render_draws(answers: dict[str, Any], name: str) -> None:
    case, answer = CASES[name], answers[name]
    picture = _rendered(case, _counts(case))
    described = picture.facts["layers"]
    assert isinstance(described, list)
    assert answer["sigma_px"] == pytest.approx(described[0]["sigma_px"], rel=0.03)
    assert answer["max"] == pytest.approx(described[0]["max_heat"], rel=0.02)
    apart = np.abs(_drawn(answer, case) - picture.rgb().astype(np.float64))
    assert apart.mean() <= LEVELS_APART
