"""The first file that a child of the daemon runs, by its path: ``child_process`` starts it, and nobody else does.

It takes over the parent's module path, imports the parent's very package, runs ``main`` of one of its modules, and
replies on stdout with one line of JSON: ``{"done": true}``, or the message and hint of the error that the user can act
on. Whatever else is printed goes to stderr, and is for the log.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import os
import resource
import sys
from pathlib import Path
from types import ModuleType
from typing import Any


def package_at(file: str) -> ModuleType:
    """The package whose ``__init__`` is ``file``, whatever else the module path holds. Raises ImportError, OSError."""
    folder = str(Path(file).parent)
    spec = importlib.util.spec_from_file_location("mousetrackd", file, submodule_search_locations=[folder])
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no module")
    package = importlib.util.module_from_spec(spec)
    sys.modules["mousetrackd"] = package
    spec.loader.exec_module(package)
    return package


def limit_memory(limit_bytes: int) -> None:
    """Let this process have no more data than this. Not its address space: half of that is files of libraries."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = limit_bytes if hard == resource.RLIM_INFINITY else min(limit_bytes, hard)
    with contextlib.suppress(OSError, ValueError):  # a sandbox that forbids it limits memory itself
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def explanation(error: Exception) -> dict[str, Any] | None:
    """How a library is had that cannot be loaded, as the reply; None for any other error."""
    try:
        from mousetrackd.system import libraries  # noqa: PLC0415 - only now it is known whose
    except (ImportError, OSError, SyntaxError):  # it is mousetrackd itself that cannot be loaded
        return None
    explained = libraries.explained(error) if isinstance(error, ImportError) else None
    return None if explained is None else {"message": explained.message, "hint": explained.hint}


def run(request: dict[str, Any]) -> dict[str, Any]:
    """Do what the parent asks for; the reply. Raises whatever is not an error that a user can act on."""
    limit_memory(request["memory_bytes"])
    sys.path[:] = request["path"]
    try:
        package_at(request["package"])
        module = importlib.import_module(request["module"])
        from mousetrackd.core.errors import MousetrackError  # noqa: PLC0415 - only now it is known whose
    except (ImportError, OSError, SyntaxError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201 - for the log
        explained = explanation(error)
        if explained is not None:
            return explained
        message = f"a part of mousetrackd or of its libraries cannot be loaded: {error}"
        return {"message": message, "hint": "If it was just upgraded, restart mousetrackd; else install it again."}
    folder = Path(request["package"]).parent
    imported = str(sys.modules["mousetrackd"].__file__), str(module.__file__)
    if imported[0] != request["package"] or folder not in Path(imported[1]).parents:
        message = f"it would run another mousetrackd than the one in {folder}: {imported[1]}"
        return {"message": message, "hint": "Restart mousetrackd."}
    try:
        module.main()
    except MousetrackError as error:
        return {"message": error.message, "hint": error.hint}
    except MemoryError:
        message = f"more than {request['memory_bytes'] / 2**20:.0f} MB of memory would be needed"
        return {"message": message, "hint": request["memory_hint"]}
    return {"done": True}


def main() -> None:
    """Run, and reply."""
    replies = os.dup(1)
    os.dup2(2, 1)  # a library that prints on stdout would garble the reply
    reply = run(json.loads(sys.argv[1]))
    os.write(replies, json.dumps(reply).encode() + b"\n")
    sys.exit(0 if reply.get("done") else 1)


if __name__ == "__main__":
    main()
