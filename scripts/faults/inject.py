"""A disk that refuses: full, broken or read-only, at each call of a writer, once and from then on."""

import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC
from functools import partial
from pathlib import Path

from support.report import Report

from faults.child import Say, run_traced
from faults.writing import commit, look, make_older, open_or_rescue, save_or_keep_aside, write_some
from mousetrackd.storage.store import Store

_CALLS = ("pwrite64", "write", "fsync", "fdatasync", "rename", "openat")
_FAULTS = {"ENOSPC": "disk full", "EIO": "disk broken", "EROFS": "disk read-only"}
_BEGUN, _MORE = 6, 3


def main(report: Report) -> None:
    """Each call of a writer that goes on with a store, and of one that makes it."""
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        base = Path(name)
        template = base / "template"
        template.mkdir()
        with Store.open(template / "heat.sqlite3", zone=UTC) as store:
            for number in range(1, _BEGUN + 1):
                commit(store, number)
        older = base / "older"
        older.mkdir()
        make_older(older / "heat.sqlite3", _BEGUN)
        for what, begun in (
            ("a store that was there", template),
            ("a store of an older version", older),
            ("a new store", None),
        ):
            for fault in _FAULTS:
                _each(report, base, what, begun, fault, write_some)
        for fault in _FAULTS:
            _each(report, base, "a last save, kept aside where it fails", template, fault, save_or_keep_aside)


def _each(
    report: Report,
    base: Path,
    what: str,
    template: Path | None,
    fault: str,
    write: Callable[[Path, int, int, Say], None],
) -> None:
    folder, log = base / "call", base / "strace.log"
    known = set(range(1, _BEGUN + 1)) if template else set()
    injected = reported = 0
    wrong: list[str] = []
    for call in _CALLS:
        for lasting in ("", "+"):
            nth = 1
            while True:
                if folder.exists():
                    shutil.rmtree(folder)
                if template is None:
                    folder.mkdir()
                else:
                    shutil.copytree(template, folder)
                work = partial(write, folder, _BEGUN + 1, _MORE)
                child, was_injected = run_traced(work, f"{call}:error={fault}:when={nth}{lasting}", log)
                if not was_injected:
                    break
                injected += 1
                where = f"{fault} at {call} {nth}{lasting}"
                refused = [line for line in child.lines if line.startswith("E ")]
                reported += bool(refused)
                wrong += [f"{where}: {line}" for line in child.lines if line.startswith("X ")]
                wrong += [f"{where}: no advice in {line}" for line in refused if line.endswith(" ''")]
                done = set(child.numbers("C"))
                if write is save_or_keep_aside:
                    open_or_rescue(folder / "heat.sqlite3")
                _, problems = look(folder / "heat.sqlite3", known | done, _MORE - len(done))
                wrong += [f"{where}: {problem}" for problem in problems]
                nth += 1
    report.check(
        f"{fault} ({_FAULTS[fault]}) at each write, sync, rename and open on {what}, once and from"
        f" then on: {injected} faults, {reported} of them reported in a sentence,"
        f" {'nothing acknowledged lost' if not wrong else 'not all is right'}",
        not wrong and injected > 10,
        details=wrong,
    )
