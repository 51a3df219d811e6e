"""How the files of a page become one: joined scripts, a policy of exactly these, and data that can end nothing."""

import base64
import hashlib
import io
import re
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.page import Page, bytes_of

from mousetrackd.core.cells import Cells, in_planes
from mousetrackd.page import build, encode

AWKWARD = "</script><!-- \u2028 & ' \" <b>"


def joined(**files: str) -> str:
    return build.script(lambda name: files[name.removesuffix(".js")])


def test_what_is_imported_comes_first_and_once() -> None:
    text = joined(
        main='import {one} from "./a.js";\nimport {two} from "./b.js";\none(two);\n',
        a='import {two} from "./b.js";\nexport function one() {\n  return "; // stays";\n}\n',
        b="/** Why.\n * And how. */\nexport const two = 2; // goes\n// goes\n/** A */ let three;\n/** B */\n",
    )
    assert text == (
        '(() => {"use strict";\nconst two = 2;\n/** A */ let three;\n'
        'function one() {\nreturn "; // stays";\n}\none(two);\n})();'
    )


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"main": 'import {a} from "./a.js";\nconst b = a;\n', "a": "export const a = 1;\nlet b = 2;\n"}, "the name b"),
        ({"main": 'import {b} from "./a.js";\n', "a": "export const a = 1;\n"}, "does not export"),
        ({"main": 'import {a} from "./a.js";\n', "a": 'import {b} from "./main.js";\n'}, "import each other"),
        ({"main": 'import * as a from "./a.js";\n', "a": ""}, "in another way"),
        ({"main": "export default 1;\n"}, "in another way"),
        ({"main": 'const a = "</script>";\n'}, "end of a script"),
    ],
)
def test_what_cannot_be_joined_is_named(files: dict[str, str], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        joined(**files)


def page_with(meta: dict[str, object]) -> str:
    out = io.BytesIO()
    build.write(out, meta, [("totals", encode.packed(b"1"))], [build.element("s.0.0.0", encode.packed(b"2"))])
    return out.getvalue().decode()


def test_the_policy_permits_exactly_the_style_and_the_script_that_are_in_the_page() -> None:
    html = page_with({})
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', html)
    (loader,), (style,) = (re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL) for tag in ("script", "style"))
    (code,) = re.findall(r'id="code">([^<]+)</script>', html)
    full, program = zlib.decompress(base64.b64decode(code)).split(b"\0")
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'"
        for text in (loader.encode(), program, style.encode(), full)
    ]
    assert f"script-src {hashes[0]} {hashes[1]}; style-src {hashes[2]} {hashes[3]};" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy


def test_code_stays_small() -> None:
    assert 2000 < build.code_bytes() <= build.CODE_MAX_BYTES


def test_no_name_ends_an_element_or_begins_a_comment() -> None:
    html = page_with({"monitors": [AWKWARD]})
    assert AWKWARD not in html
    assert html.count("<!--") == 0
    (meta,) = re.findall(r'id="meta">([^<]*)</script>', html)
    assert "script" in meta
    page = Page(html)
    assert page.meta == {"monitors": [AWKWARD]}
    assert page.blocks == {"totals": b"1", "s.0.0.0": b"2"}


@given(st.binary(max_size=40) | st.lists(st.sampled_from([0, 13, 60, 26, 127, 128, 255]), max_size=40).map(bytes))
def test_bytes_are_text_that_an_element_holds_as_it_is(data: bytes) -> None:
    text = encode.as_text(data).decode()
    assert not {"\0", "\r", "<"} & {*text}
    assert bytes_of(text) == data


def test_bytes_that_are_not_alike_become_a_sixth_longer() -> None:
    data = np.random.default_rng(1).bytes(70_000)
    assert len(encode.as_text(data)) <= 1.175 * len(data)


entries = st.lists(
    st.tuples(
        st.integers(0, 255),
        st.integers(0, 24),
        st.dictionaries(st.integers(0, 70_000), st.tuples(st.integers(1, 2**63 - 1), st.integers(0, 255)), max_size=5),
    ),
    max_size=5,
)


@given(entries)
def test_cells_are_decoded_as_they_were(made: list[tuple[int, int, dict[int, tuple[int, int]]]]) -> None:
    block = encode.CellsBlock()
    for day, hour, here in made:
        index = np.array(sorted(here), np.int64)
        count = np.array([here[one][0] for one in sorted(here)], np.int64)
        place = np.array([here[one][1] for one in sorted(here)], np.uint8)
        block.add(day, hour, in_planes(Cells(index, count, place)))
    page = Page(f'<script type="application/json" id="meta">{{}}</script>{text_of(block.encode())}')
    assert page.entries("b") == made


@given(st.lists(st.tuples(*[st.integers(0, bound) for bound in (40_000, 400, 24, 15, 7, 2**63 - 1)]), max_size=9))
def test_columns_are_decoded_as_they_were(rows: list[tuple[int, ...]]) -> None:
    data = encode.columns([[row[nth] for row in rows] for nth in range(6)])
    page = Page(f'<script type="application/json" id="meta">{{}}</script>{text_of(data)}')
    found = [(one.day + 366, one.days, one.hour, one.monitor, one.layer, one.total) for one in page.rows("b")]
    assert found == rows


def text_of(block: bytes) -> str:
    return build.element("b", encode.packed(block)).decode()
