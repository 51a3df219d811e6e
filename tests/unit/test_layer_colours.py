"""Layers over each other stay apart: the colours of the buttons, and how faint a rare way is."""

import itertools

import numpy as np
import pytest
from support.colour_science import EYES, apart, contrast, hexadecimal

from mousetrackd.core.layers import CLICK_LAYERS
from mousetrackd.core.layout import Layout
from mousetrackd.picture import legend
from mousetrackd.picture.blend import lay_over, on_background
from mousetrackd.picture.colormap import ramp
from mousetrackd.picture.colours import colour_map
from mousetrackd.picture.heat_layers import HeatLayer
from mousetrackd.picture.look import Look
from mousetrackd.picture.scene import Scene
from mousetrackd.picture.styles import STYLES
from mousetrackd.picture.theme import theme_of
from mousetrackd.storage.readings import Reading

BACKGROUNDS = ["", "#000000", "#101418", "#ffffff", "#f4f1ea"]
COLLISION = 15
"""The least distance in CAM02-UCS."""


def test_the_buttons_of_a_picture_of_clicks_lie_over_the_map_they_are_distinguished_from() -> None:
    assert STYLES["clicks.left"].colormap == STYLES["dwell"].colormap


def marks_on(background: str) -> dict[str, str]:
    look = Look(layer=["dwell", "clicks"], background=background)
    is_light = theme_of(Scene(Reading(), Layout()), look).is_light
    found = {layer: look.mark_of(layer) for layer in CLICK_LAYERS}
    return {layer: mark[is_light] for layer, mark in found.items() if mark is not None}


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("background", BACKGROUNDS)
def test_every_eye_distinguishes_the_buttons(background: str, eyes: str) -> None:
    marks = [hexadecimal([mark]) for mark in marks_on(background).values()]
    assert len(marks) == len(CLICK_LAYERS)
    assert min(apart(one, other, eyes) for one, other in itertools.combinations(marks, 2)) >= COLLISION


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("background", BACKGROUNDS)
def test_every_eye_distinguishes_the_buttons_from_the_rests_below(background: str, eyes: str) -> None:
    theme = theme_of(Scene(Reading(), Layout()), Look(background=background))
    ember = theme.turned(ramp(colour_map(STYLES["dwell"].colormap, {}), legend.HEAT_LEVELS), is_lowest=True)
    below = on_background(ember, theme.background)[:, :3]
    assert apart(hexadecimal([*marks_on(background).values()]), below, eyes) >= COLLISION


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_a_button_is_seen_where_nothing_rested(background: str) -> None:
    theme = theme_of(Scene(Reading(), Layout()), Look(background=background))
    for mark in marks_on(background).values():
        assert contrast(hexadecimal([mark])[0], np.array(theme.untouched)) >= 3


def test_a_button_that_is_lowest_or_has_a_map_that_was_chosen_is_drawn_in_it() -> None:
    assert Look(layer=["clicks.left"]).mark_of("clicks.left") is None
    assert Look(layer=["dwell", "clicks.left:sky"]).mark_of("clicks.left") is None
    assert Look(layer=["clicks"]).mark_of("clicks.left") is None
    assert Look(layer=["clicks"], colormap="hot").mark_of("clicks.left") is None
    assert Look(layer=["clicks"], colormap="hot").mark_of("clicks.right") is not None
    assert Look(layer=["dwell", "travel"]).mark_of("travel") is None


@pytest.mark.parametrize("on_image", [False, True])
@pytest.mark.parametrize("layer", ["dwell", "travel", "scroll"])
def test_classic_keeps_its_blue_over_an_image_and_over_other_layers(layer: str, *, on_image: bool) -> None:
    levels = np.arange(legend.HEAT_LEVELS, dtype=np.uint8)[None]
    colours = ramp(colour_map("classic", {}), legend.HEAT_LEVELS)
    scale = legend.Scale("", 1, "ms", float, clipped=False)
    canvas = np.full((1, legend.HEAT_LEVELS, 3), 128, np.uint8)
    lay_over(canvas, HeatLayer(layer, levels, colours, scale, 5, 9), 0.7, on_image=on_image)
    assert canvas[0, 0].tolist() == [128, 128, 128]
    opacity = 0.7 * (1 if on_image else STYLES[layer].strength)
    first = round(0.1 * (legend.HEAT_LEVELS - 1))
    if not on_image:
        assert np.abs(canvas[0, first] - (opacity * np.array([0, 0, 255]) + (1 - opacity) * 128)).max() < 2
    assert np.abs(canvas[0, -1] - (opacity * np.array([255, 0, 0]) + (1 - opacity) * 128)).max() < 2
    steps = np.diff(canvas[0, : first + 1].astype(int), axis=0)
    assert (steps <= [0, 0, 255]).all(), "nothing but blue"
    assert canvas[0, first, 2] > 128 + 20
