"""The public names: listed once, held stable, loaded when they are used, and nothing around the caller changed."""

import dataclasses
import doctest
import importlib
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, assert_type

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import mousetrackd
from mousetrackd import Picture
from mousetrackd.core.accumulator import Tally
from mousetrackd.core.counts import Counts
from mousetrackd.core.monitors import Monitor
from mousetrackd.core.series import Series
from mousetrackd.picture.look import Look
from mousetrackd.storage.store import Store

SIGNATURES = {
    "heatmap": [
        *("data", "size=None", "unit=None", "sigma='auto'", "scale='log'", "colormap='ember'", "max=None"),
        *("percentile=99.9", "background=None", "over=None", "legend=True", "title=None", "edges='true'"),
        *("opacity=0.7", "out_size=None"),
    ],
    "counts": [
        *("layer='dwell'", "since=None", "until=None", "hours=None", "weekdays=None", "monitor=None"),
        *("application=None", "store=None"),
    ],
    "load": [
        *("file", "size=None", "layer='dwell'", "columns=()", "each_ms=None", "time_unit=None", "transpose=False"),
        "drop_outside=False",
    ],
    "Picture.save": ["self", "out", "format=None"],
    "Picture.image": ["self"],
}
"""What programs out there rely on: a name or a default that changes here is a breaking change."""


def test_the_public_names_are_these_and_stay_these() -> None:
    names = {"MousetrackError", "MousetrackWarning", "Picture", "__version__", "counts", "heatmap", "load"}
    assert set(mousetrackd.__all__) == names
    assert dir(mousetrackd) == sorted(names)
    assert all(hasattr(mousetrackd, name) for name in names)
    public = {name for name in vars(Picture) if not name.startswith("_") or name in {"__array__", "_repr_png_"}}
    assert public == {"facts", "size", "image", "save", "__array__", "_repr_png_"}
    with pytest.raises(AttributeError, match="has no attribute 'heatmaps'"):
        _ = mousetrackd.heatmaps  # type: ignore[attr-defined]  # it is not there


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_signature_stays_what_it_is(name: str) -> None:
    found: Any = mousetrackd
    for part in name.split("."):
        found = getattr(found, part)
    parameters = inspect.signature(found).parameters.values()
    assert [str(one.replace(annotation=inspect.Parameter.empty)) for one in parameters] == SIGNATURES[name]


@pytest.mark.parametrize("module", ["mousetrackd", "mousetrackd.api.drawing", "mousetrackd.api.arrays"])
def test_the_examples_in_the_docstrings_are_true(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    failed, tried = doctest.testmod(importlib.import_module(module))
    assert (failed, tried > 0) == (0, True)


def test_types_are_those_of_a_strict_program() -> None:
    """mypy reads this as any program of a user's; it runs as well."""
    picture = mousetrackd.heatmap({(1, 2): 3}, (320, 200), sigma=4, colormap=["#000000", "#ffffff"])
    assert_type(picture, mousetrackd.Picture)
    assert_type(picture.image(), Image.Image)
    assert_type(picture.size, tuple[int, int])
    array: NDArray[Any] = np.asarray(picture)
    assert array.shape == (*reversed(picture.size), 3)
    assert_type(mousetrackd.__version__, str)
    with pytest.raises(mousetrackd.MousetrackError) as raised:
        assert_type(mousetrackd.load("nowhere.csv"), dict[str, NDArray[np.int64]])
    assert_type(raised.value.message, str)
    with pytest.raises(mousetrackd.MousetrackError):
        assert_type(mousetrackd.counts(store="nowhere.sqlite3"), dict[str, NDArray[np.int64]])
    assert issubclass(mousetrackd.MousetrackWarning, UserWarning)


# What a program's process is like before and after ----------------------------------------------------------------

REPORT = """
import json, logging, os, signal, sys, threading
def mask():
    now = os.umask(0o22)
    os.umask(now)
    return now
def files():
    found = [os.path.join(at, name) for at, dirs, files in os.walk(os.environ["HOME"]) for name in dirs + files]
    return sorted(name for name in found if not name.endswith(("-shm", "-wal")))  # which SQLite needs to read
def around():
    return {
        "umask": mask(),
        "folder": os.getcwd(),
        "environment": dict(os.environ),
        "signals": {int(n): str(signal.getsignal(n)) for n in signal.valid_signals() if n not in (9, 19)},
        "handlers": [str(h) for h in logging.getLogger().handlers],
        "level": logging.getLogger().level,
        "excepthook": str(sys.excepthook),
        "threads": threading.active_count(),
        "files": files(),
    }
def loaded():
    return sorted({name.partition(".")[0] for name in sys.modules})
"""

USE = """
before = around()
import mousetrackd
after_import = loaded()
picture = mousetrackd.heatmap({(640, 480): 3, (700, 500): 9.5})
picture.image(), picture._repr_png_()
found = [int(array.sum()) for array in (*mousetrackd.counts().values(), *mousetrackd.load("dots.csv", (9, 9)).values())]
errors = []
for call in (
    lambda: mousetrackd.counts(store="nowhere/heat.sqlite3"),
    lambda: mousetrackd.load("nowhere.csv"),
    lambda: mousetrackd.heatmap(None),
):
    try:
        call()
    except mousetrackd.MousetrackError as error:
        errors.append(str(error))
print(json.dumps({"before": before, "after": around(), "loaded": after_import, "errors": errors, "found": found}))
"""


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a fresh interpreter says before and after it used every call, in a folder with a store and a file."""
    home = tmp_path_factory.mktemp("user")
    data = home / ".local" / "share" / "mousetrackd"
    data.mkdir(mode=0o700, parents=True)
    screen = Monitor("DP-1", 4, 4)
    with Store.open(data / "heat.sqlite3") as store:
        store.commit(Tally({Series(screen, "dwell"): Counts.from_dense(np.eye(4, dtype=np.int64))}), 10**9, 10**9 + 60)
    (home / "dots.csv").write_text("x,y,count\n1,2,3\n")
    return in_a_fresh_interpreter(home, USE)


def in_a_fresh_interpreter(folder: Path, code: str) -> dict[str, Any]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "QT_", "LD_"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", REPORT + code],
        env={**environment, "HOME": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    "what", ["umask", "folder", "environment", "signals", "handlers", "level", "excepthook", "threads", "files"]
)
def test_nothing_around_the_caller_is_changed(used: dict[str, Any], what: str) -> None:
    assert used["after"][what] == used["before"][what]


def test_every_call_did_its_work(used: dict[str, Any]) -> None:
    assert used["found"] == [4, 3]
    assert len(used["after"]["files"]) >= 2


def test_an_error_is_raised_and_never_an_exit(used: dict[str, Any]) -> None:
    counts, load, heatmap = used["errors"]
    assert "there is no nowhere/heat.sqlite3" in counts
    assert "nowhere.csv" in load
    assert "expected numbers, got None" in heatmap


def test_the_import_loads_nothing(used: dict[str, Any]) -> None:
    assert "mousetrackd" in used["loaded"]
    assert {"numpy", "cv2", "PIL", "sqlite3", "pynput", "click"} & set(used["loaded"]) == set()
    code = (
        "before = set(sys.modules)\nimport mousetrackd\nprint(json.dumps({'new': sorted(set(sys.modules) - before)}))"
    )
    assert in_a_fresh_interpreter(Path.cwd(), code)["new"] == ["mousetrackd"]


def test_an_error_costs_no_numpy(tmp_path: Path) -> None:
    use = "import mousetrackd\nmousetrackd.MousetrackError, mousetrackd.MousetrackWarning\n"
    code = use + "print(json.dumps({'now': loaded()}))"
    assert "numpy" not in in_a_fresh_interpreter(tmp_path, code)["now"]


def test_opencv_keeps_the_number_of_threads_the_caller_chose(tmp_path: Path) -> None:
    code = """
import cv2
cv2.setNumThreads(3)
cv2.setUseOptimized(True)
import mousetrackd
mousetrackd.heatmap({(640, 480): 3})
print(json.dumps({"threads": cv2.getNumThreads(), "optimized": cv2.useOptimized()}))
"""
    assert in_a_fresh_interpreter(tmp_path, code) == {"threads": 3, "optimized": True}


def test_whatever_a_look_has_can_be_chosen_from_python() -> None:
    chosen = set(inspect.signature(mousetrackd.heatmap).parameters)
    assert {field.name for field in dataclasses.fields(Look)} - {"layer"} <= chosen
