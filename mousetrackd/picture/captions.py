"""What a picture says about itself: its facts, its title and the lines of its legend. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mousetrackd import __version__
from mousetrackd.core.layers import CLICK_LAYERS, of_total
from mousetrackd.picture import legend
from mousetrackd.picture.styles import STYLES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import tzinfo

    from mousetrackd.picture.heat_layers import HeatLayer
    from mousetrackd.picture.look import Look
    from mousetrackd.picture.scene import Scene
    from mousetrackd.storage.readings import Reading


def facts(scene: Scene, look: Look, layers: Sequence[HeatLayer], excluded: int) -> dict[str, object]:
    """What the picture shows, as JSON can hold it: for its title, its legend and its text chunks.

    excluded: how many places are hatched, for nothing may be counted there.
    """
    monitors = scene.layout.monitors
    if scene.where:
        where = scene.where
    elif len(monitors) == 1:
        where = f"{monitors[0].output} {monitors[0].width_px} x {monitors[0].height_px}"
    else:
        where = f"{len(monitors)} monitors: {', '.join(m.output for m in monitors)}"
    return {
        "title": look.title or title([layer.layer for layer in layers]),
        "where": where,
        "when": when(scene.reading, scene.zone),
        "only": scene.only,
        "excluded": excluded,
        "since": _iso(scene.reading.first_s),
        "until": _iso(scene.reading.last_s),
        "monitors": [monitor.label for monitor in monitors],
        "scale": look.scale,
        "layers": [
            {
                "layer": layer.layer,
                "unit": scene.unit_of(layer.layer),
                "total": layer.total,
                "max_heat": layer.scale.max_heat,
                "sigma_px": layer.sigma_px,
            }
            for layer in layers
        ],
        "left_out": list(scene.reading.remarks),
        "version": __version__,
    }


def caption(facts: Mapping[str, object], layers: Sequence[HeatLayer]) -> legend.Legend:
    """The text of the legend, and a colour bar for each of ``layers`` in which something was counted."""
    only = [f"only {facts['only']}"] if facts["only"] else []
    excluded = [f"{facts['excluded']} place{'s' * (facts['excluded'] != 1)} excluded"] if facts["excluded"] else []
    return legend.Legend(
        str(facts["title"]),
        # What was chosen goes first: a line that is too long loses its end, and this must not be missed.
        [
            " · ".join(filter(None, [str(facts["where"]), str(facts["when"])])),
            " · ".join([*only, *excluded, *_totals(layers)]),
        ],
        [layer.scale for layer in layers if layer.total],
    )


def title(layers: Sequence[str]) -> str:
    """One layer's own title, or what several have in common: "Rest, travel and clicks"."""
    if len(layers) == 1:
        return STYLES[layers[0]].title
    names = [*dict.fromkeys("clicks" if layer in CLICK_LAYERS else STYLES[layer].short for layer in layers)]
    text = ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else names[0]
    return text.capitalize()


def _totals(layers: Sequence[HeatLayer]) -> list[str]:
    """The total of each layer; several buttons in one sum, for each has a colour bar of its own."""
    clicks = [layer.total for layer in layers if layer.layer in CLICK_LAYERS]
    totals = [
        total_text(layer.layer, layer.total, layer.scale.unit)
        for layer in layers
        if layer.layer not in CLICK_LAYERS or len(clicks) == 1
    ]
    return totals + ([f"{_digits(sum(clicks))} {of_total(sum(clicks), 'clicks')}"] if len(clicks) > 1 else [])


def total_text(layer: str, total: float, unit: str) -> str:
    """A layer's total with its unit: ``1 h 02 min``, ``186 steps``."""
    if unit == "ms":
        seconds = round(total / 1000)
        hours, minutes = seconds // 3600, seconds // 60 % 60
        if hours:
            return f"{hours} h {minutes:02} min"
        return f"{minutes} min {seconds % 60:02} s" if minutes else f"{seconds} s"
    if layer in CLICK_LAYERS:
        return f"{_digits(total)} {of_total(total, STYLES[layer].short)}"
    return f"{_digits(total)} {of_total(total, unit) or 'in all'}"


def _digits(total: float) -> str:
    """Every digit of a whole number; four of another."""
    return f"{total:,}" if isinstance(total, int) else f"{total:,.4g}" if abs(total) < 1000 else f"{total:,.0f}"


def when(reading: Reading, zone: tzinfo | None) -> str:
    """From when to when it was counted, by the clock of ``zone``; None is the local one. Empty where unknown."""
    if reading.first_s is None or reading.last_s is None:
        return "" if reading.counts else "nothing counted yet"
    first = datetime.fromtimestamp(reading.first_s, zone)
    last = datetime.fromtimestamp(reading.last_s, zone)
    if first.date() == last.date():
        ends = f"{first:%H:%M}", f"{last:%H:%M}"
        return f"{first:%d %B %Y}, {' to '.join(dict.fromkeys(ends))}"
    return f"{first:%d %B %Y} to {last:%d %B %Y}"


def _iso(moment_s: int | None) -> str | None:
    return None if moment_s is None else datetime.fromtimestamp(moment_s, UTC).isoformat()
