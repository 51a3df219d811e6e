"""The maps of a difference: less and more look equally strong, and apart, to normal and to colour-blind eyes."""

import numpy as np
import pytest
from support import colour_science

from mousetrackd.picture.colormap import ramp
from mousetrackd.picture.colours import DIFFERENCE_MAPS, ColourMap, find_map

FULL, QUARTER, TENTH = 0, 95, 114
"""Entries of 255, of which 127 is no difference, at which the difference is all, a quarter, a tenth of the scale."""


def _colours(name: str) -> colour_science.Floats:
    return ramp(ColourMap(name, DIFFERENCE_MAPS[name], perceptual=True), 255).astype(np.float64)


@pytest.mark.parametrize("name", DIFFERENCE_MAPS)
def test_less_and_more_have_the_same_lightness_and_go_only_away_from_the_middle(name: str) -> None:
    lightness = colour_science.lightness(_colours(name))
    assert np.abs(lightness - lightness[::-1]).max() < 2
    away = np.diff(lightness[127:])
    assert (away > 0).all() if name == "difference" else (away < 0).all()


@pytest.mark.parametrize("eyes", colour_science.EYES)
@pytest.mark.parametrize("name", DIFFERENCE_MAPS)
def test_less_is_never_taken_for_more(name: str, eyes: str) -> None:
    seen = colour_science.seen(_colours(name), eyes)
    apart = np.linalg.norm(seen - seen[::-1], axis=1)
    assert apart[FULL : QUARTER + 1].min() > 30
    assert apart[TENTH] > 20


def test_they_are_not_offered_for_heat() -> None:
    assert all(find_map(name, {}) is None for name in DIFFERENCE_MAPS)
