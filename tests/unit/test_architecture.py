"""The shape of the package: imports go one way, the core is pure, and nothing grows too large to read in one go."""

import ast
import graphlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mousetrackd

ROOT = Path(mousetrackd.__file__).parent
PAGE = (ROOT.parent / ".github" / "ARCHITECTURE.md").read_text("utf-8")
MODULES = sorted(path for path in ROOT.rglob("*.py"))

LEVELS = (
    {"core"},
    {"system"},
    {"capture", "storage", "exchange"},
    {"picture"},
    {"page", "fleet"},
    {"config", "api"},
    {"daemon"},
    {"desktop"},
    {"cli"},
)
"""Who may import whom: each level those before it, and nobody of its own level but itself."""

ENTRIES = {"__init__", "__main__", "snapshots", "housekeeping", "sources"}
"""What only starts something: nobody imports it, and it may import anything."""

TO_BE_MENDED: set[str] = set()
"""Modules that are not yet as the tests below want them."""

LINES_MAX = 420
CLASS_LINES_MAX = 310
TOP_MODULES_MAX = 8
TERMS_MAX = 15

PURE_IMPORTS = {
    *("__future__", "collections", "dataclasses", "datetime", "enum", "functools", "itertools", "math", "operator"),
    *("fnmatch", "re", "string", "struct", "typing", "unicodedata", "zlib", "numpy", "hashlib", "json"),
}
"""What has no thread, clock, file or log. (datetime is arithmetic where it is given a time.)"""
PURE_PICTURE_IMPORTS = PURE_IMPORTS | {"cv2", "PIL", "isal", "bisect", "io", "mousetrackd"}
"""What drawing may use besides: libraries that turn arrays into arrays or bytes, and files that are only in memory."""
PICTURES_IN_FILES = {
    "archive": "pictures are kept in a folder",
    "film": "OpenCV and Pillow write a film into a file, not into memory",
    "over_image": "an image under the heat is a file of the user's, or a screenshot",
}
"""Modules of ``picture`` that touch anything but memory, and why. None of the others imports them."""
IMPURE_CALLS = {"open", "print", "input", "__import__", "eval", "exec", "breakpoint"}
IMPURE_METHODS = {"now", "utcnow", "today", "imread", "imwrite", "VideoWriter", "VideoCapture"}
"""Of datetime and OpenCV: a clock, and files."""


def name_of(path: Path) -> str:
    return ".".join(("mousetrackd", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")


def part_of(module: str) -> str:
    """The package or top module that a full name belongs to: ``picture`` for ``mousetrackd.picture.heat``."""
    return module.split(".")[1] if "." in module else "__init__"


def level_of(part: str) -> int:
    return next(number for number, parts in enumerate(LEVELS) if part in parts)


def is_package(name: str) -> bool:
    """Is it ``mousetrackd`` or a package in it?"""
    return name.startswith("mousetrackd") and (ROOT.parent / name.replace(".", "/") / "__init__.py").exists()


def imports_of(text: str) -> Iterator[str]:
    """The full names of all modules that ``text`` imports, wherever in it, TYPE_CHECKING included."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            name = "." * node.level + (node.module or "")
            if is_package(name):  # "from mousetrackd import config" names a module in its second half
                yield from (f"{name}.{alias.name}" for alias in node.names if not alias.name.startswith("__"))
            else:
                yield name


def wrong_arrows(part: str, text: str) -> list[str]:
    """The imports in ``text``, a module of ``part``, that go up or sideways."""
    wrong = []
    for name in imports_of(text):
        if name.startswith("mousetrackd.") and part not in ENTRIES:
            other = part_of(name)
            if other != part and (other in ENTRIES or level_of(other) >= level_of(part)):
                wrong.append(f"{part} > {name}")
        assert not name.startswith("."), f"{part} imports by a relative name: {name}"
    return wrong


MENDED = [path for path in MODULES if name_of(path) not in TO_BE_MENDED]


@pytest.mark.parametrize("path", MENDED, ids=name_of)
def test_imports_go_one_way(path: Path) -> None:
    assert wrong_arrows(part_of(name_of(path)), path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("part", "line"),
    [
        ("core", "from mousetrackd.system.paths import Paths"),
        ("storage", "from mousetrackd.capture import registry"),
        ("picture", "from mousetrackd import config"),
        ("picture", "if True:\n    from mousetrackd.config import Config"),
        ("daemon", "import mousetrackd.cli.main"),
        ("storage", "from mousetrackd.snapshots import main"),
    ],
)
def test_a_wrong_arrow_is_named(part: str, line: str) -> None:
    assert len(wrong_arrows(part, line)) == 1


def circle_in(texts: dict[str, str]) -> list[str]:
    """Modules that import each other in a circle, TYPE_CHECKING included; none where there is no circle."""
    graph: dict[str, set[str]] = {}
    for name, text in texts.items():
        graph[name] = set()
        for imported in imports_of(text):
            while imported not in texts and imported:  # a name in a module
                imported = imported.rpartition(".")[0]  # noqa: PLW2901
            graph[name] |= {imported} - {"", name}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return [*error.args[1]]
    return []


def test_no_modules_import_each_other_in_a_circle() -> None:
    texts = {name_of(path): path.read_text("utf-8") for path in MODULES}
    assert circle_in(texts) == []
    texts["mousetrackd.core.errors"] += "\nfrom mousetrackd.core.wording import reason"
    texts["mousetrackd.core.wording"] += "\nif TYPE_CHECKING:\n    from mousetrackd.core.errors import StoreError"
    assert {"mousetrackd.core.errors", "mousetrackd.core.wording"} == set(circle_in(texts))


@pytest.mark.parametrize("path", [path for path in MODULES if path.parent.name == "core"], ids=name_of)
def test_the_core_is_pure(path: Path) -> None:
    text = path.read_text("utf-8")
    foreign = {name.split(".")[0] for name in imports_of(text) if not name.startswith("mousetrackd.")}
    assert foreign - PURE_IMPORTS == set()
    assert {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)} & IMPURE_CALLS == set()


def impurities_of_picture(text: str) -> set[str]:
    """What in a module of ``picture`` may touch anything but memory."""
    names = set(imports_of(text))
    nodes = [*ast.walk(ast.parse(text))]
    return {
        *({name.split(".")[0] for name in names} - PURE_PICTURE_IMPORTS),
        *(name for name in names if name.startswith("mousetrackd.system")),
        *(names & {f"mousetrackd.picture.{name}" for name in PICTURES_IN_FILES}),
        *({node.id for node in nodes if isinstance(node, ast.Name)} & IMPURE_CALLS),
        *({node.attr for node in nodes if isinstance(node, ast.Attribute)} & IMPURE_METHODS),
    }


@pytest.mark.parametrize("path", [path for path in MODULES if path.parent.name == "picture"], ids=name_of)
def test_drawing_is_pure_but_for_what_is_in_files(path: Path) -> None:
    assert (impurities_of_picture(path.read_text("utf-8")) != set()) == (path.stem in PICTURES_IN_FILES)


@pytest.mark.parametrize("path", MENDED, ids=name_of)
def test_no_file_and_no_class_is_too_large(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.count("\n") <= LINES_MAX
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef):
            assert (node.end_lineno or 0) - node.lineno <= CLASS_LINES_MAX, node.name


def test_the_top_of_the_package_is_short() -> None:
    assert len([path for path in MODULES if path.parent == ROOT]) <= TOP_MODULES_MAX


@pytest.mark.parametrize("name", sorted(set(re.findall(r"[\w./-]+\.(?:py|js)\b", PAGE))))
def test_a_file_that_the_page_of_architecture_names_exists(name: str) -> None:
    found = [path for path in ROOT.rglob(Path(name).name) if path.as_posix().endswith(f"/{name}")]
    assert found or (ROOT.parent / name).exists()


def test_the_glossary_is_short() -> None:
    terms = re.findall(r"^\| ([\w -]+) \|", PAGE.partition("| word |")[2], re.MULTILINE)
    assert 0 < len(terms) <= TERMS_MAX


def loaded_by(code: str) -> set[str]:
    """The top-level names of all modules that a new interpreter has after ``code``."""
    report = "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


@pytest.mark.without_coverage
def test_the_core_loads_numpy_at_most() -> None:
    core = [name_of(path) for path in MODULES if path.parent.name == "core"]
    assert loaded_by(f"import {', '.join(core)}") & {"cv2", "Xlib", "pynput", "PIL", "sqlite3", "click"} == set()


@pytest.mark.without_coverage
def test_the_commands_load_neither_numpy_nor_opencv_before_they_need_them() -> None:
    assert loaded_by("import mousetrackd.cli") & {"numpy", "cv2", "PIL", "sqlite3", "pynput", "Xlib"} == set()


def test_a_configuration_and_the_pictures_on_disk_need_neither_numpy_nor_opencv() -> None:
    assert loaded_by("import mousetrackd.config, mousetrackd.picture.archive") & {"numpy", "cv2", "PIL"} == set()


def test_the_daemon_never_loads_opencv() -> None:
    assert loaded_by("import mousetrackd.daemon.daemon") & {"cv2", "PIL"} == set()
