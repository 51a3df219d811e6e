"""From counts to levels: heat is kept and stays where it was, the tone keeps the order, colours are the user's."""

import math
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mousetrackd.core.cells import cell_px, gathered
from mousetrackd.core.counts import COUNT_MAX, Counts
from mousetrackd.picture.heat import (
    EDGES,
    FAINTEST_DOT,
    SCALES,
    HeatGrid,
    dot_tone,
    heat_grid,
    hottest,
    levels,
    tone,
    untone,
)
from mousetrackd.picture.legend import HEAT_LEVELS

FULL_HD = (1920, 1080)
LAPTOP = (1366, 768)
PRIME = (1367, 769)
"""No cell wider than a pixel divides it."""

Dense = NDArray[np.int64]


def dots(size: tuple[int, int], *at: tuple[int, int, int]) -> Counts:
    """Counts of (x, y, count)."""
    width, height = size
    index = np.array([y * width + x for x, y, _ in at], np.int64)
    return Counts.from_pixels(width, height, index, np.array([count for _, _, count in at], np.int64))


def grid_of(cells: NDArray[np.float32], cell_px: int = 1) -> HeatGrid:
    return HeatGrid(cells, cell_px, cell_px)


def scattered(size: tuple[int, int], number: int, seed: int) -> Counts:
    width, height = size
    random = np.random.default_rng(seed)
    return Counts.from_pixels(
        width, height, random.integers(0, width * height, number), random.integers(1, 5000, number)
    )


def heat_in(grid: HeatGrid) -> float:
    """The heat of the whole picture, in px: every cell represents all of its pixels."""
    return float(grid.cells.sum(dtype=np.float64)) * grid.cell_width_px * grid.cell_height_px


def full_size(grid: HeatGrid) -> NDArray[np.float64]:
    return np.asarray(cv2.resize(grid.cells, grid.size_px, interpolation=cv2.INTER_LINEAR), np.float64)


def gaussian_of_every_pixel(dense: Dense, sigma: float, edges: str) -> NDArray[np.float64]:
    """What heat is by its definition: sums weighted by a Gaussian that is 1 at the point itself."""
    radius = math.ceil(6 * sigma)
    around: dict[str, Any] = {"mode": "symmetric" if edges == "total" else "constant"}
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    heat = dense.astype(np.float64)
    for axis in (0, 1):
        heat = np.apply_along_axis(
            lambda line: np.convolve(np.pad(line, radius, **around), kernel, mode="valid"), axis, heat
        )
    return heat


def heat_at(grid: HeatGrid, x: int, y: int) -> float:
    return float(grid.cells[y // grid.cell_height_px, x // grid.cell_width_px])


# Heat ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sigma", [1.0, 2.5, 7.9, 8.0, 13.0, 30.0, 100.0])
@pytest.mark.parametrize("size", [FULL_HD, LAPTOP, (640, 361), (99, 100), (16, 9)], ids=str)
def test_the_blur_keeps_the_sum_wherever_the_counts_are(size: tuple[int, int], sigma: float) -> None:
    right, bottom = size[0] - 1, size[1] - 1
    middle = (right // 2, bottom // 2)
    for x, y in ((0, 0), (right, 0), (0, bottom), (right, bottom), (middle[0], 0), (right, middle[1]), middle):
        grid = heat_grid([dots(size, (x, y, 7))], *size, sigma, "total")
        assert heat_in(grid) == pytest.approx(7 * 2 * math.pi * sigma**2, rel=1e-3), f"counts at {x},{y}"


@pytest.mark.parametrize("sigma", [1.0, 9.2, 26.0])
def test_the_blur_keeps_the_sum_on_a_size_no_cell_divides(sigma: float) -> None:
    counts = scattered(PRIME, 500, seed=1)
    grid = heat_grid([counts, dots(PRIME, (0, 0, 10**6), (1366, 768, 10**6))], *PRIME, sigma, "total")
    assert (grid.cell_width_px, grid.cell_height_px) == (1, 1)
    assert heat_in(grid) == pytest.approx((counts.total + 2 * 10**6) * 2 * math.pi * sigma**2, rel=1e-3)


@given(
    width=st.integers(1, 120),
    height=st.integers(1, 90),
    sigma=st.floats(1.0, 40.0),
    corner=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_the_blur_keeps_the_sum_on_any_screen(
    width: int, height: int, sigma: float, corner: tuple[float, float]
) -> None:
    x, y = round(corner[0] * (width - 1)), round(corner[1] * (height - 1))
    grid = heat_grid([dots((width, height), (x, y, 100))], width, height, sigma, "total")
    assert heat_in(grid) == pytest.approx(100 * 2 * math.pi * sigma**2, rel=1e-3)


@pytest.mark.parametrize("edges", EDGES)
@pytest.mark.parametrize(
    ("size", "sigma"),
    [
        *(((480, 270), 3.2), ((480, 270), 8.0), ((480, 270), 13.0), ((480, 270), 20.0)),
        *(((366, 256), 9.2), ((367, 251), 9.0), ((320, 200), 40.0)),
    ],
    ids=str,
)
def test_heat_is_that_of_a_gaussian_of_every_pixel(size: tuple[int, int], sigma: float, edges: str) -> None:
    counts = scattered(size, 60, seed=2)
    reference = gaussian_of_every_pixel(counts.dense(), sigma, edges)
    difference = np.abs(full_size(heat_grid([counts], *size, sigma, edges)) - reference)
    # Half a cell at the very edge is as the cell's middle, where heat that is not reflected falls already.
    assert difference.max() <= (0.016 if edges == "total" else 0.05) * reference.max()
    assert difference.mean() <= 0.004 * reference.max()


@pytest.mark.parametrize("sigma", [0.0, 0.3, 0.5, 0.69, 0.97, 1.9, 3.0, 4.9, 9.2, 13.0, 26.0, 100.0])
def test_a_lone_press_has_the_heat_1_at_its_pixel_whatever_sigma(sigma: float) -> None:
    # In the middle of any cell, for a cell's heat is that of its middle.
    x, y = 660, 420
    grid = heat_grid([dots(FULL_HD, (x, y, 1))], *FULL_HD, sigma)
    assert heat_at(grid, x, y) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("place", [(0, 0), (1919, 1079), (0, 540), (960, 1079)])
@pytest.mark.parametrize("sigma", [13.0, 18.4])
def test_a_lone_press_has_the_heat_1_also_at_an_edge_and_in_a_corner(place: tuple[int, int], sigma: float) -> None:
    def heat(edges: str) -> float:
        return float(heat_grid([dots(FULL_HD, (*place, 1))], *FULL_HD, sigma, edges).cells.max())

    is_corner = place in {(0, 0), (1919, 1079)}
    assert heat("true") == pytest.approx(1, abs=0.1)
    assert heat("total") == pytest.approx(4 if is_corner else 2, rel=0.1)


def test_two_presses_at_one_pixel_are_twice_as_hot() -> None:
    once, twice = (heat_grid([dots(LAPTOP, (400, 300, n))], *LAPTOP, 9.2).cells for n in (1, 2))
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-6)


@pytest.mark.parametrize("sigma", [0.0, 1.0, 4.9, 13.0, 26.0])
@pytest.mark.parametrize("size", [FULL_HD, LAPTOP, PRIME, (640, 361)], ids=str)
def test_symmetric_counts_give_an_exactly_symmetric_picture(size: tuple[int, int], sigma: float) -> None:
    width, height = size
    random = np.random.default_rng(3)
    quarter = [
        (int(x), int(y), int(n))
        for x, y, n in zip(
            random.integers(0, width // 2, 40),
            random.integers(0, height // 2, 40),
            random.integers(1, 9999, 40),
            strict=True,
        )
    ]
    mirrored = [
        (across, down, n)
        for x, y, n in [*quarter, (0, 0, 5000)]
        for across in (x, width - 1 - x)
        for down in (y, height - 1 - y)
    ]
    grid = heat_grid([dots(size, *mirrored)], width, height, sigma)
    shown = levels(grid, max_heat=hottest([grid], 99.9), scale="log", level_count=HEAT_LEVELS)
    assert shown.max() == HEAT_LEVELS - 1
    assert np.array_equal(shown, shown[:, ::-1])
    assert np.array_equal(shown, shown[::-1])


@pytest.mark.parametrize("sigma", [5e-324, 1e-200, 0.009])
def test_a_sigma_that_reaches_no_neighbour_does_not_blur(sigma: float) -> None:
    part = dots((16, 16), (3, 4, 7), (9, 9, 2))
    assert np.array_equal(heat_grid([part], 16, 16, sigma).cells, heat_grid([part], 16, 16, 0).cells)


def test_sigma_0_is_pixel_for_pixel() -> None:
    counts = scattered(LAPTOP, 3000, seed=4)
    grid = heat_grid([counts], *LAPTOP, 0)
    assert np.array_equal(grid.cells.astype(np.int64), counts.dense())
    shown = levels(grid, max_heat=hottest([grid], 100), scale="log")
    assert np.array_equal(shown > 0, counts.dense() > 0)


def test_a_single_raw_count_beside_a_huge_one_is_still_there() -> None:
    grid = heat_grid([dots((16, 9), (3, 3, 1), (8, 8, 10**12))], 16, 9, 0)
    shown = levels(grid, max_heat=hottest([grid], 100), scale="linear")
    assert [int(shown[3, 3]), int(shown[8, 8])] == [1, 255]
    assert np.count_nonzero(shown) == 2


def test_a_dot_that_is_not_blurred_is_half_as_bright_as_the_hottest_at_least_and_the_order_is_kept() -> None:
    grid = heat_grid([dots((16, 9), (3, 3, 1), (5, 5, 100), (8, 8, 10**12))], 16, 9, 0)
    shown = levels(grid, max_heat=1000, scale="log", faintest=FAINTEST_DOT)
    faint, some, most = (int(shown[at, at]) for at in (3, 5, 8))
    assert 127 <= faint < some < most == 255
    assert some == round(255 * dot_tone(float(tone(np.array([0.1], np.float32), "log")[0])))
    assert np.count_nonzero(shown) == 3


@pytest.mark.parametrize("sigma", [0.0, 2.0, 30.0])
def test_nothing_counted_is_all_level_0(sigma: float) -> None:
    grid = heat_grid([Counts.empty(*LAPTOP)], *LAPTOP, sigma)
    shown = levels(grid, max_heat=hottest([grid], 99.9), scale="log")
    assert shown.shape == (768, 1366)
    assert not shown.any()
    assert not heat_grid([], *LAPTOP, sigma).cells.any()


def test_where_everything_is_equal_all_of_it_is_hottest() -> None:
    dense = np.full((90, 160), 3, np.int64)
    for sigma in (0.0, 5.0, 16.0):
        grid = heat_grid([Counts.from_dense(dense)], 160, 90, sigma, "total")
        shown = levels(grid, max_heat=hottest([grid], 99.9), scale="linear")
        assert shown.min() >= 254, f"sigma {sigma}"


@pytest.mark.parametrize("sigma", [0.0, 5.0, 40.0])
@pytest.mark.parametrize("scale", SCALES)
def test_the_largest_count_an_integer_holds_is_just_the_hottest(scale: str, sigma: float) -> None:
    parts = [dots((200, 120), (100, 60, COUNT_MAX))] * 3
    grid = heat_grid(parts, 200, 120, sigma)
    assert np.isfinite(grid.cells).all()
    top = hottest([grid], 100)
    assert top == pytest.approx(3 * COUNT_MAX, rel=0.05)
    shown = levels(grid, max_heat=top, scale=scale)
    assert shown[60, 100] >= 253
    assert shown[0, 0] <= shown[60, 100] // 2


@pytest.mark.parametrize("size", [(1, 1), (16, 1), (1, 16), (2, 2), (3, 5), PRIME], ids=str)
@pytest.mark.parametrize("sigma", [0.0, 0.5, 3.0, 50.0])
def test_a_screen_of_any_size_is_drawn_at_that_size(size: tuple[int, int], sigma: float) -> None:
    width, height = size
    grid = heat_grid([dots(size, (width - 1, height - 1, 9))], width, height, sigma)
    assert grid.size_px == size
    shown = levels(grid, max_heat=hottest([grid], 100), scale="sqrt")
    assert shown.shape == (height, width)
    assert shown[-1, -1] == shown.max() == 255


@pytest.mark.parametrize("sigma", [-1.0, -1e-9, math.nan, math.inf])
def test_a_sigma_that_is_none_is_refused(sigma: float) -> None:
    with pytest.raises(ValueError, match="sigma"):
        heat_grid([], 16, 9, sigma)


# Another resolution of the same screen ---------------------------------------------------------------------


@pytest.mark.parametrize("sigma", [0.0, 1.0, 13.0])
@pytest.mark.parametrize("other", [(1280, 720), LAPTOP, (3840, 2160), (800, 600), (1, 1)], ids=str)
def test_counts_of_another_resolution_are_scaled_and_their_sum_is_kept(other: tuple[int, int], sigma: float) -> None:
    parts = [scattered(other, 400, seed=5), scattered(FULL_HD, 400, seed=6)]
    total = sum(part.total for part in parts)
    grid = heat_grid(parts, *FULL_HD, sigma, "total")
    assert grid.size_px == FULL_HD
    assert heat_in(grid) == pytest.approx(total * (2 * math.pi * sigma**2 or 1), rel=1e-3)


def test_a_place_stays_where_it_is_at_another_resolution() -> None:
    for x, y in ((0, 0), (959, 0), (0, 539), (959, 539), (480, 270), (101, 333)):
        grid = heat_grid([dots((960, 540), (x, y, 1))], *FULL_HD, 0)
        ((row, column),) = np.argwhere(grid.cells)
        assert column in {2 * x, 2 * x + 1}
        assert row in {2 * y, 2 * y + 1}


# The hottest, and what it leaves for the rest --------------------------------------------------------------


def test_hottest_is_the_percentile_of_the_touched_area_of_all_screens() -> None:
    one = grid_of(np.array([[0, 0, 0, 10, 20]], np.float32))
    other = grid_of(np.array([[30, 0, 40, 0, 50]], np.float32))
    assert hottest([one, other], 100) == 50
    assert hottest([one, other], 50) == 30
    assert hottest([one], 50) == 15


@pytest.mark.parametrize("number", [1, 2, 3, 10, 1000])
@pytest.mark.parametrize("percentile", [50, 66.6, 99.9, 100])
def test_the_percentile_is_that_of_numpy(number: int, percentile: float) -> None:
    heat = np.random.default_rng(number).uniform(1, 100, (1, number)).astype(np.float32)
    expected = np.percentile(heat, percentile)
    assert hottest([grid_of(heat)], percentile) == pytest.approx(expected, rel=1e-6)


def test_drawing_does_not_wait_for_what_it_does_not_need() -> None:
    draws = (
        "import sys; from mousetrackd.core.counts import Counts\n"
        "from mousetrackd.core.layout import Layout; from mousetrackd.core.monitors import Monitor, Placement\n"
        "from mousetrackd.picture import compose; from mousetrackd.picture.look import Look\n"
        "from mousetrackd.picture.scene import Scene\n"
        "from mousetrackd.core.series import Series\n"
        "from mousetrackd.storage.readings import Reading; screen = Monitor('S', 400, 300)\n"
        "counts = Counts.from_pixels(400, 300, [5, 5, 900])\n"
        "reading = Reading({Series(screen, 'dwell'): counts}, 0, 60)\n"
        "compose.draw(Scene(reading, Layout([Placement(screen, 0, 0)])), Look()).png()\n"
        "print(*sorted({'numpy.ma', 'numpy.random', 'numpy.fft', 'matplotlib', 'scipy', 'Xlib'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", draws], capture_output=True, text=True, timeout=30, check=True).stdout
    of_numpy = {"numpy.ma", "numpy.random", "numpy.fft"} if np.lib.NumpyVersion(np.__version__) < "2.0.0" else set()
    assert set(said.split()) <= of_numpy  # which numpy 1 imports itself


@pytest.mark.parametrize("grids", [[], [grid_of(np.zeros((4, 4), np.float32))]], ids=["no screen", "no heat"])
def test_hottest_of_nothing_is_a_lone_count(grids: Sequence[HeatGrid]) -> None:
    assert hottest(grids, 99.9) == 1


def test_hottest_is_never_less_than_a_lone_count() -> None:
    assert hottest([grid_of(np.full((4, 4), 0.25, np.float32))], 99.9) == 1


def _least_rest_level(parked: int, rests: int, each: int, sigma: float) -> int:
    """How bright the faintest of ``rests`` places is beside one parked spot, of 255."""
    places = [(40 + 90 * (n % 20), 40 + 90 * (n // 20), each) for n in range(rests)]
    grid = heat_grid([dots(FULL_HD, *places, (1900, 1060, parked))], *FULL_HD, sigma)
    shown = levels(grid, max_heat=hottest([grid], 99.9), scale="log")
    return min(int(shown[y, x]) for x, y, _ in places)


@pytest.mark.parametrize("rests", [20, 200])
@pytest.mark.parametrize("times", [10, 100, 1000, 100_000])
def test_one_parked_spot_leaves_the_rest_to_be_seen(times: int, rests: int) -> None:
    # Three tenths of the ramp are violet in ember, far from black.
    assert _least_rest_level(5000 * times, rests, 5000, sigma=13) >= 76


@pytest.mark.parametrize("size", [FULL_HD, LAPTOP])
def test_pixels_have_the_same_hottest_colour_as_cells_out_of_them(size: tuple[int, int]) -> None:
    random = np.random.default_rng(3)
    width, height = size
    at = random.normal((width / 2, height / 2), height / 9, (20_000, 2)).astype(np.int64).clip(0, np.array(size) - 1)
    pixels = Counts.from_pixels(width, height, at[:, 1] * width + at[:, 0], np.full(len(at), 40))
    pixels = Counts.merge([pixels, dots(size, (30, 30, 10_000_000))])  # parked: the guard is what counts
    cells = gathered(pixels, cell_px(width, height))
    hottest_of = [hottest([heat_grid([counts], width, height, 18)], 99.9) for counts in (pixels, cells)]
    assert hottest_of[1] == pytest.approx(hottest_of[0], rel=0.02)
    assert cells.pixels < pixels.pixels / 3


# Tone ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", SCALES)
def test_tone_rises_from_0_to_1(scale: str) -> None:
    shares = np.linspace(0, 1, 5001, dtype=np.float32)
    toned = tone(shares, scale)
    assert toned.dtype == np.float32
    assert toned[0] == 0
    assert toned[-1] == pytest.approx(1, abs=1e-6)
    assert (np.diff(toned) > 0).all()


@pytest.mark.parametrize("scale", SCALES)
def test_tone_of_more_than_the_hottest_is_1_and_of_less_than_nothing_0(scale: str) -> None:
    toned = tone(np.array([-1, 1, 1.001, 1e30, np.inf], np.float32), scale)
    assert toned[0] == 0
    np.testing.assert_allclose(toned[1:], 1, atol=1e-6)


def test_log_shows_the_rare_brighter_than_sqrt_and_sqrt_than_linear() -> None:
    log, sqrt, linear = (float(tone(np.array([0.2], np.float32), scale)[0]) for scale in SCALES)
    assert log > 1.2 * sqrt > 2 * linear


@pytest.mark.parametrize("scale", SCALES)
@given(share=st.floats(0, 1, width=32))
def test_untone_is_the_way_back(scale: str, share: float) -> None:
    brightness = float(tone(np.array([share], np.float32), scale)[0])
    assert untone(brightness, scale) == pytest.approx(share, rel=1e-4, abs=1e-7)


def test_a_scale_that_is_none_is_named_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r'"cube".*log, sqrt, linear'):
        tone(np.zeros(1, np.float32), "cube")


@pytest.mark.parametrize("scale", SCALES)
def test_levels_rise_with_the_heat_and_stop_at_the_last(scale: str) -> None:
    grid = grid_of(np.linspace(0, 20, 401, dtype=np.float32).reshape(1, -1))
    shown = levels(grid, max_heat=10, scale=scale, level_count=HEAT_LEVELS)[0].astype(int)
    assert (np.diff(shown) >= 0).all()
    assert [shown[0], shown[200], shown[400]] == [0, HEAT_LEVELS - 1, HEAT_LEVELS - 1]
    assert shown[100] == round(float(tone(np.array([0.5], np.float32), scale)[0]) * (HEAT_LEVELS - 1))


@pytest.mark.parametrize("size", [LAPTOP, PRIME, (400, 299)])
def test_the_typical_heat_is_the_same_of_many_counts_and_of_the_same_in_parts(size: tuple[int, int]) -> None:
    """Places of a full screen are found in another way than those of a few pixels."""
    dense = np.arange(size[0] * size[1]).reshape(size[1], size[0]) % 7 * np.arange(size[0])  # hotter to the right
    dense[50:200, 100:330] = 0
    dense[-40:, -70:] = 0
    whole = Counts.from_dense(dense)
    parts = [Counts(*size, whole.index[nth::8], whole.count[nth::8]) for nth in range(8)]
    at_once, in_parts = heat_grid([whole], *size, 12, "true"), heat_grid(parts, *size, 12, "true")
    assert at_once.typical_heat == pytest.approx(in_parts.typical_heat, rel=1e-5)


@pytest.mark.parametrize("level_count", [2, 16, HEAT_LEVELS, 256])
def test_there_are_as_many_levels_as_asked_for(level_count: int) -> None:
    for cell in (1, 2):
        grid = grid_of(np.linspace(0, 1, 1000, dtype=np.float32).reshape(1, -1), cell)
        shown = levels(grid, max_heat=1, scale="linear", level_count=level_count)
        assert sorted(set(shown.reshape(-1).tolist())) == list(range(level_count))
