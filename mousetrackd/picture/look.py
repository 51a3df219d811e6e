"""How a picture looks: what a user can choose, with the defaults. Pure, and cheap to import: no cv2, no numpy."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mousetrackd.core.errors import UsageError
from mousetrackd.core.layers import CLICKS, LAYERS, expand_layers
from mousetrackd.core.monitors import AREA_MAX_PX, SIDE_MAX_PX, size_problem
from mousetrackd.core.settings import is_bool, is_text, number, one_of, setting
from mousetrackd.picture.colours import is_colour
from mousetrackd.picture.styles import STYLES


def _is_sigma(value: object) -> bool:
    if value == "auto":
        return True
    if isinstance(value, str):
        share = re.fullmatch(r"(\d+(?:\.\d+)?)%", value)
        return share is not None and 0 <= float(share[1]) <= 25
    return number(0, 1000)(value)


def _are_layers(value: object) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, str) and _layer_and_map(one)[0] in (*LAYERS, CLICKS) for one in value)
    )


def _layer_and_map(written: str) -> tuple[str, str]:
    """``dwell:classic`` as layer and colour map; without a map that is empty."""
    layer, colon, colormap = written.partition(":")
    return (layer, colormap) if colormap or not colon else (written, "")


def _size_px(text: str) -> tuple[int, int] | None:
    """Width and height of a size like "3840x2160"; None for what is none."""
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text, re.ASCII)
    size_px = (int(found[1]), int(found[2])) if found else (0, 0)
    return None if size_problem(*size_px) else size_px


def _time_ms(text: str) -> float:
    """The milliseconds of a time like "5s"; 0 for what is none."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?)\s*(ms|s|sec|min|m|h)", text, re.ASCII)
    return (
        float(found[1]) * {"ms": 1, "s": 1e3, "m": 60e3, "h": 3.6e6}[found[2] if found[2] == "ms" else found[2][0]]
        if found
        else 0
    )


@dataclass(frozen=True)
class Look:
    """How a picture looks. Values are checked where they are read; each field's ``check`` says what is good."""

    layer: list[str] = setting(
        ["dwell"],
        "What to draw, the lowest layer first: dwell, travel, clicks.left, clicks.middle, clicks.right,\n"
        'clicks.other, scroll, or "clicks" for all buttons; with a colour map of its own as "dwell:classic".',
        f"a list of layers, each one of {', '.join(LAYERS)}, clicks",
        _are_layers,
    )
    colormap: str = setting(
        "auto",
        'Colours of the lowest layer from cold to hot: "auto" (each layer its own), "ember", "ice", "classic" (from\n'
        'blue to red), any OpenCV map ("inferno", "jet", "hot", "turbo" ...), or one of your own from\n'
        '[colormaps]; reversed with "_r" behind the name: "ember_r".',
        "the name of a colour map",
        is_text,
    )
    sigma: float | str = setting(
        "auto",
        'How far heat spreads: "auto" (each layer its own, wider while little is counted), pixels, or a share of the\n'
        'shorter side like "1.7%". 0 draws the raw pixels.',
        '"auto", pixels from 0 to 1000, or a share of the shorter side from "0%" to "25%"',
        _is_sigma,
    )
    scale: str = setting(
        "log",
        'From heat to colour: "log" shows rare and frequent places alike; "sqrt" has fewer bright ones, the look of a\n'
        'poster; "linear" is plain.',
        'one of "log", "sqrt", "linear"',
        one_of("log", "sqrt", "linear"),
    )
    percentile: float = setting(
        99.9,
        "Heat above this percentile of the touched area gets the hottest colour, so that one parked spot does\n"
        "not turn the rest dark.",
        "a number from 50 to 100",
        number(50, 100),
    )
    max: float | str = setting(
        0,
        'Heat of the hottest colour, to make pictures comparable: a number, or a time like "5s", "200ms" or "2min".\n'
        "0 chooses it by the percentile.",
        '0, a number from 0.000001 up, or a time like "5s"',
        lambda value: value == 0 or number(1e-6, 1e18)(value) or (isinstance(value, str) and _time_ms(value) > 0),
    )
    edges: str = setting(
        "true",
        'Heat beside an edge of the screen: "true" is what was counted there; "total" folds back what the blur would\n'
        "carry over the edge, so that the picture's sum is exact and edges read up to twice as high.",
        'one of "true", "total"',
        one_of("true", "total"),
    )
    background: str = setting(
        "",
        'Colour of untouched places, like "#101418"; empty is the coldest colour of the map, white for "classic";\n'
        '"transparent" is none. On a light one the legend is light as well, and the hottest colour is the darkest.',
        'a colour like "#101418", "transparent", or nothing',
        lambda value: value in ("", "transparent") or is_colour(value),
    )
    opacity: float = setting(
        0.7,
        "How much of the image under it the hottest place hides, from 0 to 1: with 0.7 text can still be read.",
        "a number from 0 to 1",
        number(0, 1),
    )
    out_size: str = setting(
        "",
        'Size of the picture with its legend, like "3840x2160" for a poster or a wallpaper: drawn for it, not scaled.\n'
        "Empty is the desktop's own, and the legend below it.",
        f'a size like "3840x2160" of at most {SIDE_MAX_PX} px a side and {AREA_MAX_PX // 10**6} million px, or nothing',
        lambda value: value == "" or (isinstance(value, str) and _size_px(value) is not None),
    )
    title: str = setting(
        "",
        "The title of the legend; empty is that of the layers.",
        "text, or nothing",
        lambda value: isinstance(value, str),
    )
    legend: bool = setting(True, "Title, colour bar and totals under the picture.", "true or false", is_bool)

    @property
    def size_px(self) -> tuple[int, int] | None:
        """``out_size`` as width and height; None where the picture has the desktop's size."""
        return _size_px(self.out_size)

    def max_heat(self, unit: str) -> float:
        """``max`` in counts of ``unit``; 0 where it is to be chosen. Raises UsageError for a time of what is none."""
        if not isinstance(self.max, str):
            return self.max
        if unit != "ms":
            raise UsageError(
                f'"{self.max}" is a time, and this layer is counted in {unit or "plain numbers"}', "Give a number."
            )
        return _time_ms(self.max)

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers by name, each once, the lowest first. Raises UsageError for one that does not exist."""
        return expand_layers([_layer_and_map(one)[0] for one in self.layer])

    @property
    def maps(self) -> dict[str, str]:
        """The colour map of every layer that has one of its own, by layer."""
        given = [(layer, colormap) for layer, colormap in map(_layer_and_map, self.layer) if colormap]
        return {layer: colormap for name, colormap in given for layer in expand_layers([name])}

    def map_of(self, layer: str) -> str:
        """The name of a layer's colour map: the one that was chosen for it, or that of its style."""
        return self._chosen_map(layer) or STYLES[layer].colormap

    def mark_of(self, layer: str) -> tuple[str, str] | None:
        """The one colour of a layer, on dark and on light; None where it is drawn in the colours of its map.

        The lowest layer has its map: where only clicks are drawn, how many is seen by the colour.
        """
        return None if layer == self.layers[0] or self._chosen_map(layer) else STYLES[layer].mark

    def _chosen_map(self, layer: str) -> str:
        chosen = self.maps.get(layer) or (self.colormap if layer == self.layers[0] else "auto")
        return "" if chosen == "auto" else chosen
