"""The names and units of what is counted. Apart from the accumulator so that a command can know them cheaply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

from mousetrackd.core.errors import UsageError

DWELL: Final = "dwell"
TRAVEL: Final = "travel"
SCROLL: Final = "scroll"
CLICK_LAYERS: Final = ("clicks.left", "clicks.middle", "clicks.right", "clicks.other")
LAYERS: Final = (DWELL, TRAVEL, *CLICK_LAYERS, SCROLL)
CLICKS: Final = "clicks"
"""What people say when they mean all ``CLICK_LAYERS``."""

COUNTS: Final = "counts"
"""What is drawn of anyone's own counts, in a unit of theirs: in no store, and in no configuration."""

UNITS: Final[Mapping[str, str]] = {
    DWELL: "ms",
    TRAVEL: "crossings",
    SCROLL: "steps",
    **dict.fromkeys(CLICK_LAYERS, "presses"),
    COUNTS: "",
}

_ONE: Final = {"crossings": "crossing", "steps": "step", "presses": "press", "clicks": "click"}


def of_total(total: float, unit: str) -> str:
    """The unit as it goes with a total: "1 press", "2 presses". One that is not ours stays as it is."""
    *before, last = unit.split(" ")
    return " ".join((*before, _ONE.get(last, last))) if total == 1 else unit


def expand_layers(names: Sequence[str]) -> tuple[str, ...]:
    """Layers by name, each once; "clicks" is all buttons. Raises UsageError for an unknown one, or none at all."""
    layers: list[str] = []
    for name in names:
        if name not in (*LAYERS, CLICKS, COUNTS):
            raise UsageError(f'there is no layer "{name}"', f"There are: {', '.join(LAYERS)}; clicks is all buttons.")
        layers += CLICK_LAYERS if name == CLICKS else [name]
    if not layers:
        raise UsageError("no layer was named", f"There are: {', '.join(LAYERS)}; clicks is all buttons.")
    return tuple(dict.fromkeys(layers))
