"""Colour maps: the colours they promise, how even they look, and what colour-blind eyes see of them."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from support.colour_science import EYES, hexadecimal, lightness, seen

from mousetrackd.core.errors import UsageError
from mousetrackd.picture.colormap import ramp
from mousetrackd.picture.colours import CLASSIC, OPENCV_MAPS, OWN_MAPS, ColourMap, colour_map, find_map, map_names
from mousetrackd.picture.legend import HEAT_LEVELS

USERS = {"Neon": ["#000000", "#ff00ff", "#ffffff"], "dusk": ["#123456", "#abcdef"], "jet_r": ["#010101", "#020202"]}
EVEN_OVER = 8
"""Steps are measured over so many levels: between two, rounding to whole numbers is a third of a step."""


def colours_of(name: str, level_count: int = 256) -> NDArray[np.uint8]:
    return ramp(colour_map(name, USERS), level_count)


def opencv_table(name: str) -> NDArray[np.uint8]:
    table = cv2.applyColorMap(np.arange(256, dtype=np.uint8).reshape(-1, 1), getattr(cv2, f"COLORMAP_{name.upper()}"))
    return np.asarray(table, np.uint8).reshape(-1, 3)[:, ::-1]


def unevenness(colours: NDArray[np.uint8]) -> float:
    """The largest step over the smallest."""
    places = seen(colours)
    steps = np.linalg.norm(places[EVEN_OVER:] - places[:-EVEN_OVER], axis=1)
    return float(steps.max() / steps.min())


# The instrument ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("eyes", "places"),
    [  # of colorspacious 1.1.2
        ("normal", [(60.048, 38.689, 24.319), (87.004, -32.233, 30.431), (39.246, 29.551, -2.746)]),
        ("protan", [(42.658, -2.898, 23.294), (92.123, -5.285, 34.592), (30.673, -3.011, -14.659)]),
        ("deutan", [(62.753, -3.767, 28.222), (87.532, -3.781, 30.398), (39.996, -1.063, -2.858)]),
        ("tritan", [(60.107, 38.984, 23.113), (87.302, -29.298, -1.158), (39.923, 32.225, 7.145)]),
    ],
)
def test_distances_are_measured_as_an_independent_library_does(
    eyes: str, places: list[tuple[float, float, float]]
) -> None:
    measured = seen(hexadecimal(["#ff0000", "#00ff00", "#95225f"]), eyes)
    assert np.abs(measured - places).max() < 0.02


# Which colours ----------------------------------------------------------------------------------------------------


def test_every_colour_map_of_opencv_is_known_by_name() -> None:
    theirs = {name.removeprefix("COLORMAP_").lower() for name in dir(cv2) if name.startswith("COLORMAP_")}
    assert set(OPENCV_MAPS) == theirs


@pytest.mark.parametrize("name", sorted({*OPENCV_MAPS} - {"hsv", "rainbow"}))
def test_a_map_of_opencv_has_its_colours(name: str) -> None:
    assert np.array_equal(colours_of(name), opencv_table(name))
    assert np.array_equal(colours_of(name, HEAT_LEVELS)[[0, -1]], opencv_table(name)[[0, -1]])


@pytest.mark.parametrize("name", ["hsv", "rainbow"])
def test_the_maps_of_opencv_that_begin_with_red_end_with_it_here(name: str) -> None:
    colours = colours_of(name).astype(int)
    assert colours[-1].tolist() == [255, 0, 0]
    assert colours[0, 2] > 240, "cold is magenta or violet"
    assert np.abs(colours[:-40] - colours[-1]).sum(axis=1).min() >= 100, "no other place is red"
    on_the_way = np.abs(colours[:, None] - opencv_table(name)[None]).sum(axis=2).min(axis=1)
    assert on_the_way.max() <= 3


def test_classic_is_the_map_of_the_original_answer() -> None:
    """Its colours as the answer writes them, from 0 to 1, and in even steps between: what matplotlib draws of them."""
    answer = [
        *((0, 0, 1), (0, 1, 1), (0, 1, 0.75), (0, 1, 0), (0.75, 1, 0)),
        *((1, 1, 0), (1, 0.8, 0), (1, 0.7, 0), (1, 0, 0)),
    ]
    channels = np.array(answer).T
    every_sixteenth = np.stack([np.interp(np.arange(0, 8.01, 0.5), range(9), one) for one in channels], axis=-1)
    ours = colours_of("classic", 8 * 32 + 1)[::16] / 255
    assert np.abs(ours - every_sixteenth).max() <= 1 / 255


@pytest.mark.parametrize("level_count", [2, 33, HEAT_LEVELS, 256])
def test_the_users_own_list_begins_and_ends_with_its_colours(level_count: int) -> None:
    own = ramp(ColourMap("own", ["#123456", "#00ff00", "#abcdef"]), level_count)
    assert own.shape == (level_count, 3)
    assert own.dtype == np.uint8
    assert own[0].tolist() == [0x12, 0x34, 0x56]
    assert own[-1].tolist() == [0xAB, 0xCD, 0xEF]


def test_between_two_colours_of_the_users_it_goes_straight() -> None:
    own = ramp(ColourMap("own", ["#000000", "#ff8000"]))
    np.testing.assert_allclose(own[:, 0], np.arange(256), atol=1)
    np.testing.assert_allclose(own[:, 1], np.arange(256) * 128 / 255, atol=1)
    assert not own[:, 2].any()


@pytest.mark.parametrize("name", sorted(OWN_MAPS))
def test_our_own_maps_pass_through_their_colours(name: str) -> None:
    stops = hexadecimal(OWN_MAPS[name]).astype(int)
    ours = colours_of(name, (len(stops) - 1) * 20 + 1)[::20].astype(int)
    assert np.abs(ours - stops).max() <= 1


# Reverses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted({*map_names(USERS)} - {"jet", "jet_r"}))
def test_every_map_has_its_reverse(name: str) -> None:
    assert np.array_equal(colours_of(f"{name}_r"), colours_of(name)[::-1])


def test_a_map_of_the_users_comes_before_a_reverse_of_that_name() -> None:
    assert colours_of("jet_r").max() == 2


@pytest.mark.parametrize(
    ("name", "is_there"),
    [
        *(("JET", True), ("Classic_R", True), ("Neon_r", True), ("ember_r", True)),
        *(("neon", False), ("ember_r_r", False), ("_r", False), ("", False), ("auto", False), ("rainbowz", False)),
    ],
)
def test_which_names_are_maps(name: str, *, is_there: bool) -> None:
    assert (find_map(name, USERS) is not None) == is_there


def test_a_name_that_nobody_knows_is_answered_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="rainbowz") as refused:
        colour_map("rainbowz", USERS)
    assert all(name in refused.value.hint for name in ("ember", "classic", "Neon", "jet", "_r"))


# How they look ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("name", sorted(OWN_MAPS))
def test_our_own_maps_grow_lighter_to_every_eye(name: str, eyes: str) -> None:
    places = seen(colours_of(name, HEAT_LEVELS), eyes)[:, 0]
    assert np.diff(places).min() > 0
    assert places[-1] - places[0] > 85


@pytest.mark.parametrize("name", sorted(OWN_MAPS))
def test_our_own_maps_are_as_even_as_inferno(name: str) -> None:
    assert unevenness(colours_of(name, HEAT_LEVELS)) <= unevenness(colours_of("inferno", HEAT_LEVELS))


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("name", sorted(OWN_MAPS))
def test_an_eighth_of_our_own_maps_is_a_step_that_every_eye_sees(name: str, eyes: str) -> None:
    steps = np.diff(seen(colours_of(name, 9), eyes), axis=0)
    assert np.linalg.norm(steps, axis=1).min() > 6


def test_classic_is_no_such_map() -> None:
    """Its lightness falls on the way from cyan to green and from yellow to red; the docstring says so."""
    falls = np.diff(lightness(colours_of(CLASSIC)))
    assert falls[falls < 0].sum() < -40
