"""What every control of the page is for: how it is operated, and where its effect must be seen."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from playwright.sync_api import FilePayload

from browser.drive import FIREFOX, Opened

COMPARING = {"b": "before", "mode": "side"}
"""A range and the one before it; see ``controls``."""

Act = Callable[[Opened, str], None]


@dataclass(frozen=True)
class Control:
    """One control, or several that are alike.

    changes: keys of the page's state. shows: "picture" (the pixels of the view change), "page" (what the document
    contains), or "file" (one is downloaded). state: what is set before. before, after: what else is done.
    keys: what operates it once it has the focus. by_mouse, by_keys: how, where a click and keys are not enough.
    """

    changes: tuple[str, ...] = ()
    shows: tuple[str, ...] = ("page",)
    state: tuple[tuple[str, Any], ...] = ()
    keys: tuple[str, ...] = ("Enter",)
    before: Act | None = None
    by_mouse: Act | None = None
    by_keys: Act | None = None
    after: Act | None = None


def choose_another(one: Opened, selector: str) -> None:
    """Another option of a select than the one that is chosen."""
    place = one.page.locator(selector)
    values = place.evaluate("e => [...e.options].map(o => o.value).filter(value => value !== e.value)")
    place.select_option(values[-1])


def fill_select(value: str) -> Act:
    """This option of a select."""
    return lambda one, selector: one.page.locator(selector).select_option(value)


def fill_and_leave(text: str) -> Act:
    """Write over what is there, and click elsewhere."""

    def act(one: Opened, selector: str) -> None:
        one.page.locator(selector).fill(text)
        one.page.locator("h1").click()

    return act


def type_in(text: str) -> Act:
    """Type with the keyboard alone."""

    def act(one: Opened, selector: str) -> None:
        one.page.locator(selector).focus()
        one.page.keyboard.press("Control+A")
        one.page.keyboard.type(text)
        one.page.keyboard.press("Enter")

    return act


def slide(one: Opened, selector: str) -> None:
    """Click somewhere else on a slider."""
    box = one.page.locator(selector).bounding_box()
    assert box is not None
    one.page.mouse.click(box["x"] + box["width"] * 0.8, box["y"] + box["height"] / 2)


def click(selector: str) -> Act:
    """Click another control before."""
    return lambda one, _selector: one.page.locator(selector).first.click()


def click_until_disabled(selector: str) -> Act:
    """Go as far as it leads."""
    script = "selector => { const way = document.querySelector(selector); while (!way.disabled) way.click(); }"
    return lambda one, _selector: one.run(script, selector)


def mark_elsewhere(one: Opened, _selector: str) -> None:
    """The mark in the picture, which is no part of the page's state, is at none of the hottest places."""
    one.run("() => mousetrackd.view.showPlace({monitor: 0, x: 1, y: 1, value: 0})")


def previous_day(one: Opened, selector: str) -> None:
    """The date before the one that is there."""
    place = one.page.locator(selector)
    place.fill(place.evaluate("e => new Date(e.valueAsNumber - 86400000).toISOString().slice(0, 10)"))


def with_keys(start: str, *keys: str) -> Act:
    """Focus another element, from which keys lead to what is to be operated."""

    def act(one: Opened, _selector: str) -> None:
        one.page.locator(start).first.focus()
        one.press(*keys)

    return act


def double_click(one: Opened, selector: str) -> None:
    """Zooms in, where it is done. Of Playwright's clicks Firefox never makes two one: there the event is sent."""
    place = one.page.locator(selector)
    place.dblclick()
    if one.page.context.browser.browser_type.name == FIREFOX:
        box = place.bounding_box()
        assert box is not None
        middle = {"clientX": box["x"] + box["width"] / 2, "clientY": box["y"] + box["height"] / 2}
        place.dispatch_event("dblclick", {"bubbles": True, "detail": 2, **middle})


def choose_image(one: Opened, _selector: str) -> None:
    """A screenshot to lie under the heat."""
    one.page.locator("#under").set_input_files(files=[_IMAGE])
    one.page.locator("#under-remove").wait_for()  # it is decoded, and drawn


def choose_image_by_keys(one: Opened, selector: str) -> None:
    """Enter opens what a file is chosen in."""
    with one.page.expect_file_chooser() as chooser:
        one.page.locator(selector).press("Enter")
    chooser.value.set_files(files=[_IMAGE])


def has_printed(one: Opened, _selector: str) -> None:
    """See ``controls``: what prints is replaced by what counts."""
    assert one.run("printed") > 0, "nothing is printed"
    one.run("() => { printed = 0; }")


def open_card(one: Opened, _selector: str) -> None:
    """What is folded up as long as nobody opens it."""
    one.run("() => { document.querySelector('#card').open = true; }")


def _image() -> FilePayload:
    pixels = np.full((600, 800, 3), (180, 120, 60), np.uint8)
    pixels[::40] = 255
    return {"name": "screen.png", "mimeType": "image/png", "buffer": cv2.imencode(".png", pixels)[1].tobytes()}


_IMAGE = _image()
_ZOOMED = (("view", {"x": 1000, "y": 500, "zoom": 4}),)
_PICK = Control(("a",), ("page", "picture"))
_FILE = Control((), ("file",))
_OPENS = Control((), ("page",), keys=("Enter",))
_SPACE = ("Space",)
_DOWN = ("ArrowDown",)
_WEEK = Control(("week",), ("page", "picture"))
_COMPARED = (("b", "before"), ("mode", "side"))
_DIFFERENCE = (("b", "before"), ("mode", "difference"))
_OFF = (("week", "work"),)
_A_FORTNIGHT = (("a", "fortnight"),)

# What pace and target do is seen in gestures.py.
TABLE: dict[str, Control] = {
    "theme": Control(("theme",), ("picture",), by_mouse=fill_select("light"), keys=("ArrowUp",)),
    # Ranges
    "previous": Control(("a",), ("page", "picture"), _A_FORTNIGHT),
    "next": Control(("a",), ("page", "picture"), (("a", "long ago"),)),
    "quick-*": _PICK,
    "quick-all": Control(("a",), ("page", "picture"), _A_FORTNIGHT),
    "from": Control(("a",), ("page",), _A_FORTNIGHT, by_mouse=previous_day, keys=_DOWN),
    "until": Control(("a",), ("page",), _A_FORTNIGHT, by_mouse=previous_day, keys=_DOWN),
    "play": Control(("a",), ("page",), _A_FORTNIGHT),
    "compare": Control(("b", "mode"), ("page", "picture"), _A_FORTNIGHT),
    "mode-side": Control(("mode",), ("picture",), _DIFFERENCE, by_keys=with_keys("#mode-difference", "ArrowLeft")),
    "mode-difference": Control(("mode",), ("picture",), _COMPARED, by_keys=with_keys("#mode-side", "ArrowRight")),
    "b-from": Control(("b",), ("page",), _COMPARED, by_mouse=previous_day, keys=_DOWN),
    "b-until": Control(("b",), ("page",), _COMPARED, by_mouse=previous_day, keys=_DOWN),
    # Days and hours
    "earlier": Control((), ("page",), before=click_until_disabled("#later")),
    "later": Control((), ("page",), before=click_until_disabled("#earlier")),
    "cell:day": Control(
        ("a",), ("page", "picture"), by_keys=with_keys("[data-day][tabindex='0']", *["ArrowLeft"] * 2, "Enter")
    ),
    "cell:month": Control(
        ("a",),
        ("page", "picture"),
        by_keys=with_keys("[data-day][tabindex='0']", *["ArrowUp"] * 7, "ArrowLeft", "Enter"),
    ),
    "cell:hour": Control(("week",), ("page", "picture"), by_keys=with_keys("[data-hour='9']", "Enter")),
    "cell:row": Control(("week",), ("page", "picture"), by_keys=with_keys("[data-hour='24']", "ArrowLeft", "Space")),
    "cell:column": Control(("week",), ("page", "picture"), by_keys=with_keys("[data-hour='11']", "ArrowUp", "Enter")),
    "all-hours": Control(("week",), ("page", "picture"), _OFF),
    "work-hours": _WEEK,
    "free-hours": Control(("week",), ("page", "picture"), _OFF),
    # Looks
    "layer": Control(("layer",), ("page", "picture"), by_mouse=choose_another, keys=_DOWN),
    "application": Control(
        ("application",), ("page", "picture"), by_mouse=choose_another, keys=_DOWN
    ),  # of APPLICATIONS
    "map": Control(("map",), ("picture",), by_mouse=choose_another, keys=_DOWN * 2),
    "reverse": Control(("map",), ("picture",), keys=_SPACE),
    "scale": Control(("scale",), ("picture",), by_mouse=choose_another, keys=_DOWN),
    "share": Control(("share",), ("page",), keys=_SPACE),
    "monitor-*": Control(("monitors",), ("page", "picture"), keys=_SPACE),
    "save-picture": _FILE,
    "card": _OPENS,
    "card-save": Control((), ("file",), before=open_card),
    "*-table": _OPENS,
    "*-csv": _FILE,
    "do:zoom-in": Control(("view",), ("picture",)),
    "do:zoom-out": Control(("view",), ("picture",), _ZOOMED),
    "do:zoom-all": Control(("view",), ("picture",), _ZOOMED),
    "do:pan-*": Control(("view",), ("picture",), _ZOOMED),
    "picture": Control(("view",), ("picture",), by_mouse=double_click, keys=("+",)),
    "max-auto": Control(("max",), (), keys=_SPACE),
    "max": Control(("max",), ("picture",), by_mouse=fill_and_leave("3 min"), by_keys=type_in("3 min")),
    "blur-auto": Control(("sigma_px",), (), keys=_SPACE),
    "blur": Control(("sigma_px",), ("picture",), by_mouse=slide, keys=("ArrowRight",)),
    "under": Control(
        (), ("picture",), by_mouse=choose_image, by_keys=choose_image_by_keys, after=click("#under-remove")
    ),
    "under-opacity": Control(
        ("under_opacity",),
        ("picture",),
        before=choose_image,
        by_mouse=slide,
        keys=("ArrowLeft",),
        after=click("#under-remove"),
    ),
    "under-remove": Control((), ("picture", "page"), before=choose_image),
    "print": Control((), (), after=has_printed),
    "pace": Control((), (), by_mouse=choose_another, keys=_DOWN),
    "target-*": Control((), (), _COMPARED, keys=_SPACE),
    "card-picture": Control((), ("page",), before=open_card, keys=_SPACE),
    "place-*": Control((), ("page", "picture"), before=mark_elsewhere),  # marked where it is, and read
}
