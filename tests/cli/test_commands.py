"""The commands as a user types them, without a daemon: what they print, write and return."""

import json
import os
import shutil
import stat
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.program import Home, decodes, read_csv

pytest_plugins = ("support.fixtures",)

PAIRS = {"(3, 4)": 7, "(0, 0)": 1, "(19, 9)": 2**40}
CELLS = {(3, 4): 7, (0, 0): 1, (19, 9): 2**40}


@pytest.fixture(scope="module")
def counted_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders of a user who has some counts, on a screen of 20x10."""
    home = Home(tmp_path_factory.mktemp("counted"))
    file = home.folder / "pairs.json"
    file.write_text(json.dumps(PAIRS))
    home.run_ok("import", file, "--size", "20x10", "--monitor", "DP-1")
    return home.folder


@pytest.fixture
def counted(home: Home, counted_once: Path) -> Home:
    """Such a user, for this test alone."""
    shutil.copytree(counted_once, home.folder, dirs_exist_ok=True)
    return home


# Good days ----------------------------------------------------------------------------------------------


def test_without_anything_the_commands_say_so_and_how_to_begin(home: Home) -> None:
    codes = {"status": 3, "stop": 3, "snapshot": 3, "latest": 1, "pause": 3, "resume": 3, "stats": 1}
    for command, code in codes.items():
        result = home.run(command)
        assert result.code == code, command
        assert "Traceback" not in result.err
        assert len((result.out + result.err).splitlines()) in (1, 2), command


def test_latest_prints_the_path_and_nothing_else(home: Home) -> None:
    home.paths.snapshots.mkdir(parents=True)
    home.paths.latest.write_bytes(b"")
    result = home.run("latest")
    assert (result.code, result.out, result.err) == (0, f"{home.paths.latest}\n", "")


def test_pairs_as_anyone_has_them_are_imported_exactly(counted: Home) -> None:
    assert counted.screens("dwell") == {"DP-1": CELLS}


@pytest.mark.parametrize("ending", ["csv", "json", "npz"])
def test_what_is_exported_is_imported_the_same(
    counted: Home, tmp_path_factory: pytest.TempPathFactory, ending: str
) -> None:
    file = counted.folder / f"dwell.{ending}"
    counted.run_ok("export", file)
    other = Home(tmp_path_factory.mktemp("other"))
    assert "imported" in other.run_ok("import", file)
    assert other.screens("dwell") == counted.screens("dwell") == {"DP-1": CELLS}
    again = other.folder / f"again.{ending}"
    other.run_ok("export", again)
    if ending != "npz":  # whose zip tells the time of day
        assert again.read_bytes() == file.read_bytes()


def test_export_to_standard_output_is_csv(counted: Home) -> None:
    counted.run_ok("export", "a.csv")
    result = counted.run("export", "-")
    assert (result.code, result.out, result.err) == (0, (counted.folder / "a.csv").read_text(), "")


def test_a_wide_export_has_a_column_for_each_layer_and_comes_back_layer_by_layer(counted: Home) -> None:
    counted.run_ok("import", counted.folder / "pairs.json", "--layer", "scroll", "--size", "20x10", "--monitor", "DP-1")
    out = counted.folder / "wide.csv"
    counted.run_ok("export", out, "--wide")
    assert out.read_text().startswith(
        "monitor,x,y,dwell,travel,clicks.left,clicks.middle,clicks.right,clicks.other,scroll\n"
    )
    counted.run_ok("import", out, "--layer", "travel")
    assert counted.screens("travel") == {}
    counted.run_ok("import", out, "--layer", "scroll")
    assert counted.screens("scroll") == {"DP-1": Counter(CELLS) + Counter(CELLS)}


def test_times_of_a_file_are_imported_into_their_hours(home: Home) -> None:
    file = home.folder / "log.csv"
    file.write_text("when,x,y\n2026-01-01 10:59:59,1,1\n2026-01-01 11:00:00,2,2\n2026-01-01 11:00:01,3,3\n")
    assert "in 2 hours" in home.run_ok("import", file, "--size", "20x10")
    assert home.cells("dwell", "--since", "2026-01-01 11:00", "--until", "2026-01-01 12:00") == {(2, 2): 1000}
    assert home.cells("dwell") == {(1, 1): 1000, (2, 2): 1000}


def test_a_film_of_imported_hours_calls_no_step_of_them_empty_and_draws_no_bar_off_a_terminal(home: Home) -> None:
    file = home.folder / "log.csv"
    moments = (f"2026-01-01 {hour}:{minute:02},{hour},1\n" for hour in (10, 11) for minute in range(60))
    file.write_text("".join(["when,x,y\n", *moments]))
    home.run_ok("import", file, "--size", "20x10")
    film = home.run("timelapse", home.folder / "log.gif", "--step", "15m", "--width", "64")
    assert (film.code, film.out) == (0, f"{home.folder / 'log.gif'}\n")
    assert film.err_lines == [
        "some counts are kept by the hour, longer than a step: each is in the frame in which it begins"
    ]


def test_a_file_that_names_its_layer_is_not_imported_into_another(counted: Home) -> None:
    file = counted.folder / "scroll.json"
    file.write_text('{"monitor": "A@4x4", "layer": "scroll", "unit": "steps", "counts": {"1,1": 5}}')
    counted.run_ok("import", file)
    assert counted.cells("scroll") == {(1, 1): 5}
    refused(counted, ["import", file, "--layer", "dwell"], 2, "has counts of scroll, and --layer says dwell")


def test_numbers_of_another_unit_are_not_added_to_time(counted: Home) -> None:
    pairs = counted.folder / "pairs.json"
    words: list[str | Path] = ["import", pairs, "--size", "20x10", "--unit", "visits", "--monitor"]
    refused(counted, [*words, "DP-1"], 2, "visits cannot be added")
    counted.run_ok(*words, "web")
    out = counted.folder / "web.json"
    assert counted.run("export", out, "--monitor", "web").err == "dwell of web@20x10 is in visits\n"
    assert json.loads(out.read_text())["unit"] == "visits"
    assert "ms cannot be added" in counted.run("import", out, "--unit", "ms").err
    counted.run_ok("import", out)


def test_an_npy_array_is_a_screen_of_its_shape(home: Home) -> None:
    array = np.zeros((10, 20), np.float64)
    array[4, 3] = 7
    np.save(home.folder / "a.npy", array)
    home.run_ok("import", home.folder / "a.npy", "--layer", "travel")
    assert home.screens("travel") == {"imported": {(3, 4): 7}}
    assert home.screens("dwell") == {}


def test_importing_twice_adds_up(counted: Home) -> None:
    counted.run_ok("import", counted.folder / "pairs.json", "--size", "20x10", "--monitor", "DP-1")
    assert counted.screens("dwell") == {"DP-1": Counter(CELLS) + Counter(CELLS)}


@pytest.mark.parametrize("ending", ["csv", "json", "npz"])
def test_an_empty_layer_exports_an_empty_table(counted: Home, ending: str) -> None:
    file = counted.folder / f"scroll.{ending}"
    counted.run_ok("export", file, "--layer", "scroll")
    if ending == "csv":
        assert file.read_text() == "monitor,x,y,count\n"
    elif ending == "json":
        assert json.loads(file.read_text()) == {"layer": "scroll", "unit": "steps", "counts": {}}
    else:
        with np.load(file) as arrays:
            assert arrays.files == []
    # And an empty table can be read again.
    counted.run_ok("import", file)


def test_only_the_range_asked_for_is_exported(home: Home) -> None:
    for day, count in (("2026-01-01", 1), ("2026-01-02", 20), ("2026-01-03", 300)):
        file = home.folder / "one.csv"
        file.write_text(f"x,y,count\n1,1,{count}\n")
        home.run_ok("import", file, "--size", "4x4", "--at", f"{day} 12:00")
    assert home.cells("dwell") == {(1, 1): 321}
    assert home.cells("dwell", "--since", "2026-01-02") == {(1, 1): 320}
    assert home.cells("dwell", "--until", "2026-01-02") == {(1, 1): 21}
    assert home.cells("dwell", "--since", "2026-01-02", "--until", "2026-01-02") == {(1, 1): 20}
    assert home.cells("dwell", "--hours", "13-14") == {}


@pytest.mark.parametrize(
    ("count", "options", "amount"),
    [
        (8_380_570, [], "2 h 19 min of rest into dwell"),
        (40, [], "40 ms of rest into dwell"),
        (1200, ["--layer", "clicks.left"], "1,200 presses into clicks.left"),
        (1, ["--layer", "clicks.left"], "1 press into clicks.left"),
        (1200, ["--unit", "visits"], "1,200 visits into dwell"),
    ],
)
def test_an_import_names_its_amount_with_the_unit(home: Home, count: int, options: list[str], amount: str) -> None:
    file = home.folder / "dots.csv"
    file.write_text(f"x,y,count\n5,6,{count}\n")
    result = home.run("import", file, "--size", "20x10", *options)
    assert result.out == f"imported {amount}, on imported@20x10\n"


def test_anyones_file_is_drawn_without_a_store(home: Home) -> None:
    dots = home.folder / "dots.csv"
    dots.write_text("x;y\n5;6\n5;6\n")
    out = home.folder / "dots.png"
    result = home.run("render", out, "--from", dots, "--unit", "visits", "--no-legend")
    assert (result.code, result.out) == (0, f"{out}\n")
    assert "taken as 1920x1080, in which all its points lie" in result.err
    drawn = cv2.imread(str(out))
    assert drawn is not None
    assert drawn.shape == (1080, 1920, 3)
    assert not home.paths.data_dir.exists()


def test_a_file_from_standard_input_is_drawn_and_imported(home: Home) -> None:
    for words in (["render", "a.png", "--from"], ["import"]):
        assert home.run(*words, "-", "--size", "20x10", stdin="{(3, 4): 5}").code == 0
    assert home.screens("dwell") == {"imported": {(3, 4): 5}}


@pytest.mark.parametrize(
    ("words", "fragment"),
    [
        (["--from", "a.csv", "--since", "today"], "--since selects counts of the store"),
        (["--size", "20x10"], "--size is about a file"),
        (["--from", "a.csv", "--layer", "clicks"], "a file is drawn as one layer"),
        (["--from", "a.csv", "--size", "20"], '"20" is not a size'),
    ],
)
def test_options_of_the_store_and_of_a_file_are_not_mixed(home: Home, words: list[str], fragment: str) -> None:
    refused(home, ["render", "a.png", *words], 2, fragment)


def test_render_draws_a_whole_picture_where_it_was_told_to(counted: Home) -> None:
    out = counted.folder / "a picture.png"
    assert counted.run_ok("render", out, "--sigma", "0", "--no-legend", "--colormap", "jet") == f"{out}\n"
    assert decodes(out)
    picture = cv2.imread(str(out))
    assert picture is not None
    assert picture.shape[:2] == (10, 20)
    counted.run_ok("render", out.with_name("b.png"), "--sigma", "0", "--no-legend", "--layer", "dwell:jet")
    again = cv2.imread(str(out.with_name("b.png")))
    assert again is not None
    assert (again == picture).all(), "--layer dwell:jet"
    # The hottest pixel is red, as jet has it, and an untouched one is the coldest blue.
    assert picture[9, 19, 2] > picture[9, 19, 0]
    assert picture[5, 5, 0] > picture[5, 5, 2]


def test_render_to_standard_output_is_the_same_png(counted: Home) -> None:
    result = counted.shell("{0} render - --layer dwell > piped.png && {0} render named.png --layer dwell")
    assert result.code == 0, result
    assert (counted.folder / "piped.png").read_bytes() == (counted.folder / "named.png").read_bytes()


@pytest.mark.parametrize("ending", [".jpg", ".webp"])
def test_render_chooses_the_kind_of_file_by_its_ending(counted: Home, ending: str) -> None:
    out = counted.folder / f"heat{ending}"
    counted.run_ok("render", out, "--no-legend")
    picture = cv2.imread(str(out))
    assert picture is not None
    assert picture.shape[:2] == (10, 20)


def test_render_of_an_empty_range_is_a_picture_of_the_background(counted: Home) -> None:
    out = counted.folder / "empty.png"
    result = counted.run("render", out, "--until", "2020-01-01", "--no-legend")
    assert result.code == 0
    assert "Nothing was counted in this range" in result.err
    picture = cv2.imread(str(out))
    assert picture is not None
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) == 1


def test_config_default_is_a_configuration_that_changes_nothing(home: Home) -> None:
    before = home.run_ok("config").splitlines()
    home.configure(home.run_ok("config", "--default"))
    after = home.run_ok("config").splitlines()
    assert before[0].startswith("# the defaults")
    assert after[0] == f"# from {home.paths.config_file}"
    assert before[1:] == after[1:]


def test_a_reader_that_has_had_enough_is_no_error(home: Home) -> None:
    assert home.run_ok("config", "--default").count("\n") > 50
    result = home.shell("{} config --default | head -n 1")
    assert result.code == 0
    assert result.err == ""


def test_help_and_version_need_nothing(home: Home) -> None:
    assert home.run_ok("--version").startswith("mousetrackd")
    assert "Usage:" in home.run_ok("-h")
    assert not home.paths.data_dir.exists()


# Bad days -----------------------------------------------------------------------------------------------


def no_change(home: Home) -> Callable[[], None]:
    """What was there before; the function it returns sees that it still is, and that nothing is new."""
    before = {path: path.read_bytes() for path in home.folder.rglob("*") if path.is_file()}

    def see() -> None:
        after = {path: path.read_bytes() for path in home.folder.rglob("*") if path.is_file()}
        may_differ = ("-shm", "-wal", ".log")
        assert {p for p in after if not p.name.endswith(may_differ)} == {
            p for p in before if not p.name.endswith(may_differ)
        }
        assert all(after[path] == content for path, content in before.items())

    return see


def refused(home: Home, words: list[str | Path], code: int, *fragments: str, most_lines: int = 2) -> None:
    """A command that cannot be done says so in a sentence or two, and has done nothing."""
    unchanged = no_change(home)
    result = home.run(*words)
    assert result.code == code, result
    assert result.out == ""
    assert "Traceback" not in result.err
    for fragment in fragments:
        assert fragment in result.err
    assert 1 <= len(result.err_lines) <= most_lines, result.err
    unchanged()


@pytest.mark.parametrize(
    ("words", "fragment"),
    [
        (["export", "a.csv", "--layer", "dwel"], 'there is no layer "dwel"'),
        (["render", "a.png", "--layer", "dwel"], 'there is no layer "dwel"'),
        (["export", "a.csv", "--layer", "counts"], 'there is no layer "counts"'),
        (["render", "a.png", "--layer", "dwell", "--layer", "counts:ice"], 'there is no layer "counts"'),
        (["timelapse", "a.mp4", "--layer", "counts"], 'there is no layer "counts"'),
        (["export", "a.csv", "--monitor", "HDMI-9"], 'there is no monitor "HDMI-9"'),
        (["render", "a.png", "--monitor", "HDMI-9"], 'there is no monitor "HDMI-9"'),
        (["render", "a.png", "--colormap", "embers"], "ember"),
        (["render", "a.png", "--layer", "dwell:clasic"], "did you mean classic?"),
        (["render", "a.png", "--layer", "dwel:classic"], 'there is no layer "dwel"'),
        (["render", "a.png", "--scale", "cubic"], "scale"),
        (["render", "a.png", "--sigma", "-1"], "sigma"),
        (["render", "a.png", "--sigma", "wide"], "sigma"),
        (["render", "a.png", "--sigma", "nan"], "sigma"),
        (["render", "a.png", "--sigma", "26%"], "sigma"),
        (["render", "a.png", "--max", "-2"], "max"),
        (["render", "a.png", "--max", "nan"], "max"),
        (["render", "a.png", "--percentile", "101"], "percentile"),
        (["render", "a.png", "--percentile", "nan"], "percentile"),
        (["render", "a.png", "--background", "mauve"], "background"),
        (["render", "a.bmp"], ".png, .jpg, .jpeg, .webp"),
        (["render", "a.jpg", "--background", "transparent"], "a .jpg cannot be transparent"),
        (["render", "a"], ".png"),
        (["export", "a.xlsx"], ".csv"),
        (["export", "a.csv", "--since", "today", "--until", "2 days ago"], "before it begins"),
        (["export", "a.csv", "--since", "14:00", "--until", "14:00"], "before it begins"),
        (["export", "a.csv", "--since", "tuesdayish"], "tuesdayish"),
        (["export", "a.csv", "--since", "2026-02-30"], "2026-02-30"),
        (["export", "a.csv", "--since", ""], "cannot understand the time"),
        (["export", "a.csv", "--since", "99999 years ago"], "99999 years ago"),
        (["export", "a.csv", "--hours", "25"], "hours"),
        (["export", "a.csv", "--weekdays", "freitag"], "freitag"),
        (["stats", "--since", "noonish"], "noonish"),
        (["timelapse", "a.mp4", "--step", "often"], "often"),
        (["timelapse", "a.mp4", "--fps", "nan"], "nan"),
        (["run", "--allow-root", "--source", "replay:a.csv", "--speed", "nan"], "nan"),
        (["timelapse", "a.avi"], ".mp4"),
        (["import", "pairs.json", "--layer", "dwel", "--size", "20x10"], "dwel"),
        (["import", "pairs.json", "--size", "20"], '"20" is not a size'),
        (["import", "pairs.json", "--size", "0x10"], "0x10"),
        (["import", "pairs.json", "--size", "20x10", "--at", "then"], "then"),
        (["export", "a.csv", "--wide", "--layer", "dwell"], "--wide is of all layers"),
        (["run", "--allow-root", "--source", "pynput", "--time-unit", "ms"], "--time-unit is about a recording"),
        (["run", "--allow-root", "--source", "replay:a.csv", "--columns", "a,b"], '"a,b" names no x and y'),
        (["export", "a.npz", "--wide"], ".npz holds one layer"),
        (["import", "pairs.json", "--size", "20x10", "--each", "fast"], '"fast"'),
        (["import", "pairs.json", "--size", "20x10", "--columns", "a,b"], '"a,b" names no x and y'),
        (["import"], "FILE"),
        (["fly"], "fly"),
        (["status", "--jason"], "--jason"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_arguments_that_cannot_be_meant_are_wrong_usage(counted: Home, words: list[str | Path], fragment: str) -> None:
    refused(counted, words, 2, fragment)


@pytest.mark.parametrize("command", ["render", "export"])
def test_a_missing_folder_is_a_sentence(counted: Home, command: str) -> None:
    out = counted.folder / "nowhere" / ("a.png" if command == "render" else "a.csv")
    refused(counted, [command, out], 1, f"cannot write {out}")


def test_a_file_in_the_way_of_a_failed_export_stays(counted: Home) -> None:
    out = counted.folder / "a.csv"
    out.write_text("mine")
    refused(counted, ["export", out, "--layer", "dwel"], 2)
    assert out.read_text() == "mine"


@pytest.mark.parametrize("command", ["render", "export"])
def test_without_a_store_there_is_nothing_to_show_and_none_is_made(home: Home, command: str) -> None:
    refused(home, [command, "a.png" if command == "render" else "a.csv"], 1, "nothing has been counted yet")


def npy(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> Callable[[Path], None]:
    return lambda path: np.save(path, array)


def raw(content: bytes | str) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content.encode() if isinstance(content, str) else content)


def pickled(path: Path) -> None:
    np.save(path, np.array([[{"a": 1}]], dtype=object), allow_pickle=True)


def truncated_npy(path: Path) -> None:
    np.save(path, np.ones((100, 100)))
    path.write_bytes(path.read_bytes()[:1000])


def boasting_npy(path: Path) -> None:
    """A header that claims four terabytes."""
    head = b"{'descr': '<i8', 'fortran_order': False, 'shape': (1000000, 500000), }".ljust(117) + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + bytes(64))


@pytest.mark.parametrize(
    ("name", "write", "size", "fragment"),
    [
        (
            "columns.csv",
            raw("a,b,c\n1,2,3\n"),
            "20x10",
            "there is no column x or y; separated by commas, its columns: a, b, c",
        ),
        ("empty.csv", raw(""), "20x10", "it is empty"),
        ("short.csv", raw("x,y,count\n1,2\n"), "20x10", "line 2: it has 2 columns, and 3 are needed"),
        ("word.csv", raw("x,y,count\n1,2,3\n1,two,3\n"), "20x10", "line 3"),
        ("fraction.csv", raw("x,y,count\n1,2,3.5\n"), "20x10", "line 2"),
        ("negative.csv", raw("x,y,count\n1,2,-3\n"), "20x10", "line 2"),
        ("large.csv", raw("x,y,count\n1,2,9223372036854775808\n"), "20x10", "line 2"),
        ("larger.csv", raw(f"x,y,count\n1,2,{'9' * 5000}\n"), "20x10", "line 2"),
        ("outside.csv", raw("x,y,count\n20,2,3\n"), "20x10", "20,2 lies outside"),
        ("left.csv", raw("x,y,count\n-1,2,3\n"), "20x10", "-1,2 lies outside"),
        ("binary.csv", raw(b"x,y,count\n\xff\xfe,2,3\n"), "20x10", "binary.csv"),
        ("nul.csv", raw(b"x,y,count\n1,\x00,3\n"), "20x10", "nul.csv"),
        ("nosize.csv", raw("x,y,count\n1,2,3\n"), "", "--size"),
        ("zero.csv", raw("monitor,x,y,count\nDP-1@0x10,0,0,1\n"), "", "zero.csv"),
        ("nosize.json", raw('{"1,2": 3}'), "", "--size"),
        ("list.json", raw("[1, 2]"), "20x10", "expected"),
        ("broken.json", raw('{"1,2": '), "20x10", "not JSON"),
        ("keys.json", raw('{"a": 1}'), "20x10", 'got "a"'),
        ("true.json", raw('{"1,2": true}'), "20x10", "1,2"),
        ("fraction.json", raw('{"1,2": 1.5}'), "20x10", "1,2"),
        ("nan.json", raw('{"1,2": NaN}'), "20x10", "1,2"),
        ("deep.json", raw("[" * 100_000), "20x10", "deep.json"),
        ("large.json", raw('{"1,2": 9223372036854775808}'), "20x10", "1,2"),
        ("latin.json", raw(b'{"1,2": "\xe9"}'), "20x10", "latin.json"),
        ("dict.json", raw("{(1, 2): }"), "20x10", "Python's own writing"),
        ("cube.npy", npy(np.ones((2, 2, 2))), "", "shape"),
        ("none.npy", npy(np.ones((0, 5))), "", "shape"),
        ("fraction.npy", npy(np.full((10, 20), 0.5)), "", "whole numbers"),
        ("nan.npy", npy(np.full((10, 20), np.nan)), "", "nan.npy"),
        ("inf.npy", npy(np.full((10, 20), np.inf)), "", "inf.npy"),
        ("negative.npy", npy(np.full((10, 20), -1)), "", "from 0 to"),
        ("large.npy", npy(np.full((10, 20), 2**63, np.uint64)), "", "from 0 to"),
        ("largest.npy", npy(np.full((10, 20), 2.0**63)), "", "from 0 to"),
        ("complex.npy", npy(np.full((10, 20), 1j)), "", "numbers"),
        ("size.npy", npy(np.ones((10, 20))), "10x20", "does not fit"),
        ("pickle.npy", pickled, "", "pickle.npy"),
        ("truncated.npy", truncated_npy, "", "truncated.npy"),
        ("boasting.npy", boasting_npy, "", "boasting.npy"),
        ("empty.npy", raw(b""), "", "empty.npy"),
        ("garbage.npy", raw(b"garbage"), "", "it is no table"),
        ("garbage.npz", raw(b"PK\x03\x04garbage"), "", "garbage.npz"),
        ("folder.csv", Path.mkdir, "20x10", "cannot read"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else "",
)
def test_a_table_that_cannot_be_is_not_imported(
    counted: Home, name: str, write: Callable[[Path], object], size: str, fragment: str
) -> None:
    file = counted.folder / name
    write(file)
    refused(counted, ["import", file, *(["--size", size] if size else [])], 1, name, fragment)


def test_a_missing_table_is_a_sentence(counted: Home) -> None:
    refused(counted, ["import", "nowhere.csv", "--size", "2x2"], 1, "nowhere.csv")


def test_json_of_two_screens_is_refused_and_csv_holds_both(counted: Home) -> None:
    counted.run_ok("import", counted.folder / "pairs.json", "--size", "20x10", "--monitor", "DP-2")
    refused(counted, ["export", "a.json"], 2, "DP-1@20x10, DP-2@20x10")
    assert counted.screens("dwell") == {"DP-1": CELLS, "DP-2": CELLS}
    counted.run_ok("export", "a.json", "--monitor", "DP-2")


def test_a_configuration_with_many_problems_names_them_all(counted: Home) -> None:
    counted.configure(
        'checkpoint_interval_s = "10m"\nsnapshot_interval_s = 0\npalete = 1\nwarp_px = true\n'
        '[snapshot]\nscale = "cubic"\nlayer = []\n[store]\nkeep_days = -1\n[colormaps]\nneon = ["red"]\n'
    )
    keys = (
        "checkpoint_interval_s",
        "snapshot_interval_s",
        "palete",
        "warp_px",
        "scale",
        "layer",
        "keep_days",
        "colormaps",
    )
    for words in (["config"], ["run", "--allow-root"], ["render", "a.png"]):
        refused(counted, [*words], 78, "8 problems", *keys, most_lines=10)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a = ", b"a = 1\na = 2", b"[" * 5000, b"\0"], ids=repr)
def test_a_configuration_that_is_none_is_a_sentence(home: Home, content: bytes) -> None:
    home.configure("")
    home.paths.config_file.write_bytes(content)
    refused(home, ["config"], 78, str(home.paths.config_file))


def test_a_folder_in_place_of_the_configuration_is_a_sentence(home: Home) -> None:
    home.paths.config_file.mkdir(parents=True)
    refused(home, ["config"], 78, str(home.paths.config_file))


def test_numbers_by_screen_name_are_read_from_csv(home: Home) -> None:
    file = home.folder / "two.csv"
    file.write_text("monitor,x,y,count\nA@4x4,1,1,5\nB@2x2,0,1,6\nA@4x4,1,1,5\n")
    home.run_ok("import", file)
    home.run_ok("export", home.folder / "out.csv")
    assert read_csv((home.folder / "out.csv").read_text()) == {"A": {(1, 1): 10}, "B": {(0, 1): 6}}


@pytest.mark.parametrize("at", ["0001-01-01", "1969-12-30", "9999-12-30"])
def test_counts_from_an_impossible_time_are_not_imported(home: Home, at: str) -> None:
    file = home.folder / "one.json"
    file.write_text('{"1,1": 1}')
    refused(home, ["import", file, "--size", "10x10", "--at", at], 2, "counts cannot be from")


@pytest.mark.parametrize("size", ["65535x10", "10x16385"])
def test_a_screen_larger_than_any_is_refused(home: Home, size: str) -> None:
    file = home.folder / "one.json"
    file.write_text('{"1,1": 1}')
    refused(home, ["import", file, "--size", size], 2, "is not a size")


def test_a_zip_of_something_else_is_not_imported(home: Home) -> None:
    file = home.folder / "other.npz"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme.txt", "no array")
    refused(home, ["import", file], 1, "no NumPy file of plain numbers")


# Showing the picture ------------------------------------------------------------------------------------


def with_viewer(home: Home, script: str) -> Path:
    """Give the user a display, and an xdg-open that does this; where it writes what it was asked to open."""
    opened = home.folder / "opened"
    opener = home.folder / "bin" / "xdg-open"
    opener.parent.mkdir()
    opener.write_text(f'#!/bin/sh\necho "$1" > "{opened}"\n{script}\n')
    opener.chmod(0o755)
    home.variables |= {"PATH": f"{opener.parent}:{os.environ['PATH']}", "DISPLAY": ":77"}
    return opened


def test_latest_open_draws_the_first_picture_and_shows_it(counted: Home) -> None:
    opened = with_viewer(counted, "exit 0")
    assert counted.run("latest").code == 1
    assert counted.run_ok("latest", "--open") == f"{counted.paths.latest}\n"
    assert opened.read_text() == f"{counted.paths.latest}\n"
    assert decodes(counted.paths.latest)


def test_latest_open_has_nothing_to_draw_before_anything_was_counted(home: Home) -> None:
    opened = with_viewer(home, "exit 0")
    result = home.run("latest", "--open")
    assert (result.code, result.out) == (1, "")
    assert "nothing has been counted" in result.err
    assert not opened.exists()


@pytest.mark.parametrize(
    ("script", "without", "says"),
    [
        ("echo 'sh: www-browser: not found' >&2; exit 3", None, "no program is installed that shows .png files"),
        ("exit 0", "DISPLAY", "there is no display here"),
        ("exit 0", "PATH", "xdg-open is not installed"),
    ],
    ids=["no viewer", "no display", "no xdg-open"],
)
def test_latest_open_fails_in_a_sentence_where_nothing_opens(
    counted: Home, script: str, without: str | None, says: str
) -> None:
    with_viewer(counted, script)
    if without is not None:
        counted.variables[without] = str(counted.folder) if without == "PATH" else None
    result = counted.run("latest", "--open")
    assert result.code == 1
    assert result.out == f"{counted.paths.latest}\n"
    first, second = result.err.splitlines()
    assert says in first
    assert str(counted.paths.latest) in second


@pytest.mark.parametrize(
    "command",
    [("render", "out.png"), ("export", "out.csv"), ("timelapse", "out.gif"), ("export", "sub/out.json")],
    ids=" ".join,
)
def test_a_command_that_writes_a_file_prints_its_path(counted: Home, command: tuple[str, str]) -> None:
    (counted.folder / "sub").mkdir()
    assert counted.run_ok(*command) == f"{counted.folder / command[1]}\n"


# Editing the configuration ------------------------------------------------------------------------------


def with_editor(home: Home, script: str) -> None:
    """Give the user an editor that does this to the file "$1"."""
    editor = home.folder / "editor"
    editor.write_text(f"#!/bin/sh\n{script}\n")
    editor.chmod(0o755)
    home.variables |= {"VISUAL": None, "EDITOR": str(editor)}


def test_config_edit_begins_with_every_default_and_checks_what_is_saved(home: Home) -> None:
    with_editor(home, "sed -i 's/^warp_px = .*/warp_px = 200/' \"$1\"")
    assert home.run_ok("config", "edit") == f"{home.paths.config_file} is good\n"
    assert "warp_px = 200" in home.run_ok("config")
    assert stat.S_IMODE(home.paths.config_file.stat().st_mode) == 0o600
    with_editor(home, "echo 'nonsense = 1' > \"$1\"")
    result = home.run("config", "edit")
    assert (result.code, result.out) == (78, "")
    assert "nonsense" in result.err
    refused(home, ["config", "check"], 78, "nonsense", most_lines=3)


def test_config_edit_leaves_no_file_where_nothing_was_changed(home: Home) -> None:
    with_editor(home, "exit 0")
    assert home.run_ok("config", "edit") == "Nothing was changed.\n"
    assert not home.paths.config_file.exists()
    assert home.run_ok("config", "check") == f"there is no {home.paths.config_file}, so every key has its default\n"


def test_config_edit_without_an_editor_is_a_sentence(home: Home) -> None:
    home.variables |= {"VISUAL": None, "EDITOR": "/nowhere/editor"}
    refused(home, ["config", "edit"], 1, "/nowhere/editor")
