"""Joins the files of ``web/`` and the data into one HTML file, with a policy that lets nothing else run.

The scripts are plain ES modules. They become one function: ordered by their imports, without these, without comments
and indentation. So all their top-level names must differ, which is checked.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, BinaryIO, Final

from mousetrackd.core.errors import MousetrackError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

CODE_MAX_BYTES: Final = 60_000
"""As much HTML, CSS and JavaScript is in a page at most."""

LOADER: Final = """(async () => {
try {
const bytes = Uint8Array.from(atob(document.getElementById("code").textContent), (letter) => letter.charCodeAt(0));
const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
const parts = (await new Response(inflated).text()).split("\\0");
for (const [at, tag] of ["style", "script"].entries()) {
const element = document.createElement(tag);
element.textContent = parts[at];
document.body.append(element);
}
} catch {
document.getElementById("summary").textContent = "This browser is too old for the page. Open it in a newer one.";
}
})();"""
"""Inflates style and script, and adds them as elements, whose hashes the policy has; ``eval`` stays forbidden."""

_IMPORT: Final = re.compile(r'^import \{([^}]*)\} from "\./([\w-]+\.js)";?\n', re.MULTILINE)
_COMMENT: Final = re.compile(r"^[ \t]*(?:/\*\*(?:(?!\*/).)*\*/|//[^\n]*)[ \t]*\n", re.MULTILINE | re.DOTALL)
_REMARK: Final = re.compile(r"(?<=[;,{})]) // [^\"`\n]*$", re.MULTILINE)
"""A comment behind code. Where quotes follow it may be text."""
_CAST: Final = re.compile(r"/\*\* @type [^*]*\*/ ")
_CSS_COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)
_CSS_SPACE: Final = re.compile(r"\s*([{};,>])\s*|(?<=:)\s+")
_TOP_NAME: Final = re.compile(r"^(?:export )?(?:async )?(?:function\*?|class|const|let|var) ([\w$]+)", re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?=async |function|class|const|let)", re.MULTILINE)
_EXPORTED: Final = re.compile(r"^export (?:async )?(?:function\*?|class|const|let) ([\w$]+)", re.MULTILINE)
_MARK: Final = re.compile(r"\{\{(\w+)\}\}")


def script(read: Callable[[str], str], start: str = "main.js") -> str:
    """All modules that ``start`` imports, and it, as one script. read: the text of a file by its name.

    Raises ValueError for two top-level names that are the same, a name that a module does not export, modules that
    import each other, and what only a module may say.
    """
    ordered: dict[str, str] = {}
    _add(start, read, ordered, ())
    owners: dict[str, str] = {}
    parts = []
    for name, text in ordered.items():
        for top in _TOP_NAME.findall(text):
            if top in owners:
                raise ValueError(f"{name} and {owners[top]} both have the name {top}")
            owners[top] = name
        body = _EXPORT.sub("", _CAST.sub("", _REMARK.sub("", _COMMENT.sub("", _IMPORT.sub("", text)))))
        body = re.sub(r"^export \{\};?\n", "", body, flags=re.MULTILINE)
        if re.search(r"^\s*(?:import|export)\b(?! *\()", body, re.MULTILINE):
            raise ValueError(f"{name} imports or exports in another way than by a name and on one line")
        parts.append(re.sub(r"\n{2,}", "\n", re.sub(r"^[ \t]+", "", body, flags=re.MULTILINE)).strip("\n"))
    joined = "\n".join(parts)
    if re.search(r"</script|<!--", joined, re.IGNORECASE):
        raise ValueError("a script may contain neither an end of a script nor a comment of HTML")
    return f'(() => {{"use strict";\n{joined}\n}})();'


def _add(name: str, read: Callable[[str], str], ordered: dict[str, str], within: tuple[str, ...]) -> None:
    if name in ordered:
        return
    if name in within:
        raise ValueError(f"{name} and {within[-1]} import each other")
    text = read(name)
    for names, other in _IMPORT.findall(text):
        _add(other, read, ordered, (*within, name))
        exported = set(_EXPORTED.findall(ordered[other]))
        missing = {one.strip() for one in names.split(",") if one.strip()} - exported
        if missing:
            raise ValueError(f"{name} imports {', '.join(sorted(missing))}, which {other} does not export")
    ordered[name] = text


def style(text: str) -> str:
    """CSS without comments, and without the spaces that separate nothing. It has no strings with signs in them."""
    return _CSS_SPACE.sub(r"\1", _CSS_COMMENT.sub("", text)).strip()


@cache
def code() -> dict[str, str]:
    """The script, the styles, the policy and the frame of a page, with marks for its data. The same for every page."""
    folder = resources.files("mousetrackd.page") / "web"

    def read(name: str) -> str:
        return (folder / name).read_text("utf-8")

    packer = zlib.compressobj(9, memLevel=9)
    program, first, full = script(read), style(read("first.css")), style(read("page.css"))
    return {
        "html": _without_comments(read("page.html")),
        "style": first,
        "code": base64.b64encode(packer.compress(f"{full}\0{program}".encode()) + packer.flush()).decode(),
        "script": LOADER,
        "policy": policy([LOADER, program], [first, full]),
    }


def _without_comments(html: str) -> str:
    return re.sub(r"\n\s*", "\n", re.sub(r"<!--.*?-->", "", html, flags=re.DOTALL)).strip() + "\n"


def policy(scripts: Iterable[str], styles: Iterable[str]) -> str:
    """A Content-Security-Policy that permits these scripts, these styles, and pictures that they make. Nothing else."""
    code, looks = (" ".join(f"'{_hash(text)}'" for text in texts) for texts in (scripts, styles))
    return (
        f"default-src 'none'; script-src {code}; style-src {looks}; "
        "img-src blob: data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def code_bytes() -> int:
    """How much of every page is HTML, CSS and JavaScript, the latter two deflated."""
    return sum(len(text.encode()) for text in code().values())


def write(
    out: BinaryIO, meta: Mapping[str, object], data: Iterable[tuple[str, bytes]], blocks: Iterable[bytes]
) -> None:
    """Write a page. data: names and text of blocks that the first picture needs. blocks: the rest, ready-made."""
    known = code()
    for nth, part in enumerate(_MARK.split(known["html"])):
        if nth % 2 == 0:
            out.write(part.encode())
        elif part == "data":
            out.write(f'<script type="application/json" id="meta">{_json(meta)}</script>\n'.encode())
            out.writelines(element(*one) for one in data)
        elif part == "blocks":
            out.writelines(blocks)
        elif part in known:
            out.write(known[part].encode())
        else:
            raise MousetrackError(f"page.html has an unknown mark {part}", "Install mousetrackd again.")


def element(name: str, block: bytes) -> bytes:
    """A block in the page. block: its text."""
    return b'<script type="text/plain" id="%s">%s</script>\n' % (name.encode(), block)


def _json(meta: Mapping[str, object]) -> str:
    """JSON in which no name can end its element, or begin a comment."""
    text = json.dumps(meta, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
