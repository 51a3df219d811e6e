"""``mousetrackd.heatmap``: one picture whatever shape the counts come in, and a picture that can be used."""

import io
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mousetrackd import MousetrackError, MousetrackWarning, Picture, heatmap

SIZE = (320, 200)
CLICKS = {(100, 50): 12, (101, 50): 3, (319, 199): 700}


def pixels(picture: Picture) -> list[Any]:
    return np.asarray(picture).tolist()  # type: ignore[no-any-return]  # numpy's nested lists


def facts_of(picture: Picture) -> dict[str, Any]:
    """The facts of the only layer."""
    (layer,) = picture.facts["layers"]
    assert isinstance(layer, dict)
    return layer


# What goes in ---------------------------------------------------------------------------------------------------

PLACES = st.tuples(st.integers(0, 47), st.integers(0, 31))
WHOLE = st.integers(0, 10**12)
FRACTIONS = st.integers(0, 2**40).map(lambda part: part / 1024)


@given(
    counts=st.dictionaries(PLACES, WHOLE | FRACTIONS, max_size=40),
    scale=st.sampled_from(["log", "sqrt", "linear"]),
    sigma=st.sampled_from(["auto", 0, 3.5]),
)
def test_a_dict_an_array_and_points_are_one_picture(
    counts: dict[tuple[int, int], float], scale: str, sigma: float | str
) -> None:
    grid = np.zeros((32, 48))
    for (x, y), count in counts.items():
        grid[y, x] = count
    columns = [x for x, _ in counts], [y for _, y in counts], [*counts.values()]
    rows = np.array([(x, y, count) for (x, y), count in counts.items()]).reshape(-1, 3)
    shapes = (counts, grid, columns, rows, dict(zip(("x", "y", "n"), columns, strict=True)))
    drawn = [heatmap(data, (48, 32), scale=scale, sigma=sigma) for data in shapes]
    for other in drawn[1:]:
        assert np.array_equal(other, drawn[0])
        assert other.facts == drawn[0].facts


def test_a_sharp_square_becomes_the_blob_of_the_original_answer() -> None:
    """Its own example: zeros, a square of 100s, a Gaussian of 15 px, shown in even steps."""
    square = np.zeros((1080, 1920))
    square[400:500, 800:950] = 100
    wanted = cv2.GaussianBlur(square, (0, 0), 15)
    drawn = heatmap(square, sigma=15, scale="linear", colormap=["#000000", "#ffffff"], percentile=100, legend=False)
    difference = np.abs(np.asarray(drawn)[..., 0] - wanted / wanted.max() * 255)
    assert difference.max() < 3
    assert difference.mean() < 0.05


def test_points_outside_are_reported_twice() -> None:
    with pytest.warns(
        MousetrackWarning,
        match="2 of 5 points lie outside 320x200 and are left out: x is from -1 to 320, y from 0 to 199",
    ) as told:
        picture = heatmap({**CLICKS, (320, 0): 5, (-1, 0): 5}, SIZE)
    assert picture.facts["outside"] == 2
    assert told[0].filename == __file__, "the warning names the caller's line"
    assert np.array_equal(picture, heatmap(CLICKS, SIZE))
    assert heatmap(CLICKS, SIZE).facts["outside"] == 0


def test_every_error_is_of_one_class_and_at_most_two_lines() -> None:
    with pytest.raises(MousetrackError, match="1 of 1 counts is not a finite number") as raised:
        heatmap({(1, 1): float("nan")})
    assert len(str(raised.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("keyword", "value", "words"),
    [
        ("sigma", -1, "sigma: expected"),
        ("sigma", "wide", "sigma: expected"),
        ("scale", "cubic", 'scale: expected one of "log", "sqrt", "linear", got \'cubic\''),
        ("colormap", "embers", 'there is no colour map "embers"'),
        ("colormap", ["#000000"], "colormap: expected a name, colours"),
        ("colormap", ["#000000", "red"], "colormap: expected a name, colours"),
        ("colormap", 5, "colormap: expected a name, colours"),
        ("max", -1, "max: expected"),
        ("max", "5s", '"5s" is a time, and this layer is counted in plain numbers'),
        ("max", float("nan"), "max: expected"),
        ("percentile", 101, "percentile: expected a number from 50 to 100, got 101"),
        ("background", "white", "background: expected"),
        ("legend", "no", "legend: expected true or false"),
        ("edges", "folded", "edges: expected"),
        ("out_size", (0, 9), "out_size: a screen is from 1x1"),
        ("out_size", "9x9", "out_size: expected (width, height) in px, got '9x9'"),
        ("out_size", (320, 20), "there is no space for the legend in 320x20\nDraw without it: legend=False."),
        ("opacity", 2, "opacity: expected a number from 0 to 1, got 2"),
        ("over", "nowhere.png", "cannot read the image nowhere.png"),
        ("over", np.zeros((2, 2, 7)), "over: expected a path"),
        ("over", Image.new("RGB", (0, 0)), "over: expected a path"),
        ("over", 5, "over: expected a path"),
        ("sigma", np.zeros((9, 9)), "sigma: expected"),
        ("scale", np.zeros((9, 9)), "scale: expected"),
        ("colormap", len, "colormap: expected a name, colours"),
        ("unit", 5, "unit: expected text"),
        ("title", 5, "title: expected text"),
    ],
)
def test_a_bad_value_is_named(keyword: str, value: object, words: str) -> None:
    with pytest.raises(MousetrackError) as raised:
        heatmap(CLICKS, SIZE, **{keyword: value})  # type: ignore[arg-type]  # that it is wrong is the point
    assert words in str(raised.value)
    assert len(str(raised.value).splitlines()) <= 2


def test_the_look_is_the_callers() -> None:
    plain = heatmap(CLICKS, SIZE, legend=False)
    assert plain.size == SIZE
    assert heatmap(CLICKS, SIZE).size > SIZE
    looks: tuple[dict[str, Any], ...] = (
        {"sigma": 9},
        {"sigma": np.float32(9)},
        {"sigma": "5%"},
        {"scale": "linear"},
        {"colormap": "classic"},
        {"max": 3},
        {"percentile": 60},
        {"background": "#ffffff"},
        {"edges": "total"},
    )
    for keywords in looks:
        assert not np.array_equal(heatmap(CLICKS, SIZE, legend=False, **keywords), plain), keywords
    assert not np.array_equal(heatmap(CLICKS, SIZE, title="Mine"), heatmap(CLICKS, SIZE))


def test_a_picture_may_be_drawn_for_another_size() -> None:
    for legend in (True, False):
        assert heatmap(CLICKS, SIZE, out_size=(900, 700), legend=legend).size == (900, 700)


def test_a_unit_and_a_title_are_in_the_facts() -> None:
    picture = heatmap(CLICKS, SIZE, unit="clicks", title="Mine")
    assert picture.facts["title"] == "Mine"
    assert (facts_of(picture)["unit"], facts_of(picture)["total"]) == ("clicks", 715)
    assert facts_of(heatmap(CLICKS, SIZE))["unit"] == ""


def test_the_heat_of_the_hottest_colour_is_in_the_callers_unit() -> None:
    assert facts_of(heatmap(CLICKS, SIZE, unit="ms", max="5s"))["max_heat"] == 5000
    for factor in (1, 0.001):
        data = {place: count * factor for place, count in CLICKS.items()}
        assert facts_of(heatmap(data, SIZE, max=50 * factor))["max_heat"] == pytest.approx(50 * factor)


def test_a_colour_map_may_be_a_list_of_colours_or_a_function_of_matplotlibs() -> None:
    def grey(share: Any) -> Any:
        return np.stack([share, share, share, np.ones_like(share)], axis=-1)

    for colormap in (["#000000", "#ffffff"], grey):
        shown = np.asarray(heatmap(np.eye(200) * 1000, colormap=colormap, legend=False, sigma=4))
        assert (shown[..., 0] == shown[..., 1]).all()
        assert len(np.unique(shown)) > 50


@pytest.mark.parametrize("kind", ["path", "text", "image", "array"])
def test_heat_lies_over_an_image_of_every_kind(tmp_path: Path, kind: str) -> None:
    image = Image.new("RGB", SIZE, (200, 100, 50))
    image.save(tmp_path / "below.png")
    below = {
        "path": tmp_path / "below.png",
        "text": str(tmp_path / "below.png"),
        "image": image,
        "array": np.asarray(image),
    }
    shown = np.asarray(heatmap(CLICKS, SIZE, over=below[kind], legend=False))  # type: ignore[arg-type]
    red, green, blue = shown[190, 5].tolist()
    assert red > green > blue > 0


def test_an_image_of_another_shape_is_fitted_and_reported() -> None:
    with pytest.warns(MousetrackWarning, match="it is fitted"):
        heatmap(CLICKS, SIZE, over=Image.new("RGB", (100, 100)))


# What comes out -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ending", "kind"), [("png", "PNG"), ("PNG", "PNG"), ("jpg", "JPEG"), ("webp", "WEBP")])
def test_a_picture_is_saved_by_its_ending(tmp_path: Path, ending: str, kind: str) -> None:
    picture = heatmap(CLICKS, SIZE)
    for out in (tmp_path / f"one.{ending}", str(tmp_path / f"two.{ending}")):
        picture.save(out)
        with Image.open(out) as image:
            assert (image.format, image.size) == (kind, picture.size)
            assert np.abs(np.asarray(image.convert("RGB"), int) - np.asarray(picture)).mean() < 3


def test_a_picture_is_saved_into_an_open_file() -> None:
    picture = heatmap(CLICKS, SIZE)
    for format_, kind in ((None, "PNG"), ("png", "PNG"), ("jpeg", "JPEG"), (".webp", "WEBP")):
        file = io.BytesIO()
        picture.save(file, format_)
        with Image.open(file) as image:
            assert image.format == kind


def test_the_facts_are_in_the_file() -> None:
    picture = heatmap(CLICKS, SIZE)
    with Image.open(io.BytesIO(picture._repr_png_())) as image:
        assert json.loads(image.info["mousetrackd"]) == picture.facts


def test_a_picture_that_cannot_be_saved_says_why(tmp_path: Path) -> None:
    picture = heatmap(CLICKS, SIZE)
    with pytest.raises(MousetrackError, match="or choose another background"):
        heatmap(CLICKS, SIZE, background="transparent").save(tmp_path / "x.jpg")
    with pytest.raises(MousetrackError, match=r"cannot draw into .*x\.gif"):
        picture.save(tmp_path / "x.gif")
    for out, format_, words in (
        (5, None, "out: expected a path or an open file"),
        ("x.png", 5, "format: expected png"),
    ):
        with pytest.raises(MousetrackError, match=words):
            picture.save(out, format_)  # type: ignore[arg-type]  # that it is wrong is the point
    with pytest.raises(MousetrackError, match="cannot write"):
        picture.save(tmp_path / "nowhere" / "x.png")
    assert [*tmp_path.iterdir()] == []


def test_pixels_image_and_png_are_the_same() -> None:
    for keywords, mode in (({}, "RGB"), ({"background": "transparent"}, "RGBA")):
        picture = heatmap(CLICKS, SIZE, **keywords)  # type: ignore[arg-type]
        assert picture.image().mode == mode
        assert np.array_equal(np.asarray(picture.image()), np.asarray(picture))
        with Image.open(io.BytesIO(picture._repr_png_())) as image:
            assert np.array_equal(np.asarray(image.convert(mode)), np.asarray(picture))
        width_px, height_px = picture.size
        assert np.asarray(picture).shape == (height_px, width_px, len(mode))


def test_the_pixels_are_the_callers_own() -> None:
    picture = heatmap(CLICKS, SIZE, over=Image.new("RGB", SIZE))
    before = pixels(picture)
    np.asarray(picture)[:] = 0
    assert pixels(picture) == before
    assert np.asarray(picture, np.float32).dtype == np.float32
    with pytest.raises(ValueError, match="always a copy"):
        picture.__array__(copy=False)  # as numpy 2 calls it


def test_a_picture_of_nothing_is_empty() -> None:
    assert heatmap({}, SIZE).facts["when"] == "nothing counted yet"
    assert len(np.unique(np.asarray(heatmap({}, SIZE, legend=False)))) <= 3


# What stays as it was -------------------------------------------------------------------------------------------


def test_a_saved_picture_is_whole_and_private(tmp_path: Path) -> None:
    out = tmp_path / "heat.png"
    heatmap(CLICKS, SIZE).save(out)
    assert out.stat().st_mode & 0o777 == 0o600
    out.chmod(0o644)
    heatmap(CLICKS, SIZE).save(out)
    assert out.stat().st_mode & 0o777 == 0o644
    assert [path.name for path in tmp_path.iterdir()] == ["heat.png"]
