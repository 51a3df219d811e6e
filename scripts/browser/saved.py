"""What leaves the page: CSV and PNG files, and nothing of what was forgotten."""

import csv
import io
import json
import shutil
from pathlib import Path

import cv2
from support.report import Report
from support.waiting import wait_until

from browser import person
from browser.drive import LIMIT_S, Opened, opened
from browser.person import TWO
from browser.setting import PERSON, YEAR, Setting, complaints
from browser.sums import EPOCH, today

_COUNTED_ON = """day => {
  const {day: days, total} = mousetrackd.archive.totals;
  return total.reduce((sum, one, at) => sum + (days[at] === day ? one : 0), 0);
}"""
# What is written on canvases, and whether it had to be squeezed to fit.
_NOTE_WRITING = """
window.written = [];
const fillText = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, x, y, most) {
  const space = most ?? (this.textAlign === "right" ? x : this.canvas.width - x);
  written.push([text, this.measureText(text).width > space + 1]);
  return most === undefined ? fillText.call(this, text, x, y) : fillText.call(this, text, x, y, most);
};
"""


def check(setting: Setting, report: Report) -> None:
    """The files in each browser; then a page of a store from which a day was deleted."""
    for browser in setting.browsers:
        with setting.opened(YEAR, browser, script=_NOTE_WRITING) as one:
            saver = _Saver(setting, one)
            one.page.locator("#quick-all").click()
            one.settle()
            with report.expect(f"{browser}: the CSV of days has the sums of stats, whole months too"):
                _days(setting, saver)
            for name, columns in (("hours", 25), ("weekdays", 5), ("weeks", 5), ("places", 4)):
                with report.expect(f"{browser}: the CSV of {name} is a table"):
                    rows = _rows(saver.save(f"#{name}-csv"))
                    assert len(rows) > 1, rows
                    assert {len(row) for row in rows} == {columns}, rows[:3]
            with report.expect(f"{browser}: the picture is a PNG with its legend"):
                image = cv2.imread(str(saver.save("#save-picture")))
                assert image is not None
                height, width = image.shape[:2]
                assert height / width > 1080 / 3200, f"{width} x {height} has no place for a legend"
            with report.expect(f"{browser}: the card is a PNG"):
                one.page.locator("#card > summary").click()
                image = cv2.imread(str(saver.save("#card-save")))
                assert image is not None
                assert image.std() > 5, "it is empty"
            with report.expect(f"{browser}: with the picture it names no monitor, and says where it is of a part only"):
                _card(one)
            with report.expect(f"{browser}: nothing is squeezed in the picture of two ranges"):
                one.page.locator("#quick-last-month").click()
                one.page.locator("#compare").click()
                one.settle()
                one.run("() => { written = []; }")
                saver.save("#save-picture")
                squeezed = [text for text, is_squeezed in one.run("written") if is_squeezed]
                assert not squeezed, squeezed
            report.check(f"{browser}: it logged nothing", not complaints(one), details=complaints(one))
    with report.expect("what was forgotten is not in the page any more"):
        _forget(setting, setting.browsers[0])


def _card(one: Opened) -> None:
    one.run("() => { written = []; }")
    one.page.locator("#card-picture").click()
    wait_until(lambda: "mousetrackd" in _texts(one), "the card is drawn", timeout_s=LIMIT_S)
    names = [monitor.output for monitor in TWO.monitors]
    assert not [text for text in _texts(one).splitlines() if text in names], _texts(one)
    assert "only a part of it" not in _texts(one)
    one.page.locator("#work-hours").click()
    wait_until(lambda: "only a part of it" in _texts(one), "the card is of some hours", timeout_s=LIMIT_S)
    one.page.locator("#all-hours").click()
    one.settle()


def _texts(one: Opened) -> str:
    """What was written on the card so far; names of monitors are in the view as well, which is not drawn meanwhile."""
    return "\n".join(text for text, _ in one.run("written"))


class _Saver:
    """Clicks, and returns the file that comes."""

    def __init__(self, setting: Setting, one: Opened) -> None:
        self._folder = setting.downloads
        self._one = one

    def _all(self) -> list[Path]:
        found = [*(Path(each.path()) for each in self._one.downloads), *self._folder.iterdir()]
        return [path for path in found if path.suffix != ".part" and path.stat().st_size]

    def save(self, selector: str) -> Path:
        known = {*self._all()}
        self._one.page.locator(selector).first.click()

        def arrived() -> set[Path]:
            self._one.settle()
            return {*self._all()} - known

        return wait_until(arrived, f"{selector} saves a file", timeout_s=LIMIT_S).pop()


def _rows(path: Path) -> list[list[str]]:
    return [*csv.reader(io.StringIO(path.read_text("utf-8-sig")))]


def _days(setting: Setting, saver: _Saver) -> None:
    header, *rows = _rows(saver.save("#per-day-csv"))
    sums = {name: sum(float(row[at]) for row in rows) for at, name in enumerate(header) if at}
    stats = json.loads(setting.home(YEAR).run_ok("stats", "--json"))["total"]
    assert sums["active_ms"] == stats["active_ms"], (sums, stats)
    assert sums["clicks"] == sum(stats["clicks"].values()), (sums, stats)
    assert sums["scroll_steps"] == stats["scroll"], (sums, stats)
    assert any("/" in row[0] for row in rows), "no month is kept as a whole"
    assert abs(sums["distance_px"] - stats["distance_px"]) < 2 + len(rows) / 100, (sums, stats)


def _forget(setting: Setting, browser: str) -> None:
    """The page beside latest.png, opened before and after."""
    home = person.home_in(setting.folder / "forgetful")
    shutil.copy(person.store_of(setting.home(PERSON)), person.store_of(home))
    home.run_ok("page")
    (file,) = home.paths.data_dir.rglob("history.html")
    before = file.read_bytes()
    days = sorted(json.loads(home.run_ok("stats", "--json"))["days"])
    day = (today().fromisoformat(days[1]) - EPOCH).days
    with opened(setting.browser(browser), file) as one:
        assert one.run(_COUNTED_ON, day) > 0
    home.run_ok("forget", "--since", days[1], "--until", days[1], "--yes")
    if not file.exists():
        home.run_ok("page")
    assert file.read_bytes() != before
    with opened(setting.browser(browser), file) as one:
        assert one.run(_COUNTED_ON, day) == 0
        assert not complaints(one), complaints(one)
