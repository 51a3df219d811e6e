"""What is more than one control: the way of Tab, dragging, zooming, the film, the address."""

import itertools
from collections.abc import Iterator

from support.report import Report
from support.waiting import wait_until

from browser.drive import LIMIT_S, Driven, Fingers, Opened

_FOCUSABLE = """() => {
  const kinds = "button, input, select, textarea, a[href], summary, [tabindex='0']";
  const all = [...document.querySelectorAll(kinds)].filter(e => !e.disabled && e.tabIndex >= 0 &&
    e.checkVisibility({visibilityProperty: true}));
  // Of radio buttons of one name, Tab reaches the chosen one.
  const reached = all.filter(e => e.type !== "radio" || e.checked);
  reached.forEach((element, at) => { element.dataset.stop = at; });
  return reached.length;
}"""
_STOP = """() => {
  const element = document.activeElement;
  const style = getComputedStyle(element);
  return [element.dataset.stop ?? "", style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0,
    element.id || element.className || element.localName];
}"""
# Noted by the page itself: whoever asks it now and then misses some.
_WATCH_FILM = """() => {
  window.frames_seen = [];
  window.watched ??= mousetrackd.store.subscribe(({a}, changed) => {
    if (changed.has("a")) frames_seen.push([performance.now(), a.first, a.last]);
  }) ?? true;
}"""
_FRAMES = "frames_seen"
_STOP_FILM = """() => {
  const play = document.querySelector("#play");
  if (play.ariaPressed === "true") play.click();
}"""
_MIDDLE_OF_PICTURE = """() => {
  const canvas = document.querySelector("#view canvas");
  canvas.scrollIntoView({block: "center", behavior: "instant"});
  const box = canvas.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
}"""
_FINGERS_PX = 60
_SETTERS = "patch => mousetrackd.store.set({...initial, theme: 'dark', ...patch})"


def check(one: Opened, report: Report, browser: str) -> None:
    """One after the other, each from the state in which the page opened."""
    for name, checked in {
        "Tab reaches every control, and each shows that it has the focus": _tab,
        "wheel and drag zoom and move the picture": _mouse_in_picture,
        "keys zoom, move and read the picture": _keys_in_picture,
        "H goes to the hottest places, Escape leaves them": _hottest_by_keys,
        "Home, End, Page Up and Down move through the calendar": _keys_in_calendar,
        "Home and End move through the hours": _keys_in_hours,
        "dragging over days picks a range, Shift and a click extend it": _drag_days,
        "dragging over hours picks them": _drag_hours,
        "so it does where what is chosen takes two lines": _drag_hours_beside_two_lines,
        "Shift with an arrow extends a range": _extend_by_keys,
        "dragging over a week of days picks it": _drag_week,
        "the film runs, at the chosen pace, and stops": _film,
        "the film gives its range back at its end": _film_to_its_end,
        "the calendar picks B where that is chosen": _target,
        "what the pointer is on is shown": _reading,
        "the address keeps the view": _address,  # opens the page again
    }.items():
        one.run(_SETTERS, {})
        one.settle()
        with report.expect(f"{browser}: {name}"):
            checked(one)


def _tab(one: Opened) -> None:
    count = one.run(_FOCUSABLE)
    one.run("() => { document.activeElement.blur(); getSelection().removeAllRanges(); scrollTo(0, 0); }")
    one.page.mouse.click(2, 2)
    reached, unmarked = set(), []
    for _ in range(count + 8):
        one.page.keyboard.press("Tab")
        stop, is_marked, name = one.run(_STOP)
        if stop:
            reached.add(int(stop))
            if not is_marked:
                unmarked.append(name)
    missing = one.run(
        "n => [...document.querySelectorAll('[data-stop]')].filter(e => !n.includes(+e.dataset.stop)).map(e => e.id || "
        "e.className || e.outerHTML.slice(0, 80))",
        sorted(reached),
    )
    assert not missing, f"not reached: {missing}"
    assert not unmarked, f"no focus to be seen: {unmarked}"


def _middle(one: Opened, selector: str) -> tuple[float, float]:
    place = one.page.locator(selector).first
    place.scroll_into_view_if_needed()
    box = place.bounding_box()
    assert box is not None, selector
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def _view(one: Driven) -> dict[str, float]:
    view: dict[str, float] = one.state["view"]
    return view


def _mouse_in_picture(one: Opened) -> None:
    x, y = _middle(one, "#view canvas")
    before = one.canvas_png()
    one.page.mouse.click(x, y)
    one.page.mouse.wheel(0, -600)
    wait_until(lambda: _view(one)["zoom"] > 1, "the wheel zooms in", timeout_s=LIMIT_S)
    one.settle()
    zoomed = one.canvas_png()
    assert zoomed != before, "the picture is as before"
    at = _view(one)
    one.page.mouse.move(x, y)
    one.page.mouse.down()
    one.page.mouse.move(x - 60, y - 40, steps=4)
    one.page.mouse.up()
    wait_until(lambda: _view(one)["x"] > at["x"] and _view(one)["y"] > at["y"], "a drag moves it", timeout_s=LIMIT_S)
    one.settle()
    assert one.canvas_png() != zoomed, "the picture is as before"
    one.page.mouse.wheel(0, 3000)
    wait_until(lambda: _view(one)["zoom"] == 1, "the wheel zooms out", timeout_s=LIMIT_S)


def pinch(one: Driven) -> None:
    """Two fingers apart zoom in; moved together they move what is zoomed; closer together they zoom out."""
    x, y = one.run(_MIDDLE_OF_PICTURE)

    def fingers(*apart_px: int, left_px: int = 0) -> Iterator[Fingers]:
        for nth, apart in enumerate(apart_px):
            yield (x - nth * left_px - apart, y), (x - nth * left_px + apart, y)

    before = one.canvas_png()
    one.fingers(*fingers(_FINGERS_PX, _FINGERS_PX * 3 // 2, _FINGERS_PX * 2))
    view = _view(one)
    assert 1.6 < view["zoom"] < 2.5, f"fingers twice as far apart: {view}"
    assert one.canvas_png() != before, "the picture is as before"
    one.fingers(*fingers(*[_FINGERS_PX] * 5, left_px=_FINGERS_PX // 4))
    assert _view(one)["x"] > view["x"], f"fingers to the left: {view}, {_view(one)}"
    one.fingers(*fingers(_FINGERS_PX * 2, _FINGERS_PX, _FINGERS_PX // 2))
    assert _view(one)["zoom"] < view["zoom"] / 1.5, f"fingers closer together: {view}, {_view(one)}"


def _keys_in_picture(one: Opened) -> None:
    one.page.locator("#picture").focus()
    one.press("+", "+")
    assert _view(one)["zoom"] > 1, "+ does not zoom in"
    at, zoomed = _view(one), one.canvas_png()
    one.press("Shift+ArrowRight", "Shift+ArrowDown")
    assert _view(one)["x"] > at["x"], "Shift and an arrow do not move it"
    assert one.canvas_png() != zoomed, "the picture is as before"
    one.press("-")
    assert _view(one)["zoom"] < at["zoom"], "- does not zoom out"
    one.press("0")
    assert _view(one)["zoom"] == 1, "0 does not show all"
    read = [_reading_text(one)]
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft"):
        one.press(key)
        read.append(_reading_text(one))
    assert len(set(read)) > 1, f"arrows read nothing else: {read}"


def _reading_text(one: Opened) -> str:
    return str(one.run("document.querySelector('#reading').textContent"))


def _hottest_by_keys(one: Opened) -> None:
    one.page.locator("#picture").focus()
    read = []
    for _ in range(2):
        one.press("h")
        read.append(_reading_text(one))
    hottest = str(one.run("document.querySelector('#place-1').textContent")).partition(" at ")[0]
    assert hottest in read[0], (hottest, read)
    assert read[0] != read[1], read
    one.press("Escape")
    assert _reading_text(one).endswith("%"), _reading_text(one)


def _focused(one: Opened, name: str) -> int:
    return int(one.run("name => document.activeElement.dataset[name] ?? -1", name))


def _keys_in_calendar(one: Opened) -> None:
    days = sorted(_days(one))
    one.page.locator("[data-day][tabindex='0']").first.focus()
    reached = {}
    for key in ("Home", "End", "Control+End", "PageUp", "PageDown", "Control+Home"):
        one.press(key)
        reached[key] = _focused(one, "day")
    assert (reached["Home"], reached["End"]) == (days[0], days[-1]), (reached, days[0], days[-1])
    assert 24 < reached["Control+End"] - reached["PageUp"] < 35, reached
    assert abs(reached["Control+End"] - reached["PageDown"]) < 4, reached
    assert reached["Control+Home"] == one.run("mousetrackd.archive.totals.day[0]"), reached


def _keys_in_hours(one: Opened) -> None:
    one.page.locator("[data-hour='9']").focus()
    one.press("End")
    assert _focused(one, "hour") == 23
    one.press("Home")
    assert _focused(one, "row") == 0


def _reading(one: Opened) -> None:
    _middle(one, "#view canvas")
    box = one.page.locator("#view canvas").first.bounding_box()
    assert box is not None
    read = set()
    for share in (0.2, 0.35, 0.5, 0.65):
        one.page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] * 0.5)
        one.settle()
        read.add(_reading_text(one))
    assert len(read) > 1, f"always {read}"


def _drag(one: Opened, start: str, end: str) -> None:
    _middle(one, end)  # which scrolls as far as both are seen
    one.page.mouse.move(*_middle(one, start))
    one.page.mouse.down()
    one.page.mouse.move(*_middle(one, end), steps=6)
    one.page.mouse.up()
    one.settle()


def _days(one: Opened) -> list[int]:
    return [int(day) for day in one.run("[...document.querySelectorAll('td[data-day]')].map(e => e.dataset.day)")]


def _drag_days(one: Opened) -> None:
    days = sorted(_days(one))
    first, last = days[-30], days[-12]
    _drag(one, f"[data-day='{first}']", f"[data-day='{last}']")
    assert one.state["a"] == {"first": first, "last": last}, one.state["a"]
    one.page.locator(f"[data-day='{last + 5}']").click(modifiers=["Shift"])
    one.settle()
    assert one.state["a"] == {"first": first, "last": last + 5}, one.state["a"]


def _drag_hours(one: Opened) -> None:
    _drag(one, "[data-hour='33']", "[data-hour='59']")
    chosen = [at for at, flag in enumerate(one.state["week"]) if flag]
    assert chosen == [33, 34, 35, 57, 58, 59], chosen


def _drag_hours_beside_two_lines(one: Opened) -> None:
    """The second line moves nothing from under the pointer."""
    one.page.set_viewport_size({"width": 1000, "height": 1000})
    one.settle()
    try:
        _drag_hours(one)
    finally:
        one.page.set_viewport_size({"width": 1400, "height": 1000})


def _extend_by_keys(one: Opened) -> None:
    one.page.locator("[data-day][tabindex='0']").first.focus()
    one.press("ArrowLeft", "Enter", "Shift+ArrowUp", "Shift+ArrowUp")
    span = one.state["a"]
    assert span["last"] - span["first"] == 2, span


def _drag_week(one: Opened) -> None:
    monday = next(day for day in sorted(_days(one))[-40:] if (day + 3) % 7 == 0)
    _drag(one, f"[data-day='{monday}']", f"[data-day='{monday + 6}']")
    assert one.state["a"] == {"first": monday, "last": monday + 6}, one.state["a"]


def _film(one: Opened) -> None:
    """Frames follow each other, faster at a higher pace, and stop."""
    one.run(_SETTERS, {"a": {"first": _days(one)[0], "last": _days(one)[0] + 80}})
    one.settle()
    apart_ms = {pace: frames_apart_ms(one, pace, frames) for pace, frames in (("1", 3), ("5", 5))}
    assert apart_ms["1"] > 900, f"between frames: {apart_ms}"
    assert apart_ms["5"] < apart_ms["1"], f"between frames: {apart_ms}"
    one.settle()
    one.run(_WATCH_FILM)
    one.run("() => new Promise(done => setTimeout(done, 800))")
    assert not one.run(_FRAMES), "it goes on"


def frames_apart_ms(one: Driven, pace: str, count: int) -> float:
    """The least that is between frames of the film of what is chosen, of which it shows so many."""
    one.run("pace => { document.querySelector('#pace').value = pace; }", pace)
    one.run(_WATCH_FILM)
    one.click("#play")
    wait_until(lambda: len(one.run(_FRAMES)) >= count, f"the film has shown {count} frames", timeout_s=LIMIT_S)
    one.run(_STOP_FILM)
    one.settle()
    times_ms: list[float] = [at_ms for at_ms, *_ in one.run(_FRAMES)]
    return min(later - earlier for earlier, later in itertools.pairwise(times_ms))


def _film_to_its_end(one: Opened) -> None:
    last = sorted(_days(one))[-8]
    range_of_it = {"first": last - 6, "last": last}
    one.run(_SETTERS, {"a": range_of_it})
    one.settle()
    one.page.locator("#pace").select_option("5")
    one.run(_WATCH_FILM)
    one.page.locator("#play").click()
    wait_until(
        lambda: one.run("document.querySelector('#play').ariaPressed") == "false",
        "it stops by itself",
        timeout_s=LIMIT_S,
    )
    one.settle()
    *frames, end = [span for _, *span in one.run(_FRAMES)]
    assert end == [last - 6, last], f"it ends with {end}"
    assert one.state["a"] == range_of_it, one.state["a"]
    days = [first for first, _ in frames]
    assert 2 <= len(days) <= 7, f"frames: {frames}"
    assert days == sorted({*days}), f"frames: {frames}"
    assert all(first == until for first, until in frames), f"frames: {frames}"


def _target(one: Opened) -> None:
    days = sorted(_days(one))
    one.run(_SETTERS, {"a": {"first": days[-20], "last": days[-15]}})
    one.page.locator("#compare").click()
    one.settle()
    for target, key in (("b", "b"), ("a", "a")):
        one.page.locator(f"#target-{target}").click()
        one.page.locator(f"[data-day='{days[-40]}']").click()
        one.settle()
        assert one.state[key] == {"first": days[-40], "last": days[-40]}, f"{target}: {one.state}"


def _address(one: Opened) -> None:
    """What is set is in the address; opened again it is the same; going back to an address sets it."""
    days = sorted(_days(one))
    wanted = {
        "a": {"first": days[-40], "last": days[-20]},
        "b": {"first": days[-80], "last": days[-60]},
        "mode": "difference",
        "layer": "travel",
        "map": "ice_r",
        "scale": "sqrt",
        "share": True,
        "sigma_px": 21,
        "monitors": [0],
        "theme": "light",
    }
    one.run(_SETTERS, wanted)
    one.run("() => mousetrackd.store.set({week: Uint8Array.from({length: 168}, (_, at) => +(at % 24 > 8))})")
    one.page.locator("#picture").press("Escape")  # no mark of the keyboard, nor of the pointer, is in the address
    one.page.mouse.move(1, 1)
    one.run("() => document.activeElement.blur()")
    one.settle()
    picture, state = one.canvas_png(), one.state
    wait_until(lambda: "ice_r" in one.run("location.hash"), "the address has the view", timeout_s=LIMIT_S)
    fragment = one.run("location.hash")
    one.open(fragment)
    differing = {key: (state[key], one.state[key]) for key in state if state[key] != one.state[key]}
    assert not differing, differing
    assert one.canvas_png() == picture, "the picture differs"
    one.open()
    one.run("to => { location.hash = to; }", fragment)
    wait_until(lambda: one.state["map"] == "ice_r", "a change of the address sets the view", timeout_s=LIMIT_S)
    one.settle()
    one.open("#a=nonsense&layer=../../x&map=%3Cb%3E&blur=-5&monitors=99&hours=zz&at=1,2&b=9..1")
    one.run("() => { window.initial = {...mousetrackd.store.get()}; }")
    assert one.state["layer"] == "dwell", one.state
