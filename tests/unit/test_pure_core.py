"""The core cannot have a clock, a thread, a file or a log: it imports nothing that has one."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

CORE = (
    "layout",
    "layers",
    "counts",
    "accumulator",
    "exclusions",
    "recentring",
    "events",
    "render",
    "errors",
    "printable",
    "validity",
)
HARMLESS = {
    *("__future__", "collections", "dataclasses", "enum", "itertools", "math", "re", "struct", "typing", "zlib"),
    *("cv2", "numpy"),
}
DRAWS = {"render"}
"""Who may import cv2; the daemon imports the others, and never OpenCV."""


def source_of(module: str) -> Path:
    spec = importlib.util.find_spec("mousetrackd")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).with_name(f"{module}.py")


def imports_of(text: str) -> set[str]:
    """The full names of all modules that ``text`` imports, wherever in it, TYPE_CHECKING included."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            name = "." * node.level + (node.module or "")
            # "from mousetrackd import store" names a module in its second half
            names |= {f"{name}.{alias.name}" for alias in node.names} if name == "mousetrackd" else {name}
    return names


def is_pure(module: str) -> bool:
    top, _, rest = module.partition(".")
    return rest in CORE if top == "mousetrackd" else top in HARMLESS


def calls_of(text: str) -> set[str]:
    """Names by which a module could reach the world without importing anything."""
    return {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)} & {
        *("open", "print", "input", "__import__", "eval", "exec", "breakpoint"),
    }


@pytest.mark.parametrize("module", CORE)
def test_the_core_imports_only_arithmetic(module: str) -> None:
    text = source_of(module).read_text(encoding="utf-8")
    assert {name for name in imports_of(text) if not is_pure(name)} == set()
    assert calls_of(text) == set()
    if module not in DRAWS:
        assert "cv2" not in imports_of(text)


@pytest.mark.parametrize(
    "line",
    [
        *("import time", "import numpy, threading", "from pathlib import Path", "from . import store"),
        *("from mousetrackd import store", "from mousetrackd.store import Store", "import logging.handlers"),
        "def f() -> None:\n    import os",
    ],
)
def test_an_impure_import_would_be_seen(line: str) -> None:
    assert any(not is_pure(name) for name in imports_of(line))


def test_the_parts_of_the_daemon_that_count_never_load_opencv_or_x11() -> None:
    modules = [f"mousetrackd.{module}" for module in CORE if module not in DRAWS]
    code = (
        f"import importlib, sys\nfor name in {modules!r}: importlib.import_module(name)\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules} & {'cv2', 'Xlib', 'pynput', 'PIL'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == ""
