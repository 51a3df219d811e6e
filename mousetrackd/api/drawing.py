"""Pictures of anyone's counts."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from mousetrackd.api.picture import Picture
from mousetrackd.api.wording import naming_keywords, warn, wrong_value
from mousetrackd.core import dots
from mousetrackd.core.layers import COUNTS
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Monitor, Placement
from mousetrackd.core.series import Series

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

Colours: TypeAlias = "str | Sequence[str] | Callable[[Any], Any]"
"""A map by its name, colours like "#ff8800" from cold to hot, or a colour map of matplotlib's."""

_COLOURS: Final = "a name, colours like #ff8800, or a colour map of matplotlib's"
_IMAGE: Final = "a path, an image or an array (H, W, 3) of uint8"


def heatmap(
    data: object,
    size: tuple[int, int] | None = None,
    unit: str | None = None,
    sigma: float | str = "auto",
    scale: str = "log",
    colormap: Colours = "ember",
    max: float | str | None = None,  # noqa: A002 - as the commands call it
    percentile: float = 99.9,
    background: str | None = None,
    over: str | os.PathLike[str] | Image.Image | NDArray[np.uint8] | None = None,
    legend: bool = True,
    title: str | None = None,
    edges: str = "true",
    opacity: float = 0.7,
    out_size: tuple[int, int] | None = None,
) -> Picture:
    """Draw a heatmap of your own counts.

    >>> clicks = {(100, 50): 12, (101, 50): 3}
    >>> picture = heatmap(clicks, size=(320, 200), unit="clicks", legend=False)
    >>> picture.size, picture.facts["layers"][0]["total"]
    ((320, 200), 15)

    data: one of
      - a mapping of ``(x, y)`` to a count: dict, Counter, ``df.groupby(["x", "y"]).size()``;
      - an (H, W) array of counts, y down, also in a dict of one screen as ``load`` and ``counts`` give it;
      - points: ``(xs, ys)`` or ``(xs, ys, weights)``, a list of (x, y) or (x, y, count) tuples, or, with ``size``, an
        array (N, 2) or (N, 3);
      - a data frame, a structured array or a dict of lists with columns x, y and perhaps count (also called n, value,
        weight or frequency); without it each row counts 1.
    Positions are pixels from 0 at the top left; a fraction belongs to the pixel it lies in.
    size: width and height of the screen in px. None is the shape of an array, and 1920x1080 for points. An array of
    another shape, a histogram of larger cells, is spread evenly over the screen.
    unit: of the counts, for the legend; "ms" is shown as a time. sigma: how far heat spreads: "auto", px, or a share of
    the shorter side like "1.7%"; 0 draws raw dots. scale: "log", "sqrt" or "linear".
    colormap: "ember", "ice", "classic" and others, any of OpenCV's, colours like ["#000000", "#ff8800"] from cold to
    hot, or a colour map of matplotlib's.
    max: heat of the hottest colour, in your unit, or for "ms" a time like "5s", to compare pictures; None chooses it by
    ``percentile`` of the touched area. edges: "true", or "total" to fold back what the blur would carry over an edge.
    background: a colour where nothing was counted, or "transparent"; None is the coldest colour, white for "classic".
    over: an image to lay the heat over: a path, a Pillow image, or an array; "screen" takes a screenshot. opacity: how
    much of it the hottest place hides, from 0 to 1. title: None is "Heatmap". out_size: width and height of the picture
    with its legend, drawn for it and not scaled; None is ``size``, and the legend below it.

    Counts are drawn as they are where they are whole numbers, at most 2^63 - 1. Others are multiplied by a power of two
    and rounded, which changes none by more than 2^-61 of the sum of all.
    Points outside the screen are left out, with a MousetrackWarning and their number in ``facts["outside"]``.
    Raises MousetrackError for what cannot be counts (NaN, infinite and negative numbers, positions from 0 to 1, no
    point inside the screen) and for any other value that is not as described.
    """
    found = dots.read(data, size)
    warn(filter(None, [found.note]))
    if not isinstance(unit, str | None):
        raise wrong_value("unit", "text", unit)
    own_maps, map_name = _own_maps(colormap)
    chosen = {
        "colormap": map_name,
        "sigma": sigma,
        "scale": scale,
        "percentile": percentile,
        "max": 0 if max is None else max,
        "background": "" if background is None else background,
        "edges": edges,
        "opacity": opacity,
        "legend": legend,
        "title": "" if title is None else title,
        "out_size": "" if out_size is None else "{}x{}".format(*dots.checked_size(out_size, "out_size")),
    }
    with _EnvironmentKept(), naming_keywords():
        from mousetrackd.picture import compose  # noqa: PLC0415 - brings OpenCV
        from mousetrackd.picture.scene import Scene  # noqa: PLC0415
        from mousetrackd.storage.readings import Reading  # noqa: PLC0415

        screen = Monitor("screen", found.counts.width_px, found.counts.height_px)
        scene = Scene(
            Reading({Series(screen, COUNTS): found.counts} if found.counts.pixels else {}),
            Layout([Placement(screen, 0, 0)]),
            over=_image_below(over),
            colormaps=own_maps,
            unit=unit or "",
            counts_per_unit=found.per_unit,
        )
        drawn = compose.draw(scene, _look(chosen))
    warn(drawn.left_out)
    return Picture(replace(drawn, facts={**drawn.facts, "outside": found.outside}))


def _look(chosen: Mapping[str, object]) -> Any:
    """A Look of these values. Raises UsageError for one that is not good."""
    from mousetrackd.picture.look import Look  # noqa: PLC0415

    known = {key.name: key.metadata for key in fields(Look)}
    good = {name: value.item() if isinstance(value, np.generic) else value for name, value in chosen.items()}
    for name, value in good.items():
        if not isinstance(value, str | float | int) or not known[name]["check"](value):
            raise wrong_value(name, known[name]["expected"], value)
    return Look(layer=[COUNTS], **good)  # type: ignore[arg-type]  # checked by each field's own check


def _own_maps(colormap: Colours) -> tuple[dict[str, list[str]], str]:
    """The caller's own map, if it is one, and the name to draw by."""
    from mousetrackd.picture.colours import is_colour  # noqa: PLC0415

    if isinstance(colormap, str):
        return {}, colormap
    try:
        colours = _colours_of(colormap) if callable(colormap) else [*colormap]
    except (TypeError, ValueError, IndexError) as error:
        raise wrong_value("colormap", _COLOURS, colormap) from error
    if len(colours) < 2 or not all(is_colour(colour) for colour in colours):
        raise wrong_value("colormap", _COLOURS, colormap)
    return {"own": colours}, "own"


def _colours_of(colormap: Callable[[Any], Any]) -> list[str]:
    """256 colours of a function from shares, (N,) from 0 to 1, to (N, 3 or 4) red, green and blue from 0 to 1."""
    shares = np.clip(np.asarray(colormap(np.linspace(0, 1, 256)), np.float64)[:, :3], 0, 1)
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in (shares * 255).round().astype(int).tolist()]


def _image_below(over: object) -> Image.Image | None:
    from PIL import Image  # noqa: PLC0415

    from mousetrackd.picture import over_image  # noqa: PLC0415

    if isinstance(over, str | os.PathLike):
        return over_image.load(os.fspath(over))
    try:
        image = over if over is None or isinstance(over, Image.Image) else Image.fromarray(np.asarray(over))
    except (TypeError, ValueError, AttributeError, IndexError) as error:
        raise wrong_value("over", _IMAGE, over) from error
    if image is not None and 0 in image.size:
        raise wrong_value("over", _IMAGE, over)
    return image


class _EnvironmentKept:
    """What is imported within leaves the environment as it was.

    The first import of opencv-python points Qt at its own plugins and the linker at its own folder, for this process
    and all it starts. PyQt, which may draw matplotlib's windows, then finds plugins that are not its own, and ends the
    process (opencv-python, issue 736). A program that opens windows of OpenCV itself imports cv2 first.
    """

    def __enter__(self) -> None:
        self._before = None if "cv2" in sys.modules else dict(os.environ)

    def __exit__(self, *_: object) -> None:
        if self._before is not None and os.environ != self._before:
            for name in os.environ.keys() - self._before.keys():
                del os.environ[name]
            os.environ.update(self._before)
