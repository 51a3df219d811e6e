"""Dark and light themes: what turns them, contrasts by WCAG, and that more heat always differs more."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from support.colour_science import apart, contrast, hexadecimal, lightness

from mousetrackd.core.errors import UsageError
from mousetrackd.core.layout import Layout
from mousetrackd.picture import legend
from mousetrackd.picture.blend import on_background
from mousetrackd.picture.colormap import ramp
from mousetrackd.picture.colours import OPENCV_MAPS, OWN_MAPS, colour_map
from mousetrackd.picture.look import Look
from mousetrackd.picture.scene import Scene
from mousetrackd.picture.theme import Theme, runs_one_way, theme_of
from mousetrackd.storage.readings import Reading

GREYS = [f"#{value:02x}{value:02x}{value:02x}" for value in range(0, 256, 15)]
BACKGROUNDS = [
    *GREYS,
    "#777777",
    "#767676",
    "#f4f1ea",
    "#002b36",
    "#fdf6e3",
    "#ff0000",
    "#0000ff",
    "#00ff00",
    "#1e90ff",
]
MANY_COLOURED = ("cool", "hsv", "jet", "rainbow", "turbo", "twilight", "twilight_shifted")
"""Maps whose lightness goes up and down."""


def theme(over: Image.Image | None = None, **look: Any) -> Theme:
    return theme_of(Scene(Reading(), Layout(), over=over), Look(**look))


def drawn_on(background: str, name: str, *, is_lowest: bool = True) -> NDArray[np.uint8]:
    """The colours of a map from cold to hot as a picture has them."""
    here = theme(background=background, colormap=name)
    colours = here.turned(ramp(colour_map(name, {}), legend.HEAT_LEVELS), is_lowest=is_lowest)
    return on_background(colours, here.background)[:, :3]


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_a_background_above_50_is_light(background: str) -> None:
    is_light = bool(lightness(hexadecimal([background]))[0] > 50)
    assert theme(background=background).is_light == is_light
    assert theme(background=background, layer=["travel", "clicks"]).is_light == is_light


@pytest.mark.parametrize(
    ("look", "is_light"),
    [
        *(({}, False), ({"colormap": "ember_r"}, True), ({"colormap": "inferno_r"}, True)),
        *(({"colormap": "classic"}, True), ({"colormap": "classic_r"}, True), ({"layer": ["dwell:classic"]}, True)),
        *(({"background": "transparent"}, False), ({"colormap": "classic", "background": "transparent"}, False)),
        *(({"colormap": "classic", "background": "#101418"}, False), ({"layer": ["travel", "dwell:classic"]}, False)),
    ],
)
def test_without_one_the_coldest_colour_of_the_lowest_map_is_the_background(
    look: dict[str, Any], *, is_light: bool
) -> None:
    assert theme(**look).is_light == is_light


def test_over_an_image_classic_brings_no_white() -> None:
    assert theme(over=Image.new("RGB", (3, 3)), colormap="classic").background == ""
    assert theme(colormap="classic").background == "#ffffff"


def test_a_background_that_is_no_colour_is_refused() -> None:
    with pytest.raises(UsageError, match="#12345"):
        theme(background="#12345")


@pytest.mark.parametrize("background", ["#000000", "#ffffff"])
def test_all_text_has_the_contrast_of_wcag_aa(background: str) -> None:
    here = theme(background=background)
    palette = here.text_palette()
    assert palette.shape == (legend.TEXT_LEVELS, 3)
    assert (tuple(palette[0]), tuple(palette[-1])) == (here.panel, here.text)
    for ink in (legend.DIM, legend.BRIGHT, 255):
        assert contrast(palette[ink * (legend.TEXT_LEVELS - 1) // 255], np.array(here.panel)) >= 4.5


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_lines_are_seen_on_the_panel_and_on_the_background(background: str) -> None:
    here = theme(background=background)
    line = here.text_palette()[here.line_level]
    assert contrast(line, np.array(here.panel)) >= 3
    assert contrast(line, hexadecimal([background])[0]) >= 3


@pytest.mark.parametrize("look", [{}, {"background": "transparent"}, {"colormap": "classic"}, {"colormap": "ice_r"}])
def test_lines_are_seen_without_a_background_too(look: dict[str, Any]) -> None:
    here = theme(**look)
    assert contrast(here.text_palette()[here.line_level], np.array(here.panel)) >= 3


@pytest.mark.parametrize("background", ["#000000", "#404040", "#6a6a6a", "#808080", "#c0c0c0", "#f4f1ea", "#ffffff"])
@pytest.mark.parametrize("name", [*sorted(OWN_MAPS), "ember_r", "inferno", "hot"])
def test_more_heat_differs_more_from_any_background(name: str, background: str) -> None:
    colours = drawn_on(background, name)
    is_light = theme(background=background).is_light
    assert colours[0].tolist() == hexadecimal([background])[0].tolist()
    away = lightness(colours) * (-1 if is_light else 1)
    steps = np.diff(away)
    assert -steps[steps < 0].sum() < 0.1 * (away[-1] - away[0])  # rounding, and mixing in sRGB
    assert (np.diff(away[::28]) > 0).all()
    assert away[-1] - away[0] > 40
    assert apart(colours[-1:], colours[:1]) > 30


@pytest.mark.parametrize("name", sorted({*OPENCV_MAPS} - {*MANY_COLOURED}))
def test_on_white_the_hottest_colour_of_a_map_is_its_darkest(name: str) -> None:
    colours = drawn_on("#ffffff", name)
    assert lightness(colours)[-1] == pytest.approx(lightness(colours).min(), abs=2)


@pytest.mark.parametrize("name", [*MANY_COLOURED, "classic", "classic_r"])
@pytest.mark.parametrize("background", ["#ffffff", "#000000"])
def test_a_map_of_many_colours_keeps_them_on_any_background(name: str, background: str) -> None:
    colours = ramp(colour_map(name, {}), legend.HEAT_LEVELS)
    assert not runs_one_way(colours)
    shown = drawn_on(background, name)
    first = round(0.1 * (legend.HEAT_LEVELS - 1))
    assert shown[first].tolist() == colours[0].tolist()
    above = ramp(colour_map(name, {}), legend.HEAT_LEVELS - first)
    assert np.abs(shown[first:].astype(int) - above).max() <= 6, "as evenly as the map itself"


def test_what_is_named_backwards_is_drawn_backwards_where_it_is_its_own_background() -> None:
    forwards = ramp(colour_map("ember", {}), legend.HEAT_LEVELS)
    assert np.array_equal(drawn_on("", "ember_r"), forwards[::-1])
    assert np.array_equal(drawn_on("", "ember"), forwards)


def test_upper_layers_follow_the_lowest() -> None:
    """They lie on a light background, whichever way that came."""
    here = theme(colormap="ember_r", layer=["dwell", "travel"])
    ice = ramp(colour_map("ice", {}), legend.HEAT_LEVELS)
    assert np.array_equal(here.turned(ice, is_lowest=False), ice[::-1])


def test_translucent_classic_keeps_its_blue() -> None:
    colours = ramp(colour_map("classic", {}), legend.HEAT_LEVELS)
    faded = on_background(colours, "transparent").astype(int)
    opaque = int(np.flatnonzero(faded[:, 3] == 255)[0])
    assert (faded[: opaque + 1, :3] == [0, 0, 255]).all(), "only the opacity grows"
    assert faded[0, 3] == 0
    assert (np.diff(faded[: opaque + 1, 3]) > 0).all()
    assert (faded[opaque:, 3] == 255).all()
    assert faded[-1].tolist() == [255, 0, 0, 255]
