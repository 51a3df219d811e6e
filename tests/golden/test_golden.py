"""Every golden picture is drawn as it was; the .png beside each .npz shows it to human eyes.

After a change of looks that was meant: ``.venv/bin/python tests/golden/redraw.py [CASE ...]``, and look at them.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from golden_cases import CASES
from numpy.typing import NDArray
from PIL import Image

from mousetrackd.picture.legend import HEAT_LEVELS
from mousetrackd.picture.png import Picture

HERE = Path(__file__).parent
LEVELS_OFF = 2
"""Versions of OpenCV round differently."""
CHANNEL_OFF = 10
"""What two levels are in red, green or blue, where a map is steepest."""
LETTERS_OFF = 0.02
"""Versions of FreeType draw letters differently: so much of their ink may be another."""

Array = NDArray[np.uint8]


def stored(name: str) -> tuple[Array, Array]:
    with np.load(HERE / f"{name}.npz", allow_pickle=False) as arrays:
        return arrays["pixels"], arrays["palette"]


def letters_differ(pixels: Array, expected: Array) -> float:
    """How much of the ink is not where it was, from 0 to 1."""
    ink, expected_ink = (np.clip(a.astype(int) - HEAT_LEVELS, 0, None) for a in (pixels, expected))
    return float(np.abs(ink - expected_ink).sum() / max(expected_ink.sum(), 1))


def assert_same(picture: Picture, pixels: Array, palette: Array) -> None:
    assert picture.pixels.shape == pixels.shape
    if picture.palette is None:
        assert palette.size == 0
        assert np.abs(picture.pixels.astype(int) - pixels).max() <= CHANNEL_OFF
        return
    assert np.abs(picture.palette.astype(int) - palette).max() <= 1
    heat = (pixels < HEAT_LEVELS) | (picture.pixels < HEAT_LEVELS)
    assert np.abs(picture.pixels.astype(int) - pixels)[heat].max(initial=0) <= LEVELS_OFF
    assert letters_differ(picture.pixels, pixels) <= LETTERS_OFF


@pytest.mark.parametrize("name", CASES)
def test_it_is_drawn_as_it_was(name: str) -> None:
    assert_same(CASES[name](), *stored(name))


@pytest.mark.parametrize("name", CASES)
def test_the_png_shows_what_is_compared(name: str) -> None:
    pixels, palette = stored(name)
    with Image.open(HERE / f"{name}.png") as image:
        seen = np.asarray(image.convert("RGBA"))
    expected = palette[pixels] if palette.size else np.asarray(Image.fromarray(pixels).convert("RGBA"))
    visible = expected[..., 3] > 0
    assert np.array_equal(seen[visible], expected[visible])
    assert np.array_equal(seen[..., 3], expected[..., 3])


def test_nothing_lies_here_that_no_case_draws() -> None:
    assert {path.stem for path in HERE.glob("*.npz")} == set(CASES)
    assert {path.stem for path in HERE.glob("*.png")} == set(CASES)


def test_the_pictures_stay_small() -> None:
    assert sum(path.stat().st_size for path in HERE.iterdir() if path.is_file()) < 300_000


@pytest.mark.parametrize("name", ["blobs_log", "three_layers", "legend_strip"])
def test_another_picture_is_distinguished_from_it(name: str) -> None:
    picture, (pixels, palette) = CASES[name](), stored(name)
    for moved in (np.roll(pixels, 2, axis=0), np.roll(pixels, 2, axis=1)):
        with pytest.raises(AssertionError):
            assert_same(picture, moved, palette)


def test_redraw_draws_what_the_tests_compare(tmp_path: Path) -> None:
    for script in ("redraw.py", "golden_cases.py"):
        (tmp_path / script).write_bytes((HERE / script).read_bytes())
    subprocess.run([sys.executable, tmp_path / "redraw.py", "raw_dots", "legend_strip"], check=True, timeout=60)
    for name in ("raw_dots", "legend_strip"):
        with np.load(tmp_path / f"{name}.npz") as arrays:
            assert_same(CASES[name](), arrays["pixels"], arrays["palette"])
        assert (tmp_path / f"{name}.png").stat().st_size > 100
