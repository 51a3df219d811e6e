"""Composed pictures: every monitor in its place, layers over each other, facts inside."""

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mousetrackd import __version__
from mousetrackd.config import SnapshotConfig, with_look
from mousetrackd.core import cells
from mousetrackd.core.counts import Counts
from mousetrackd.core.errors import UsageError
from mousetrackd.core.layers import COUNTS, UNITS
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Exclusion, Monitor, Placement
from mousetrackd.core.series import Series
from mousetrackd.picture import heat, legend, sizing, under
from mousetrackd.picture.captions import caption, total_text
from mousetrackd.picture.colormap import ramp
from mousetrackd.picture.colours import colour_map, map_names, rgb
from mousetrackd.picture.compose import draw, measures
from mousetrackd.picture.look import Look
from mousetrackd.picture.png import Picture
from mousetrackd.picture.scene import Scene
from mousetrackd.picture.styles import STYLES
from mousetrackd.picture.theme import theme_of
from mousetrackd.storage.readings import Reading

Pixels = NDArray[np.uint8]

LEFT = Monitor("DP-1", 80, 60)
RIGHT = Monitor("DP-2", 100, 40)
ALONE = Layout([Placement(LEFT, 0, 0)])
RAW = Look(sigma=0, legend=False)
DARK = theme_of(Scene(Reading(), Layout()), Look())
PANEL = list(DARK.panel)
OUTLINE = DARK.text_palette()[DARK.line_level].tolist()
EMBER = ramp(colour_map("ember", {}), legend.HEAT_LEVELS)
ICE = ramp(colour_map("ice", {}), legend.HEAT_LEVELS)
COLD = EMBER[0].tolist()
HOT = EMBER[-1].tolist()


def at(monitor: Monitor, *dots: tuple[int, int, int]) -> Counts:
    """Counts of (x, y, count)."""
    index = np.array([y * monitor.width_px + x for x, y, _ in dots], np.int64)
    weight = np.array([count for _, _, count in dots], np.int64)
    return Counts.from_pixels(monitor.width_px, monitor.height_px, index, weight)


def level_of(share: float) -> int:
    """The level of a share of the hottest, by the default scale."""
    return round(float(heat.tone(np.array([share], np.float32), "log")[0]) * (legend.HEAT_LEVELS - 1))


def chosen(counts: Mapping[Series, Counts], look: Look) -> dict[str, float]:
    """The heat of the hottest colour of each layer."""
    reading = reading_of(counts)
    return {layer: one.max_heat for layer, one in measures(Scene(reading, ALONE), look, [reading]).items()}


def reading_of(counts: Mapping[Series, Counts], **more: Any) -> Reading:
    return Reading(counts, **({"first_s": 1_795_000_000, "last_s": 1_795_003_600} | more))


def drawn(counts: Mapping[Series, Counts], layout: Layout, look: Look, **more: Any) -> Picture:
    return draw(Scene(reading_of(counts), layout, zone=UTC, **more), look)


def rgba_of(picture: Picture) -> Pixels:
    """What a picture viewer makes of the file."""
    with Image.open(io.BytesIO(picture.png())) as image:
        return np.asarray(image.convert("RGBA"))


def hot_places(picture: Picture) -> list[tuple[int, int]]:
    """x, y of every pixel in the hottest colour."""
    return [(int(x), int(y)) for y, x in np.argwhere((picture.rgb() == HOT).all(axis=2))]


# Size and place ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (16, 1), (199, 31), (200, 31), (320, 200), (1367, 769)], ids=str)
@pytest.mark.parametrize("layers", [["dwell"], ["dwell", "travel"]], ids="+".join)
def test_without_a_legend_a_picture_is_exactly_the_screen(size: tuple[int, int], layers: list[str]) -> None:
    screen = Monitor("DP-1", *size)
    look = Look(layer=layers, legend=False)
    picture = drawn({Series(screen, "dwell"): at(screen, (0, 0, 5))}, Layout([Placement(screen, 0, 0)]), look)
    assert rgba_of(picture).shape == (size[1], size[0], 4)


@pytest.mark.parametrize("layers", [["dwell"], ["dwell", "travel"]], ids="+".join)
def test_the_legend_is_added_below_and_changes_no_pixel_above(layers: list[str]) -> None:
    screen = Monitor("DP-1", 400, 300)
    counts = {Series(screen, "dwell"): at(screen, (200, 150, 900), (30, 280, 50))}
    look = Look(layer=layers)
    bare, with_legend = (
        rgba_of(drawn(counts, Layout([Placement(screen, 0, 0)]), replace(look, legend=on))) for on in (False, True)
    )
    assert with_legend.shape[0] > bare.shape[0]
    assert np.array_equal(with_legend[:300], bare)
    assert with_legend[300, 0].tolist() == [*PANEL, 255]


def test_every_monitor_is_in_its_place_also_left_of_and_above_the_origin() -> None:
    layout = Layout([Placement(LEFT, -80, -20), Placement(RIGHT, 0, 0)])
    counts = {Series(LEFT, "dwell"): at(LEFT, (10, 12, 7)), Series(RIGHT, "dwell"): at(RIGHT, (50, 30, 7))}
    picture = drawn(counts, layout, RAW)
    assert picture.pixels.shape == (60, 180)
    assert hot_places(picture) == [(10, 12), (80 + 50, 20 + 30)]


@pytest.mark.parametrize("layers", [["dwell"], ["dwell", "travel"]], ids="+".join)
@pytest.mark.parametrize("over", [None, Image.new("RGB", (80, 60), "white")], ids=["bare", "over"])
def test_what_is_excluded_is_a_hole_whatever_lies_there(layers: list[str], over: Image.Image | None) -> None:
    counts = {Series(LEFT, "dwell"): at(LEFT, (15, 12, 7), (40, 40, 7))}
    exclude = [Exclusion("DP-1", 10, 11, 8, 9), Exclusion("", -5, 55, 10, 100)]
    look = replace(RAW, layer=layers)
    open_ = drawn(counts, ALONE, look, over=over).rgb()
    shown = drawn(counts, ALONE, look, over=over, exclude=exclude).rgb()
    hole = np.zeros((60, 80), bool)
    hole[11:20, 10:18] = hole[55:, :5] = True
    is_line, is_panel = ((shown == colour).all(axis=2) for colour in (OUTLINE, PANEL))
    assert (is_line | is_panel)[hole].all()
    assert is_line[11, 10:18].all()
    assert is_line[19, 10:18].all()
    assert is_line[11:20, 10].all()
    assert is_line[11:20, 17].all()
    assert np.array_equal(shown[~hole], open_[~hole])


@pytest.mark.parametrize("background", ["", "#ffffff"])
@pytest.mark.parametrize("layers", [["dwell"], ["dwell", "travel"]], ids="+".join)
def test_a_hole_is_hatched_in_the_colours_of_its_theme(layers: list[str], background: str) -> None:
    screen = Monitor("DP-1", 400, 300)
    look = Look(layer=layers, legend=False, background=background)
    shown = drawn({}, Layout([Placement(screen, 0, 0)]), look, exclude=[Exclusion("", 100, 100, 120, 90)]).rgb()
    theme = theme_of(Scene(Reading(), Layout()), look)
    inner = shown[101:189, 101:219]
    line, panel = theme.text_palette()[[theme.line_level, 0]]
    is_line = (inner == line).all(axis=2)
    assert (is_line | (inner == panel).all(axis=2)).all()
    assert 1 / 16 < is_line.mean() < 1 / 8
    assert is_line.any(axis=0).all()
    assert is_line.any(axis=1).all()


def test_excluded_places_are_counted_once_each_and_where_a_monitor_shows_them() -> None:
    layout = Layout([Placement(LEFT, 0, 0), Placement(RIGHT, 80, 0)])
    exclude = [Exclusion("DP-1", 10, 11, 8, 9), Exclusion("", 10, 11, 8, 9), Exclusion("", 70, 0, 20, 20)]
    nowhere = [Exclusion("", 500, 500, 9, 9), Exclusion("", 90, 45, 50, 10), Exclusion("HDMI-9", 1, 1, 9, 9)]
    found = drawn({}, layout, RAW, exclude=[*exclude, *nowhere]).facts
    assert found["excluded"] == 2
    layers: list[Any] = []
    assert caption(found, layers).lines[1] == "2 places excluded"
    assert caption({**found, "excluded": 1, "only": "9-17"}, layers).lines[1] == "only 9-17 · 1 place excluded"
    assert caption({**found, "excluded": 0}, layers).lines[1] == ""


def test_between_monitors_nothing_is_hatched() -> None:
    layout = Layout([Placement(LEFT, 0, 0), Placement(RIGHT, 80, 20)])
    shown = drawn({}, layout, RAW, exclude=[Exclusion("", 70, 2, 40, 30)]).rgb()
    assert (shown[:20, 80:] == PANEL).all()
    assert (shown[3:20, 71:79] == OUTLINE).all(axis=2).any()


def test_what_no_monitor_shows_has_the_colour_of_the_panel() -> None:
    layout = Layout([Placement(LEFT, 0, 0), Placement(RIGHT, 80, 20)])
    for layers in (["dwell"], ["dwell", "travel"]):
        shown = drawn({Series(LEFT, "dwell"): at(LEFT, (5, 5, 1))}, layout, replace(RAW, layer=layers)).rgb()
        assert (shown[:20, 80:] == PANEL).all()
        assert shown[40, 120].tolist() == COLD
        assert PANEL != COLD


def test_several_monitors_have_an_outline_each_and_one_has_none() -> None:
    layout = Layout([Placement(LEFT, 0, 0), Placement(RIGHT, 80, 0)])
    for layers in (["dwell"], ["dwell", "travel"]):
        shown = drawn({}, layout, replace(RAW, layer=layers)).rgb()
        for edge in (shown[0, :80], shown[59, :80], shown[:60, 0], shown[:60, 79], shown[39, 80:], shown[:40, 179]):
            assert (edge == OUTLINE).all()
        assert (shown[1:59, 1:79] == COLD).all()
        alone = drawn({}, ALONE, replace(RAW, layer=layers)).rgb()
        assert (alone == COLD).all()


def test_of_mirrored_monitors_the_first_is_on_top() -> None:
    small = Monitor("HDMI-1", 40, 30)
    counts = {Series(small, "dwell"): at(small, (20, 15, 9)), Series(LEFT, "dwell"): at(LEFT, (25, 15, 9), (60, 50, 9))}
    small_first = Layout([Placement(small, 0, 0), Placement(LEFT, 0, 0)])
    large_first = Layout([Placement(LEFT, 0, 0), Placement(small, 0, 0)])
    assert hot_places(drawn(counts, small_first, RAW)) == [(20, 15), (60, 50)]
    assert hot_places(drawn(counts, large_first, RAW)) == [(25, 15), (60, 50)]
    assert drawn(counts, small_first, RAW).pixels.shape == (60, 80)


# Which screen is which -------------------------------------------------------------------------------------------


def test_a_screen_at_two_resolutions_is_one_screen_with_the_sum() -> None:
    larger = Monitor("DP-1", 160, 120)
    counts = {
        Series(LEFT, "dwell"): at(LEFT, (40, 30, 300)),
        Series(larger, "dwell"): at(larger, (81, 61, 700), (0, 0, 500)),
    }
    picture = drawn(counts, ALONE, RAW)
    assert picture.pixels.shape == (60, 80)
    assert hot_places(drawn(counts, ALONE, replace(RAW, max=1000, scale="linear"))) == [(40, 30)]
    assert (picture.pixels > 0).sum() == 2
    assert picture.facts["layers"][0]["total"] == 1500  # type: ignore[index]  # facts are JSON


def test_a_screen_at_another_connector_is_known_by_its_edid() -> None:
    here, before = Monitor("DP-1", 80, 60, "1a2b3c4d"), Monitor("HDMI-2", 80, 60, "1a2b3c4d")
    picture = drawn({Series(before, "dwell"): at(before, (7, 8, 5))}, Layout([Placement(here, 0, 0)]), RAW)
    assert picture.pixels.shape == (60, 80)
    assert hot_places(picture) == [(7, 8)]


def test_two_screens_of_one_make_whose_edids_are_the_same_keep_their_own_counts() -> None:
    one, other = Monitor("DP-1", 80, 60, "1a2b3c4d"), Monitor("DP-2", 80, 60, "1a2b3c4d")
    layout = Layout([Placement(one, 0, 0), Placement(other, 80, 0)])
    counts = {Series(one, "dwell"): at(one, (10, 10, 5)), Series(other, "dwell"): at(other, (20, 20, 5))}
    assert hot_places(drawn(counts, layout, RAW)) == [(10, 10), (80 + 20, 20)]


def test_another_screen_at_the_same_connector_is_another_screen() -> None:
    here, before = Monitor("DP-1", 80, 60, "1a2b3c4d"), Monitor("DP-1", 80, 60, "ffffffff")
    picture = drawn({Series(before, "dwell"): at(before, (7, 8, 5))}, Layout([Placement(here, 0, 0)]), RAW)
    assert picture.pixels.shape == (60, 160)
    assert hot_places(picture) == [(80 + 7, 8)]


def test_a_screen_without_a_position_is_put_to_the_right() -> None:
    gone = Monitor("VGA-1", 30, 20)
    layout = Layout([Placement(LEFT, -10, -5)])
    picture = drawn(
        {Series(gone, "dwell"): at(gone, (3, 4, 5)), Series(LEFT, "dwell"): at(LEFT, (1, 2, 5))}, layout, RAW
    )
    assert picture.pixels.shape == (60, 110)
    assert hot_places(picture) == [(1, 2), (80 + 3, 4)]
    assert picture.facts["monitors"] == ["DP-1@80x60", "VGA-1@30x20"]


# What is drawn ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layers", [["dwell"], ["travel"], ["clicks"], ["dwell", "travel", "clicks", "scroll"]], ids=str
)
@pytest.mark.parametrize("layout", [Layout(), ALONE], ids=["no monitor", "one monitor"])
def test_an_empty_store_is_a_picture_of_the_background(layers: list[str], layout: Layout) -> None:
    picture = draw(Scene(Reading(), layout), Look(layer=layers))
    image = rgba_of(picture)
    height, width = (60, 80) if layout.placements else (1080, 1920)
    assert image.shape[1] == width
    assert (image[:height] == image[0, 0]).all()
    assert picture.facts["since"] is None


@pytest.mark.parametrize("background", ["", "#ffffff"])
def test_clicks_are_marked_by_button_each_in_its_own_colour(background: str) -> None:
    spots = {"clicks.left": (10, 10), "clicks.middle": (30, 10), "clicks.right": (50, 10), "clicks.other": (70, 10)}
    counts = {Series(LEFT, layer): at(LEFT, (x, y, 9)) for layer, (x, y) in spots.items()}
    look = Look(layer=["clicks"], legend=False, background=background)
    shown = drawn(counts, ALONE, look).rgb()
    ember = ramp(colour_map("ember", {}), 2)
    hottest = ember[0 if background else -1].tolist()
    for layer, (x, y) in spots.items():
        mark = look.mark_of(layer)
        assert shown[y, x].tolist() == (hottest if mark is None else [*rgb(mark[background != ""])]), layer
    assert shown[50, 40].tolist() == ([255, 255, 255] if background else ember[0].tolist())


@pytest.mark.parametrize("background", ["transparent", "#101418"])
def test_a_mark_fades_into_the_background(background: str) -> None:
    counts = {Series(LEFT, "clicks.right"): at(LEFT, (40, 30, 9))}
    look = Look(layer=["clicks"], legend=False, background=background, sigma=6)
    row = rgba_of(drawn(counts, ALONE, look))[30, :41].astype(int)
    if background == "transparent":
        assert row[0, 3] == 0
        assert (np.diff(row[:, 3]) >= 0).all()
    else:
        assert row[0, :3].tolist() == [0x10, 0x14, 0x18]
    assert row[-1].tolist() == [0x8A, 0x6B, 0xFF, 255]


def test_a_hotter_place_of_an_upper_layer_hides_what_is_below() -> None:
    counts = {
        Series(LEFT, "dwell"): at(LEFT, (10, 10, 5), (20, 20, 5)),
        Series(LEFT, "travel"): at(LEFT, (20, 20, 900)),
    }
    shown = drawn(counts, ALONE, replace(RAW, layer=["dwell", "travel"]))
    assert shown.pixels.shape == (60, 80, 3)
    assert shown.rgb()[10, 10].tolist() == HOT
    assert shown.rgb()[20, 20, 2] > shown.rgb()[20, 20, 0] - 12, "ice, not ember"
    assert shown.rgb()[20, 20].tolist() != HOT


def test_the_order_of_layers_is_from_the_lowest_up() -> None:
    counts = {Series(LEFT, "dwell"): at(LEFT, (40, 30, 9)), Series(LEFT, "clicks.right"): at(LEFT, (40, 30, 9))}
    below, above = (
        drawn(counts, ALONE, Look(layer=layers, legend=False)).rgb()[30, 40].tolist()
        for layers in (["dwell", "clicks.right"], ["clicks.right", "dwell"])
    )
    mark = rgb((Look(layer=["dwell", "clicks.right"]).mark_of("clicks.right") or "")[0])
    assert np.abs(np.array(below) - mark).max() <= 8
    assert np.abs(np.array(above) - HOT).max() <= 8


def test_a_layer_named_twice_is_drawn_once() -> None:
    look = replace(RAW, layer=["dwell", "dwell"])
    assert drawn({}, ALONE, look).palette is not None


@pytest.mark.parametrize("name", [*map_names(()), "JET", "Classic", "ember_r"])
def test_every_colour_map_can_be_drawn(name: str) -> None:
    shown = drawn({Series(LEFT, "dwell"): at(LEFT, (9, 9, 5))}, ALONE, replace(RAW, colormap=name)).rgb()
    colours = ramp(colour_map(name, {}), legend.HEAT_LEVELS)
    assert shown[9, 9].tolist() == colours[-1].tolist()
    assert shown[0, 0].tolist() == ([255, 255, 255] if name.lower() == "classic" else colours[0].tolist())


def test_the_users_own_map_is_drawn() -> None:
    look = replace(RAW, colormap="Neon")
    counts = {Series(LEFT, "dwell"): at(LEFT, (9, 9, 5))}
    picture = drawn(counts, ALONE, look, colormaps={"Neon": ["#010203", "#fafbfc"]})
    assert picture.rgb()[0, 0].tolist() == [1, 2, 3]
    assert picture.rgb()[9, 9].tolist() == [0xFA, 0xFB, 0xFC]


def test_a_colour_map_or_layer_or_colour_that_is_none_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="rainbowz"):
        drawn({}, ALONE, replace(RAW, colormap="rainbowz"))
    with pytest.raises(UsageError, match="hovering"):
        drawn({}, ALONE, replace(RAW, layer=["hovering"]))
    with pytest.raises(UsageError, match="#12345"):
        drawn({}, ALONE, replace(RAW, background="#12345"))


# Background ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layers", [["dwell"], ["dwell", "travel"]], ids="+".join)
@pytest.mark.parametrize("sigma", [0, 3, 6])
def test_a_transparent_background_has_alpha_0_where_nobody_was(layers: list[str], sigma: float) -> None:
    look = replace(RAW, layer=layers, sigma=sigma, background="transparent")
    image = rgba_of(drawn({Series(LEFT, "dwell"): at(LEFT, (40, 30, 9000))}, ALONE, look))
    assert image[30, 40].tolist() == [*HOT, 255]
    assert image[0, 0, 3] == 0
    far = np.hypot(*(np.indices((60, 80)) - np.array([30, 40]).reshape(2, 1, 1))) > 6 * sigma
    assert not image[far & ~((np.indices((60, 80)) == np.array([30, 40]).reshape(2, 1, 1)).all(axis=0)), 3].any()


@pytest.mark.parametrize("layers", [["dwell"], ["dwell", "travel"]], ids="+".join)
def test_a_background_colour_is_exactly_that_where_nobody_was(layers: list[str]) -> None:
    look = Look(layer=layers, sigma=4, background="#f0ead6", legend=False)
    shown = drawn({Series(LEFT, "dwell"): at(LEFT, (40, 30, 9000))}, ALONE, look).rgb()
    assert shown[0, 0].tolist() == [0xF0, 0xEA, 0xD6]
    assert shown[30, 40].tolist() == COLD, "ember the other way round"


def test_on_a_light_background_heat_only_grows_darker_towards_its_middle() -> None:
    look = Look(sigma=6, background="#ffffff", legend=False)
    row = drawn({Series(LEFT, "dwell"): at(LEFT, (40, 30, 9000))}, ALONE, look).rgb()[30, :41].astype(int).sum(axis=1)
    assert np.diff(row).max() <= 2
    assert row[0] - row[-1] > 700


# Colour bars ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("over", [None, Image.new("RGB", (80, 1), (40, 90, 160))], ids=["bare", "over"])
@pytest.mark.parametrize("background", ["", "#ffffff", "#24406b", "transparent"])
@pytest.mark.parametrize(
    "layers", [["dwell:classic"], ["dwell", "travel"], ["travel", "clicks.left", "dwell"]], ids="+".join
)
def test_every_colour_of_the_picture_is_in_its_bars(
    layers: list[str], background: str, over: Image.Image | None
) -> None:
    screen = Monitor("DP-1", 3200, 40)
    look = Look(layer=layers, sigma=0, background=background, scale="linear", percentile=100, max=0)
    counts = {
        Series(screen, name): at(screen, *((3 * x, 5 + 9 * row, x + 1) for x in range(224)))
        for row, name in enumerate(look.layers)
    }
    seen = rgba_of(drawn(counts, Layout([Placement(screen, 0, 0)]), look, over=over))
    in_picture, in_strip = (np.unique(np.ascontiguousarray(part).view(np.uint32)) for part in (seen[:40], seen[40:]))
    assert in_picture.size > 100
    assert np.isin(in_picture, in_strip).all()


def test_a_faint_upper_layer_on_a_transparent_background_keeps_its_own_colour() -> None:
    counts = {
        Series(LEFT, "dwell"): at(LEFT, (70, 50, 9)),
        Series(LEFT, "travel"): at(LEFT, *((x, 10, 1) for x in range(10, 30)), (5, 5, 100)),
    }
    look = Look(layer=["dwell", "travel"], sigma=0, background="transparent", legend=False)
    picture = drawn(counts, ALONE, look)
    red, green, blue, alpha = picture.pixels[10, 20].astype(int)
    assert 0 < alpha < 255
    ice = ICE.astype(int)
    assert np.abs(ice - [red, green, blue]).sum(axis=1).min() <= 6, "a colour of ice, whatever its opacity"


# Over an image ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("opacity", [0.7, 1, 0])
def test_an_image_is_seen_also_below_the_hottest_place(opacity: float) -> None:
    over = Image.new("RGB", (80, 60), (200, 100, 60))
    look = replace(RAW, opacity=opacity)
    shown = drawn({Series(LEFT, "dwell"): at(LEFT, (40, 30, 9))}, ALONE, look, over=over).rgb()
    image = [round(c * under.BRIGHTNESS) for c in (200, 100, 60)]
    assert shown[0, 0].tolist() == image
    assert (shown.reshape(-1, 3) == image).all(axis=1).sum() >= 80 * 60 - 1
    expected = [hot * opacity + below * (1 - opacity) for hot, below in zip(HOT, image, strict=True)]
    assert shown[30, 40].tolist() == pytest.approx(expected, abs=2)


def test_black_text_is_read_on_white_under_the_hottest_place_of_every_layer() -> None:
    over = Image.new("RGB", (80, 60), "white")
    over.paste((0, 0, 0), (40, 0, 80, 60))
    for layer in ("dwell", "clicks.left", "scroll", "travel"):
        counts = {Series(LEFT, layer): at(LEFT, (39, 30, 9000), (40, 30, 9000))}
        shown = drawn(counts, ALONE, replace(RAW, layer=[layer]), over=over).rgb().astype(int)
        assert (shown[30, 39] - shown[30, 40] >= 55).all(), layer


def test_over_an_image_classic_keeps_its_blue_and_most_of_the_image_where_hardly_anybody_was() -> None:
    over = Image.new("RGB", (80, 60), "white")
    look = replace(RAW, colormap="classic", sigma=3, max=1000)
    red, _, blue = drawn({Series(LEFT, "dwell"): at(LEFT, (40, 30, 14))}, ALONE, look, over=over).rgb()[30, 40]
    assert int(blue) - int(red) >= 20
    assert red >= 0.6 * 255 * under.BRIGHTNESS


def test_an_image_of_another_shape_is_fitted_and_that_is_reported_once() -> None:
    over = Image.new("RGB", (30, 30), "white")
    picture = drawn({}, ALONE, replace(RAW, background="#102030"), over=over)
    white, margin = [204] * 3, [0x10, 0x20, 0x30]
    assert (picture.rgb()[:, 10:70] == white).all()
    assert (picture.rgb()[:, :10] == margin).all()
    assert (picture.rgb()[:, 70:] == margin).all()
    (sentence,) = picture.left_out
    assert "30x30" in sentence
    assert "80x60" in sentence
    assert drawn({}, ALONE, RAW, over=Image.new("RGB", (160, 120))).left_out == ()


def test_an_image_keeps_its_left_and_right() -> None:
    over = Image.new("RGB", (40, 30), (0, 0, 0))
    over.paste((250, 250, 250), (20, 0, 40, 30))
    shown = drawn({}, ALONE, RAW, over=over).rgb()
    assert (shown[:, :36] < 20).all()
    assert (shown[:, 44:] > 90).all()


# Comparable ----------------------------------------------------------------------------------------------------


def test_with_a_pinned_scale_the_same_heat_has_the_same_colour_in_every_picture() -> None:
    look = replace(RAW, max=1000, sigma=2)
    quiet = drawn({Series(LEFT, "dwell"): at(LEFT, (10, 10, 80))}, ALONE, look)
    busy = drawn({Series(LEFT, "dwell"): at(LEFT, (10, 10, 80), (60, 50, 90_000))}, ALONE, look)
    assert np.array_equal(quiet.rgb()[5:16, 5:16], busy.rgb()[5:16, 5:16])
    assert quiet.rgb()[10, 10].tolist() not in (COLD, HOT)
    unpinned = drawn({Series(LEFT, "dwell"): at(LEFT, (10, 10, 80))}, ALONE, replace(look, max=0))
    assert unpinned.rgb()[10, 10].tolist() == HOT


@pytest.mark.parametrize(
    ("written", "heat_ms"),
    [(5000, 5000), ("5s", 5000), ("5 s", 5000), ("200ms", 200), ("1.5m", 90_000), ("2min", 120_000), ("1h", 3_600_000)],
)
def test_the_hottest_may_be_a_time(written: float | str, heat_ms: float) -> None:
    counts = {Series(LEFT, "dwell"): at(LEFT, (9, 9, 50))}
    assert chosen(counts, Look(max=written))["dwell"] == heat_ms
    with_look(SnapshotConfig(), {"max": written}, {})


@pytest.mark.parametrize("written", ["5", "s", "-5s", "0s", "5 days", "nan"])
def test_a_hottest_that_is_neither_number_nor_time_is_refused(written: str) -> None:
    with pytest.raises(UsageError, match="--max: expected 0, a number"):
        with_look(SnapshotConfig(), {"max": written}, {})


def test_presses_have_no_time() -> None:
    with pytest.raises(UsageError, match='"5s" is a time, and this layer is counted in presses'):
        drawn({}, ALONE, replace(RAW, layer=["clicks"], max="5s"))


def test_a_title_of_the_users_own_is_the_pictures() -> None:
    assert drawn({}, ALONE, replace(RAW, title="My week")).facts["title"] == "My week"


def test_the_measures_of_one_reading_pin_another_picture() -> None:
    look = Look(layer=["dwell", "clicks"], legend=False)
    busy = reading_of(
        {Series(LEFT, "dwell"): at(LEFT, (9, 9, 5000)), Series(LEFT, "clicks.right"): at(LEFT, (30, 30, 12))}
    )
    fixed = measures(Scene(busy, ALONE), look, [busy])
    assert set(fixed) == {"dwell", "clicks.left", "clicks.middle", "clicks.right", "clicks.other"}
    assert np.array_equal(draw(Scene(busy, ALONE), look).pixels, draw(Scene(busy, ALONE), look, fixed).pixels)
    quiet = reading_of({Series(LEFT, "dwell"): at(LEFT, (9, 9, 50))})
    facts = draw(Scene(quiet, ALONE), look, fixed).facts["layers"]
    found = {layer: one.max_heat for layer, one in fixed.items()}
    assert {fact["layer"]: fact["max_heat"] for fact in facts} == found  # type: ignore[attr-defined]  # facts are JSON


def test_a_line_crossed_once_is_one_crossing_whatever_the_resolution() -> None:
    for width, height in ((1366, 768), (3840, 2160)):
        screen = Monitor("DP-1", width, height)
        line = {Series(screen, "travel"): at(screen, *((x, height // 2, 1) for x in range(width)))}
        look = Look(layer=["travel"], percentile=100)
        picture = draw(Scene(reading_of(line), Layout([Placement(screen, 0, 0)])), replace(look, legend=False))
        assert abs(int(picture.pixels.max()) - level_of(1 / 5)) <= 6, f"{width} x {height}"


def test_all_buttons_have_one_scale() -> None:
    counts = {Series(LEFT, "clicks.left"): at(LEFT, (9, 9, 50)), Series(LEFT, "clicks.right"): at(LEFT, (60, 40, 1))}
    found = chosen(counts, Look(layer=["clicks"]))
    assert len(set(found.values())) == 1


@pytest.mark.parametrize("layer", ["clicks.left", "scroll", "travel"])
@pytest.mark.parametrize("apart_px", range(1, 12))
def test_the_bar_of_what_is_counted_ends_at_a_whole_number_and_at_no_less_than_is_there(
    layer: str, apart_px: int
) -> None:
    columns = range(80) if layer == "travel" else [40]  # two lines, or two presses or steps
    counts = {Series(LEFT, layer): at(LEFT, *((x, y, 5) for x in columns for y in (20, 20 + apart_px)))}
    look = Look(layer=[layer], sigma=4, percentile=100)
    found = chosen(counts, look)[layer]
    assert found % 1 == 0
    assert 5 <= found <= 10
    grid = heat.heat_grid([counts[Series(LEFT, layer)]], 80, 60, 4)
    line = np.sqrt(2 * np.pi) * 4 if layer == "travel" else 1
    assert float(grid.cells.max() / line) <= found + 0.05
    assert chosen(counts, replace(look, max=1.7))[layer] == 1.7  # what the user chose is not touched


@pytest.mark.parametrize("place", [(40, 30), (0, 0), (79, 30)])
def test_a_lone_press_is_a_fifth_of_its_bar_also_at_an_edge(place: tuple[int, int]) -> None:
    for sigma in (0.5, 1, 4, 20):
        picture = drawn(
            {Series(LEFT, "clicks.left"): at(LEFT, (*place, 1))},
            ALONE,
            replace(RAW, layer=["clicks.left"], sigma=sigma),
        )
        assert picture.facts["layers"][0]["max_heat"] == 5  # type: ignore[index]  # facts are JSON
        assert abs(int(picture.pixels.max()) - level_of(1 / 5)) <= 3, sigma


@pytest.mark.parametrize(("pixels", "times"), [(0, 2), (1, 2), (626, 1.78), (20_000, 1), (10**6, 1)])
def test_heat_spreads_farther_while_little_is_counted(pixels: int, times: float) -> None:
    assert STYLES["dwell"].widening(pixels) == pytest.approx(times, abs=0.01)
    assert STYLES["travel"].widening(pixels) == 1  # a line stays as thin as it is
    assert STYLES["dwell"].widening(pixels // 5, in_cells=True) == pytest.approx(times, abs=0.02)
    assert STYLES["clicks.left"].widening(pixels, in_cells=True) == STYLES["clicks.left"].widening(pixels)


def test_lines_from_cells_are_as_wide_as_those_and_keep_their_heat() -> None:
    """Crossings of a diagonal, gathered in cells of 16 px: at the sigma of a line they would be dots."""
    at = np.arange(0, 1000)
    exact = Counts.from_pixels(1920, 1080, at * 1920 + at)
    coarse = cells.gathered(exact, 16)
    screen = Monitor("S", 1920, 1080)
    layout = Layout([Placement(screen, 0, 0)])
    look = SnapshotConfig(layer=["travel"], legend=False)
    found = [Scene(Reading({Series(screen, "travel"): counts}, cell_px=16), layout) for counts in (exact, coarse)]
    (scale, _) = (measures(scene, look, [scene.reading]) for scene in found)
    one, other = (draw(scene, look, scale).rgb().astype(int) for scene in found)
    assert np.abs(one - other).mean() < 1
    along = other[at[100:900], at[100:900]].sum(axis=1)
    assert along.min() > along.max() / 2  # no gaps


@pytest.mark.parametrize("sigma", ["auto", "5%"])
def test_portrait_and_landscape_have_blobs_of_one_size(sigma: str) -> None:
    def sigma_px(width_px: int, height_px: int) -> float:
        screen = Monitor("DP-1", width_px, height_px)
        layout = Layout([Placement(screen, 0, 0)])
        facts = drawn({Series(screen, "dwell"): at(screen, (9, 9, 50))}, layout, Look(sigma=sigma)).facts
        return float(facts["layers"][0]["sigma_px"])  # type: ignore[index]  # facts are JSON

    assert sigma_px(90, 160) == sigma_px(160, 90) == pytest.approx(0.05 * 90 if sigma == "5%" else 2 * 0.017 * 90)


@pytest.mark.parametrize("layers", [["clicks.left"], ["dwell", "travel"]], ids="+".join)
def test_where_nothing_was_counted_there_is_no_colour_bar(layers: list[str]) -> None:
    screen = Monitor("DP-1", 400, 300)
    strip = drawn({}, Layout([Placement(screen, 0, 0)]), Look(layer=layers)).rgb()[300:].astype(int)
    assert np.ptp(strip, axis=2).max() <= np.ptp(np.array([DARK.panel, DARK.text]), axis=1).max()


def test_time_is_no_whole_number_of_anything() -> None:
    counts = {Series(LEFT, "dwell"): at(LEFT, (30, 30, 10), (33, 30, 7))}
    found = chosen(counts, Look(sigma=4))["dwell"]
    assert found % 1 > 0


# Facts ----------------------------------------------------------------------------------------------------


def test_the_png_says_in_its_text_chunks_what_it_shows() -> None:
    look = Look(layer=["dwell", "clicks.left"], scale="sqrt", sigma="5%")
    counts = {
        Series(LEFT, "dwell"): at(LEFT, (9, 9, 5000)),
        Series(LEFT, "clicks.left"): at(LEFT, (5, 5, 3), (6, 6, 4)),
    }
    reading = reading_of(counts, left_out=("left out one piece",))
    with Image.open(io.BytesIO(draw(Scene(reading, ALONE, zone=UTC), look).png())) as image:
        text = image.text  # type: ignore[attr-defined]  # a PNG has it
    assert text["Title"] == "Rest and clicks"
    assert text["Software"] == f"mousetrackd {__version__}"
    facts = json.loads(text["mousetrackd"])
    assert facts["version"] == __version__
    assert (facts["since"], facts["until"]) == ("2026-11-18T11:06:40+00:00", "2026-11-18T12:06:40+00:00")
    assert facts["when"] == "18 November 2026, 11:06 to 12:06"
    assert facts["monitors"] == ["DP-1@80x60"]
    assert facts["scale"] == "sqrt"
    assert facts["left_out"] == ["left out one piece"]
    dwell, clicks = facts["layers"]
    assert (dwell["layer"], dwell["unit"], dwell["total"]) == ("dwell", "ms", 5000)
    assert dwell["sigma_px"] == pytest.approx(0.05 * 60)
    assert dwell["max_heat"] > 1
    assert (clicks["layer"], clicks["unit"], clicks["total"]) == ("clicks.left", "presses", 7)


def test_one_layer_is_a_small_palette_picture_and_several_true_colour() -> None:
    for layers, mode in ((["dwell"], "P"), (["dwell", "travel"], "RGB")):
        with Image.open(io.BytesIO(drawn({}, ALONE, Look(layer=layers)).png())) as image:
            assert image.mode == mode
            assert image.format == "PNG"


def test_a_range_of_days_is_named_by_its_days() -> None:
    picture = draw(Scene(reading_of({}, last_s=1_795_000_000 + 3 * 86400), ALONE, zone=UTC), RAW)
    assert picture.facts["when"] == "18 November 2026 to 21 November 2026"


def test_the_legends_clock_is_the_zones() -> None:
    picture = draw(Scene(reading_of({}), ALONE, zone=timezone(timedelta(hours=5))), RAW)
    assert picture.facts["when"] == "18 November 2026, 16:06 to 17:06"


@pytest.mark.parametrize(
    ("layer", "total", "words"),
    [
        ("dwell", 0, "0 s"),
        ("dwell", 59_400, "59 s"),
        ("dwell", 61_000, "1 min 01 s"),
        ("dwell", 3_660_000, "1 h 01 min"),
        ("dwell", 360_000_000, "100 h 00 min"),
        ("clicks.left", 1221, "1,221 left clicks"),
        ("clicks.left", 1, "1 left click"),
        ("travel", 1, "1 crossing"),
        ("travel", 1_261_473, "1,261,473 crossings"),
        ("scroll", 186, "186 steps"),
    ],
)
def test_a_total_has_its_unit(layer: str, total: float, words: str) -> None:
    assert total_text(layer, total, UNITS[layer]) == words


def of_their_own(screen: Monitor, counts: Counts, **more: Any) -> Picture:
    """A picture of counts that are not the daemon's: nobody knows when they were made."""
    scene = Scene(Reading({Series(screen, COUNTS): counts}), Layout([Placement(screen, 0, 0)]), **more)
    return draw(scene, Look(layer=[COUNTS]))


@pytest.mark.parametrize(
    ("unit", "per", "words"),
    [
        ("", 1.0, "1,500 in all"),
        ("", 1024.0, "1.465 in all"),
        ("gazes", 1.0, "1,500 gazes"),
        ("ms", 1.0, "2 s"),
        ("kg", 0.25, "6,000 kg"),
    ],
)
def test_counts_of_any_unit_are_labelled_with_it(unit: str, per: float, words: str) -> None:
    screen = Monitor("screen", 400, 300)
    picture = of_their_own(screen, at(screen, (200, 150, 1000), (20, 20, 500)), unit=unit, counts_per_unit=per)
    layer = picture.facts["layers"][0]  # type: ignore[index]  # facts are JSON
    assert (layer["layer"], layer["unit"], layer["total"]) == (COUNTS, unit, 1500 / per)
    assert layer["max_heat"] == pytest.approx(1000 / per, rel=0.05)
    assert total_text(COUNTS, layer["total"], unit) == words
    assert (picture.facts["title"], picture.facts["when"]) == ("Heatmap", "")


def test_numbers_that_were_multiplied_to_be_counted_make_the_same_picture() -> None:
    screen = Monitor("screen", 400, 300)
    dots = [(200, 150, 7000), (20, 20, 5000), (380, 290, 6000)]
    as_they_are = of_their_own(screen, at(screen, *dots)).pixels[:300]
    multiplied = at(screen, *((x, y, count * 4) for x, y, count in dots))
    shown = of_their_own(screen, multiplied, counts_per_unit=4.0).pixels[:300]
    # The end of a bar is a whole number only where whole numbers were counted.
    assert np.abs(shown.astype(int) - as_they_are.astype(int)).max() <= 1


# A size of one's own ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(160, 120), (320, 120), (80, 200), (37, 23), (400, 300)], ids=str)
@pytest.mark.parametrize("layers", [["dwell"], ["dwell", "travel"]], ids="+".join)
@pytest.mark.parametrize("sigma", ["auto", 0, 3])
def test_a_picture_of_another_size_is_exactly_that_large_and_shows_the_same_places(
    size: tuple[int, int], layers: list[str], sigma: float | str
) -> None:
    counts = {Series(LEFT, "dwell"): at(LEFT, (20, 15, 5000), (60, 45, 900))}
    look = Look(layer=layers, sigma=sigma, legend=False, out_size=f"{size[0]}x{size[1]}")
    pixels = drawn(counts, ALONE, look).rgb().astype(int)
    assert pixels.shape == (size[1], size[0], 3)
    zoom = min(size[0] / 80, size[1] / 60)
    left, top = (size[0] - 80 * zoom) / 2, (size[1] - 60 * zoom) / 2
    brightest = np.argwhere(pixels.sum(axis=2) == pixels.sum(axis=2).max()).mean(axis=0)
    assert brightest == pytest.approx([top + 15.5 * zoom - 0.5, left + 20.5 * zoom - 0.5], abs=max(zoom, 1))


@pytest.mark.parametrize("size", [(1366, 768), (600, 900), (240, 400)], ids=str)
def test_a_picture_of_a_size_has_its_legend_within(size: tuple[int, int]) -> None:
    counts = {Series(LEFT, "dwell"): at(LEFT, (20, 15, 5000))}
    picture = drawn(counts, ALONE, Look(out_size=f"{size[0]}x{size[1]}"))
    assert picture.pixels.shape == (size[1], size[0])
    assert picture.facts["where"] == "DP-1 80 x 60"
    with pytest.raises(UsageError, match="no space for the legend in 240x40"):
        drawn(counts, ALONE, Look(out_size="240x40"))


def test_enlarged_the_picture_is_drawn_for_its_size_and_not_scaled_up() -> None:
    counts = {Series(LEFT, "travel"): at(LEFT, *((x, 30, 1) for x in range(80)))}
    look = Look(layer=["travel"], sigma=0.5, legend=False, max=1)
    small, large = (drawn(counts, ALONE, replace(look, out_size=size)).pixels for size in ("80x60", "1600x1200"))
    assert int(large.max()) == pytest.approx(int(small.max()), abs=12)
    rises = np.abs(np.diff(large[500:720, 800].astype(int)))
    assert 0 < rises.max() <= 12  # a smooth line, no staircase of large pixels


def test_monitors_that_touch_still_do_in_another_size_and_holes_stay_where_they_were() -> None:
    layout = Layout([Placement(LEFT, -80, -20), Placement(RIGHT, 0, 0)])
    counts = {Series(LEFT, "dwell"): at(LEFT, (10, 12, 7)), Series(RIGHT, "dwell"): at(RIGHT, (50, 30, 7))}
    scene = Scene(reading_of(counts), layout, exclude=[Exclusion("DP-2", 0, 0, 100, 40)], zone=UTC)
    found = sizing.at_size(scene.with_all_monitors(), 541, 200)
    (left, _), (right, _) = ((one.desktop_x, one.monitor.width_px) for one in found.layout.placements)
    assert left + found.layout.monitors[0].width_px == right
    (hole,) = found.exclude
    place = found.layout.placements[1]
    assert (hole.left, hole.top) == (place.desktop_x, place.desktop_y)
    assert (hole.width_px, hole.height_px) == (place.monitor.width_px, place.monitor.height_px)
    picture = draw(scene, replace(RAW, out_size="541x200"))
    assert picture.facts["excluded"] == 1


@pytest.mark.parametrize("size", ["4k", "1920", "0x10", "20000x10", "16000x16000", "1920x1080x3"])
def test_a_size_that_is_none_is_refused(size: str) -> None:
    with pytest.raises(UsageError, match="--out-size: expected a size"):
        with_look(SnapshotConfig(), {"out_size": size}, {})
