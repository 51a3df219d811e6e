"""Where nothing is counted, from layout to layout. Pure: layouts in, rectangles out.

A rule that names a monitor fails closed. Where no monitor has that name any more, but the screen or the pixels that
had it are still shown (a dock that renames connectors, `xrandr --setmonitor`), the rule stays on them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from mousetrackd.core.layout import Layout
    from mousetrackd.core.monitors import Exclusion, Placement

Box: TypeAlias = tuple[int, int, int, int]
"""Left, top, width and height on the desktop, in px."""


class Exclusions:
    """Rules of privacy, and where on the desktop they hold. Not thread-safe.

    held: the names that no monitor has now, each with what shows its pixels. lost: the names of which nothing is shown.
    """

    def __init__(self) -> None:
        self._rules: tuple[Exclusion, ...] = ()
        self._seen: dict[str, Placement] = {}
        self.held: dict[str, Placement] = {}
        self.lost: tuple[str, ...] = ()

    def rule(self, rules: Iterable[Exclusion], seen: Iterable[Placement] = ()) -> None:
        """Let these rules hold from the next ``on`` on. What is known of their names stays known.

        seen: where monitors were before this was made, the newest last.
        """
        self._rules = tuple(rules)
        named = {one.monitor for one in self._rules if one.monitor}
        before = {name: place for place in seen for name in named if place.monitor.is_selected_by(name)}
        self._seen = {**before, **{name: place for name, place in self._seen.items() if name in named}}

    def on(self, layout: Layout) -> NDArray[np.int64]:
        """The excluded rectangles of the desktop while the monitors are placed like this.

        (N, 4): left, top, right and bottom, the latter two outside. A monitor's are cut off at its edges.
        """
        self.held = {}
        places = {name: self._places(name, layout) for name in {one.monitor for one in self._rules if one.monitor}}
        self.lost = tuple(sorted(name for name, found in places.items() if not found))
        rects: list[tuple[int, int, int, int]] = []
        for one in self._rules:
            right, bottom = one.left + one.width_px, one.top + one.height_px
            if not one.monitor:
                rects.append((one.left, one.top, right, bottom))
            for place in places.get(one.monitor, ()):
                x, y, width_px, height_px = _box(place)
                rects.append(
                    (x + max(one.left, 0), y + max(one.top, 0), x + min(right, width_px), y + min(bottom, height_px))
                )
        return np.array(rects, dtype=np.int64).reshape(-1, 4)

    def _places(self, name: str, layout: Layout) -> list[Placement]:
        """Where the rules for this name hold: on the monitors that have it, and on what had it and is still shown."""
        called = [place for place in layout.placements if place.monitor.is_selected_by(name)]
        before = self._seen.get(name)
        still = [
            place
            for place in layout.placements
            if before is not None
            and before.monitor.edid_hash
            and place.monitor.edid_hash == before.monitor.edid_hash
            and place not in called
        ]
        if called and not still:
            self._seen[name] = called[0]
        if called or still:
            if not called:
                self.held[name] = still[0]
            return [*called, *still]
        if before is not None:
            for place in layout.placements:
                if _may_be_same(before, place) and _overlap(_box(before), _box(place)):
                    self.held[name] = place
                    return [before]
        return []


def report(rules: Exclusions, layout: Layout) -> str:
    """What a user should know of rules that name no monitor of this layout; empty where all do."""
    if not layout.placements:
        return ""
    sentences = []
    for name, place in rules.held.items():
        label = place.monitor.label
        better = f"#{place.monitor.edid_hash}" if place.monitor.edid_hash else place.monitor.output
        sentences.append(
            f"privacy.exclude names {name}, whose pixels {label} shows now: the rule stays on them.\n"
            f'Name "{better}" instead in the configuration, or remove the rule.'
        )
    if rules.lost:
        there = ", ".join(monitor.output for monitor in layout.monitors)
        sentences.append(
            f"privacy.exclude names {', '.join(rules.lost)}, and there is only {there}: that excludes nothing now.\n"
            "If the name is misspelt, correct it in the configuration, and forget what was counted there meanwhile."
        )
    return "\n".join(sentences)


def _box(place: Placement) -> Box:
    return place.desktop_x, place.desktop_y, place.monitor.width_px, place.monitor.height_px


def _may_be_same(one: Placement, other: Placement) -> bool:
    """Not two screens that are known to be different."""
    return not (one.monitor.edid_hash and other.monitor.edid_hash)


def _overlap(one: Box, other: Box) -> bool:
    """Do they share a pixel?"""
    (x, y, width, height), (x2, y2, width2, height2) = one, other
    return x < x2 + width2 and x2 < x + width and y < y2 + height2 and y2 < y + height
