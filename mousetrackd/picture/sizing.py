"""A scene in a picture of another size than the desktop's: drawn for that size, not scaled up. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mousetrackd.core.exclusions import Exclusions
from mousetrackd.core.layout import Layout
from mousetrackd.core.monitors import Exclusion

if TYPE_CHECKING:
    from mousetrackd.picture.scene import Scene


def at_size(scene: Scene, width_px: int, height_px: int) -> Scene:
    """The scene, in which every monitor has a position, in the middle of a picture of that size.

    It keeps its shape, and is as large as it fits. Counts stay as they are: they are scaled where they are drawn.
    """
    left, top, wide_px, high_px = scene.layout.bounds()
    zoom = min(width_px / wide_px, height_px / high_px)
    before_px, above_px = (width_px - wide_px * zoom) / 2, (height_px - high_px * zoom) / 2

    def across(x: int) -> int:
        return round((x - left) * zoom + before_px)

    def down(y: int) -> int:
        return round((y - top) * zoom + above_px)

    # Edges are rounded, not sizes: monitors that touch still do.
    placements = [
        replace(
            one,
            monitor=replace(
                one.monitor,
                width_px=max(across(one.desktop_x + one.monitor.width_px) - across(one.desktop_x), 1),
                height_px=max(down(one.desktop_y + one.monitor.height_px) - down(one.desktop_y), 1),
            ),
            desktop_x=across(one.desktop_x),
            desktop_y=down(one.desktop_y),
        )
        for one in scene.layout.placements
    ]
    rules = Exclusions()
    rules.rule(scene.exclude)
    holes = [
        Exclusion("", across(x), down(y), max(across(to_x) - across(x), 1), max(down(to_y) - down(y), 1))
        for x, y, to_x, to_y in rules.on(scene.layout).tolist()
    ]
    return replace(
        scene, layout=Layout(placements), exclude=holes, frame=(0, 0, width_px, height_px), zoom=scene.zoom * zoom
    )
