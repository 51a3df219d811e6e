"""That the page's sums are those of ``mousetrackd stats --json`` for the same question."""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from support.report import Report

from browser import person
from browser.drive import CHROMIUM, Opened
from browser.setting import PERSON, YEAR, Setting, complaints

EPOCH = date(1970, 1, 1)
_LAYERS: dict[str, Callable[[Any], int]] = {
    "dwell": lambda total: total["active_ms"],
    "clicks.left": lambda total: total["clicks"]["left"],
    "clicks.middle": lambda total: total["clicks"]["middle"],
    "clicks.right": lambda total: total["clicks"]["right"],
    "clicks.other": lambda total: total["clicks"]["other"],
    "scroll": lambda total: total["scroll"],
}
_ASK = """async ([span, week, names, monitors]) => {
  const {archive} = mousetrackd;
  const layers = archive.meta.layers.map(layer => layer.name);
  const out = {};
  for (const name of names) {
    const grids = await archive.sum({span, week: Uint8Array.from(week), layers: [layers.indexOf(name)], monitors,
      application: 0}, () => false);
    const added = values => values.reduce((a, b) => a + b, 0);
    out[name] = grids.map(grid => ({total: grid.total, values: added(grid.values), note: grid.inexact}));
  }
  return out;
}"""
_SUMS_ONLY = "only sums are known"
# How much more or less is in the last four weeks that have a Monday and a Sunday in the page than in the four before.
_WHOLE_WEEKS = """() => {
  const {archive: {totals}} = mousetrackd;
  const last = totals.day.reduce((most, day) => Math.max(most, day), 0);
  const sunday = last - (last + 4) % 7;
  const sum = [0, 0];
  totals.day.forEach((day, at) => {
    const ago = Math.floor((sunday - day) / 28);
    if (day <= sunday && ago < 2 && totals.layer[at] === 0 && totals.days[at] === 1) sum[ago] += totals.total[at];
  });
  const percent = Math.round(Math.abs(sum[0] / sum[1] - 1) * 100);
  return `Last four whole weeks: ${percent ? `${percent}% ${sum[0] > sum[1] ? "more" : "less"}` : "the same"}`;
}"""
_MONITORS = "mousetrackd.archive.meta.monitors.map(monitor => monitor.name)"
_ALL_HOURS = [1] * 168
_HOURS_DAYS = 365
"""Of so many days, at least, a page holds each hour: of those before the month a year ago, sums alone."""


@dataclass(frozen=True)
class Question:
    """A question as the page is asked it, and as ``stats`` is."""

    name: str
    first: date
    last: date
    week: tuple[int, ...] = tuple(_ALL_HOURS)
    words: tuple[str, ...] = ()

    @property
    def span(self) -> dict[str, int]:
        """In days since 1970."""
        return {"first": (self.first - EPOCH).days, "last": (self.last - EPOCH).days}

    @property
    def as_words(self) -> list[str]:
        """For the command line."""
        return ["--since", f"{self.first}", "--until", f"{self.last}", *self.words]


def week_of(weekdays: range, hours: range) -> tuple[int, ...]:
    """The flags of these weekdays, Monday 0, and hours."""
    return tuple(int(at // 24 in weekdays and at % 24 in hours) for at in range(168))


def today() -> date:
    """The day on which the check began, where the made-up people live."""
    return person.now().date()


def monday(ago: int) -> date:
    """Of the week that was so many days ago: a day on which something is counted."""
    day = today() - timedelta(days=ago)
    return day - timedelta(days=day.weekday())


def questions(year: bool) -> Iterator[Question]:
    """A day, weeks, months, and parts of weeks."""
    now = today()
    yield Question("the last 14 days", now - timedelta(days=14), now)
    yield Question(
        "two weeks, 9 to 12", now - timedelta(days=14), now, week_of(range(7), range(9, 12)), ("--hours", "9-12")
    )
    if not year:
        return
    for ago in (3, 40, 200):
        day = monday(ago)
        yield Question(f"the Monday {ago} days ago or before", day, day)
    first = (now.replace(day=1) - timedelta(days=100)).replace(day=1)
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    yield Question("a whole month", first, last)
    yield Question("parts of two months", first + timedelta(days=9), last + timedelta(days=5))
    half = now - timedelta(days=180)
    tuesdays = week_of(range(1, 2), range(9, 17))
    yield Question("Tuesdays 9-17 of half a year", half, now, tuesdays, ("--weekdays", "tue", "--hours", "9-17"))
    weekend = week_of(range(5, 7), range(24))
    yield Question("weekends of half a year", half, now, weekend, ("--weekdays", "sat,sun"))
    for ago in range(_HOURS_DAYS):
        if person.changes_clocks(day := now - timedelta(days=ago + 1)):
            night = week_of(range(7), range(2, 3))
            yield Question(f"the day the clocks changed, {day}", day, day)
            yield Question(f"from 2 to 3 of that night, {day}", day, day, night, ("--hours", "2-3"))
    begun = (now - timedelta(days=person.YEAR_DAYS)).replace(day=1)
    yield Question("all time", begun, now)


def check(setting: Setting, report: Report) -> None:
    """Every layer, several ranges, hours and weekdays, of all monitors and of each."""
    for whose in (PERSON, YEAR):
        home = setting.home(whose)
        for browser in (name for name in setting.browsers if whose == PERSON or name == CHROMIUM):
            with setting.opened(whose, browser) as one:
                names = one.run(_MONITORS)
                for question in questions(whose == YEAR):
                    stats = json.loads(home.run_ok("stats", "--json", *question.as_words))
                    found = _ask(one, question, [*range(len(names))])
                    _compare(report, f"{browser}, {whose}, {question.name}", found, stats["total"])
                if len(names) > 1:
                    for nth, name in enumerate(names):
                        question = next(questions(year=True))
                        stats = json.loads(home.run_ok("stats", "--json", "--monitor", name, *question.as_words))
                        _compare(report, f"{browser}, {whose}, {name}", _ask(one, question, [nth]), stats["total"])
                if whose == YEAR:
                    note = one.run("document.querySelector('#note').textContent")
                    report.check(f"{browser}: that some is known as sums only is said", _SUMS_ONLY in note, note)
                    trend = one.run("[...document.querySelectorAll('figure strong')].at(-1).textContent")
                    weeks = one.run(_WHOLE_WEEKS)
                    report.check(f"{browser}: the trend is of whole weeks", trend.startswith(weeks), (trend, weeks))
                report.check(f"{browser}, {whose}: it logged nothing", not complaints(one), details=complaints(one))


def _ask(one: Opened, question: Question, monitors: list[int]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = one.run(
        _ASK, [question.span, list(question.week), list(_LAYERS), monitors]
    )
    return found


def _compare(report: Report, what: str, found: dict[str, list[dict[str, Any]]], total: dict[str, Any]) -> None:
    wrong = []
    for layer, value in _LAYERS.items():
        expected = value(total)
        shown = sum(grid["total"] for grid in found[layer])
        drawn = sum(grid["values"] for grid in found[layer])
        notes = {grid["note"] for grid in found[layer]}
        if shown != expected or not math.isclose(drawn, expected, rel_tol=1e-9) or notes != {""}:
            wrong.append(f"{layer}: stats {expected}, the page {shown}, its picture {drawn} {notes}")
    report.check(f"{what}: sums are those of stats", not wrong, details=wrong)
