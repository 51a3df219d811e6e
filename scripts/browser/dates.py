"""That ranges like "this week" are right on any day and at any hour, in a page that was opened long before too."""

from datetime import date, datetime, timedelta

from support.report import Report

from browser.drive import Opened, opened
from browser.person import ZONE
from browser.setting import PERSON, Setting, complaints
from browser.sums import EPOCH

_SETTABLE_CLOCK = """
{
  const Clock = Date;
  window.setClock = now_ms => {
    window.Date = class extends Clock {
      constructor(...parts) { super(...(parts.length ? parts : [now_ms])); }
      static now() { return now_ms; }
    };
  };
}
"""
_NO_COUNTS = "none of what was asked for"
_PICK_EACH = """now_ms => {
  setClock(now_ms);
  const found = {};
  for (const button of document.querySelectorAll("#quick button")) {
    button.click();
    const {a} = mousetrackd.store.get();
    found[button.id] = [a.first, a.last, button.ariaPressed];
  }
  return found;
}"""
# By the clock on the wall in Berlin, whose days are asked for.
_MOMENTS = {
    "midnight": "2026-11-27T00:00:00+01:00",
    "the last second of a day": "2026-11-27T23:59:59+01:00",
    "a Sunday": "2026-11-29T12:00:00+01:00",
    "a Monday at midnight": "2026-11-30T00:00:00+01:00",
    "the first of a month": "2026-12-01T00:30:00+01:00",
    "the end of a year": "2026-12-31T23:59:59+01:00",
    "New Year": "2027-01-01T00:00:00+01:00",
    "the end of a January": "2027-01-31T12:00:00+01:00",
    "a leap day": "2028-02-29T12:00:00+01:00",
    "the clocks about to go forward": "2026-03-29T01:59:59+01:00",
    "the clocks gone forward": "2026-03-29T03:00:00+02:00",
    "the clocks gone back": "2026-10-25T02:30:00+01:00",
    "the end of a day of 25 hours": "2026-10-25T23:59:59+01:00",
}


def check(setting: Setting, report: Report) -> None:
    """Each moment of the table in one page that stays open; the store's own days do not matter."""
    for browser in setting.browsers:
        with setting.opened(PERSON, browser, script=_SETTABLE_CLOCK, timezone_id=ZONE) as one:
            for name, moment in _MOMENTS.items():
                wrong = _wrong_at(one, datetime.fromisoformat(moment))
                report.check(f"{browser}: ranges at {name}, {moment}", not wrong, details=wrong)
            one.settle()
            report.check(f"{browser}: it logged nothing", not complaints(one), details=complaints(one))
        _nothing_asked_for(setting, report, browser)


def _nothing_asked_for(setting: Setting, report: Report, browser: str) -> None:
    """A page of a time in which nothing was counted, of a store that has counts."""
    file = setting.folder / f"{browser}-empty.html"
    setting.home(PERSON).run_ok("page", file, "--since", "2001-01-01", "--until", "2001-01-31")
    with opened(setting.browser(browser), file) as one:
        note = one.run("document.querySelector('#note').textContent")
        report.check(f"{browser}: a page without counts says so, and not that there are none", _NO_COUNTS in note, note)
        report.check(f"{browser}: without counts it logged nothing", not complaints(one), details=complaints(one))


def _wrong_at(one: Opened, moment: datetime) -> list[str]:
    found: dict[str, tuple[int, int, str]] = one.run(_PICK_EACH, moment.timestamp() * 1000)
    expected = _ranges(moment.date())
    missing = [f"there is no button {button}" for button in expected if button not in found]
    return missing + [
        f"{button}: {EPOCH + timedelta(days=first)} to {EPOCH + timedelta(days=last)}, pressed {pressed}"
        for button, (first, last, pressed) in found.items()
        if pressed != "true"
        or (button in expected and [(day - EPOCH).days for day in expected[button]] != [first, last])
    ]


def _ranges(today: date) -> dict[str, tuple[date, date]]:
    """First and last day of what each button is named after."""
    monday = today - timedelta(days=today.weekday())
    this_month = today.replace(day=1)
    next_month = (this_month + timedelta(days=31)).replace(day=1)
    last_month = (this_month - timedelta(days=1)).replace(day=1)
    a_year_ago = next_month.replace(year=next_month.year - 1)
    one = timedelta(days=1)
    return {
        "quick-today": (today, today),
        "quick-yesterday": (today - one, today - one),
        "quick-this-week": (monday, monday + 6 * one),
        "quick-last-week": (monday - 7 * one, monday - one),
        "quick-this-month": (this_month, next_month - one),
        "quick-last-month": (last_month, this_month - one),
        "quick-12-months": (a_year_ago, next_month - one),
    }
