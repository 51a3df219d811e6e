"""The configuration file: defaults that are good, errors that say everything at once, and nothing else raised."""

import dataclasses
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousetrackd.config import (
    ApplicationsConfig,
    Config,
    PageConfig,
    PrivacyConfig,
    SnapshotConfig,
    StoreConfig,
    load,
    old_names,
    parse,
    to_toml,
)
from mousetrackd.core.applications import ApplicationRules
from mousetrackd.core.errors import ConfigError, ExitCode, PrivacyError
from mousetrackd.core.monitors import Exclusion

TABLES: dict[str, type[SnapshotConfig | StoreConfig | PageConfig | PrivacyConfig | ApplicationsConfig]] = {
    "snapshot": SnapshotConfig,
    "store": StoreConfig,
    "page": PageConfig,
    "privacy": PrivacyConfig,
    "applications": ApplicationsConfig,
}


def _settings() -> Iterator[tuple[str, str, object]]:
    for key in dataclasses.fields(Config):
        if key.name not in TABLES:
            yield "", key.name, getattr(Config(), key.name)
    for name, table in TABLES.items():
        for inner in dataclasses.fields(table):
            yield name, inner.name, getattr(table(), inner.name)


SETTINGS = list(_settings())
"""Table, key and default of every setting."""


def field_of(table: str, key: str) -> dataclasses.Field[object]:
    owner = TABLES[table] if table else Config
    return next(found for found in dataclasses.fields(owner) if found.name == key)


def problem(text: str) -> str:
    with pytest.raises(ConfigError) as raised:
        parse(text, "config.toml")
    return raised.value.message


def refusal(text: str) -> str:
    """What a ConfigError says; nothing where the text is a configuration. Any other error gets out."""
    try:
        parse(text, "fuzz")
    except ConfigError as error:
        return error.message
    return ""


def refused(path: Path) -> ConfigError | None:
    """Why a file is no configuration; None where it is one. Any other error gets out."""
    try:
        load(path)
    except ConfigError as error:
        return error
    return None


@pytest.mark.parametrize(("table", "key", "default"), SETTINGS)
def test_every_default_passes_its_own_check(table: str, key: str, default: object) -> None:
    assert field_of(table, key).metadata["check"](default)


@pytest.mark.parametrize(("table", "key", "default"), SETTINGS)
def test_every_setting_says_what_it_is_for_and_what_it_expects(table: str, key: str, default: object) -> None:
    metadata = field_of(table, key).metadata
    assert metadata["doc"].rstrip().endswith((".", "]"))
    assert metadata["expected"]
    assert not metadata["check"](object())
    assert metadata["check"](None) == (default is None)


@pytest.mark.parametrize("comments", [True, False])
def test_the_default_file_is_the_defaults(comments: bool) -> None:
    assert parse(to_toml(Config(), comments=comments), "default") == Config()


def test_the_default_file_explains_every_key() -> None:
    lines = to_toml(Config(), comments=True).splitlines()
    for _, key, _ in SETTINGS:
        if key != "colormaps":
            place = next(number for number, line in enumerate(lines) if line.removeprefix("# ").startswith(f"{key} = "))
            assert lines[place - 1].startswith("# ")
    assert not any(line.startswith("#") for line in to_toml(Config(), comments=False).splitlines())


def test_an_empty_file_and_no_file_are_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path / "none.toml") == parse("", "empty") == Config()


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('warp_px = 7\n[snapshot]\nlayer = ["travel", "clicks"]\n[store]\nkeep_days = 9\n')
    assert load(path) == Config(
        warp_px=7,
        snapshot=SnapshotConfig(layer=["travel", "clicks"]),
        store=StoreConfig(keep_days=9),
    )


def test_the_default_file_of_the_last_release_is_still_the_defaults() -> None:
    file = Path(__file__).with_name("config-0.1.0.toml")
    assert load(file) == Config()
    assert old_names(file) == [
        ("store.hours_days", "store.keep_hourly_pixels_days"),
        ("store.days_days", "store.keep_daily_pixels_days"),
        ("store.months_days", "store.keep_monthly_pixels_days"),
    ]


def test_a_key_under_its_old_name_means_the_same_and_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[store]\nhours_days = 3\nkeep_monthly_pixels_days = 99\n")
    found = load(path)
    assert found.store == StoreConfig(keep_hourly_pixels_days=3, keep_monthly_pixels_days=99)
    assert old_names(path) == [("store.hours_days", "store.keep_hourly_pixels_days")]
    path.write_text(to_toml(found, comments=True))
    assert load(path) == found
    assert old_names(path) == old_names(tmp_path / "none.toml") == []


@pytest.mark.parametrize("order", [1, -1])
def test_a_key_under_both_its_names_is_a_problem(order: int) -> None:
    lines = ["hours_days = 3", "keep_hourly_pixels_days = 3"][::order]
    assert problem("\n".join(["[store]", *lines])) == (
        "config.toml: 1 problem\n"
        "store.hours_days: the old name of keep_hourly_pixels_days, which is set too; remove hours_days"
    )


def test_an_old_name_is_only_known_in_its_own_table() -> None:
    assert "hours_days: unknown key" in problem("hours_days = 3")
    assert "snapshot.hours_days: unknown key" in problem("snapshot.hours_days = 3")


def test_all_problems_are_reported_at_once() -> None:
    message = problem(
        'snapshot_interval_s = "10m"\npalete = 1\nstore = 5\n[snapshot]\nlegend = 1\nscale = "cubic"\nlayer = []\n'
    )
    first, *rest = message.splitlines()
    assert first == "config.toml: 6 problems"
    assert [line.partition(":")[0] for line in rest] == [
        *("snapshot_interval_s", "palete"),
        *("snapshot.legend", "snapshot.scale", "snapshot.layer", "store"),
    ]
    assert rest[0] == 'snapshot_interval_s: expected whole seconds from 1 up, got "10m"'


def test_of_a_list_the_bad_entries_are_shown_and_not_the_good_ones_before_them() -> None:
    good = ", ".join(f'"DP-{number} 100,200 300x50"' for number in range(9))
    assert problem(f'privacy.exclude = [{good}, "DP-9 1,2 3*4"]').endswith('got ["DP-9 1,2 3*4"]')
    assert problem("snapshot.layer = []").endswith("got []")


def test_a_misspelt_key_is_answered_with_the_right_one() -> None:
    assert problem("snapshot_intervall_s = 5") == (
        "config.toml: 1 problem\nsnapshot_intervall_s: unknown key, did you mean snapshot_interval_s?"
    )
    assert "snapshot.colourmap: unknown key, did you mean colormap?" in problem('[snapshot]\ncolourmap = "hot"')


def test_a_key_like_no_other_is_answered_without_a_guess() -> None:
    assert problem("zzzzzz = 5").endswith("zzzzzz: unknown key")


NEON = '[colormaps]\nNeon = ["#000000", "#FF00ff"]'


def test_a_colour_map_nobody_knows_is_a_problem_and_one_of_the_users_own_is_none() -> None:
    assert "did you mean inferno?" in problem('[snapshot]\ncolormap = "infernal"')
    own = 'snapshot.colormap = "neon"\n[colormaps]\nneon = ["#000000", "#FF00ff"]'
    assert parse(own, "").colormaps == {"neon": ["#000000", "#FF00ff"]}


def test_a_maximum_may_be_a_time_where_the_layer_is_counted_in_time() -> None:
    assert parse('[snapshot]\nmax = "5s"', "").snapshot.max_heat("ms") == 5000
    said = problem('[snapshot]\nlayer = ["clicks"]\nmax = "5s"')
    assert said.endswith('snapshot.max: "5s" is a time, and this layer is counted in presses')


def test_a_layer_may_name_a_colour_map_of_its_own() -> None:
    look = parse('[snapshot]\nlayer = ["travel", "clicks:Neon_r", "clicks.left:jet", "scroll"]\n' + NEON, "").snapshot
    assert look.layers == ("travel", "clicks.left", "clicks.middle", "clicks.right", "clicks.other", "scroll")
    assert [look.map_of(layer) for layer in look.layers] == ["ice", "jet", *["Neon_r"] * 3, "rose"]
    assert replace(look, colormap="hot").map_of("travel") == "hot"
    assert replace(look, colormap="hot").map_of("scroll") == "rose"


@pytest.mark.parametrize(
    ("layer", "fragment"),
    [
        ("dwell:infernal", 'snapshot.layer: there is no colour map "infernal", did you mean inferno?'),
        ("dwell:ember_", 'snapshot.layer: there is no colour map "ember_", did you mean ember_r?'),
        ("clicks:auto", 'snapshot.layer: there is no colour map "auto"'),
        ("dwel:ember", "snapshot.layer: expected a list of layers"),
        ("dwell:", "snapshot.layer: expected a list of layers"),
    ],
)
def test_a_layers_colour_map_is_checked(layer: str, fragment: str) -> None:
    assert fragment in problem(f'[snapshot]\nlayer = ["{layer}"]')


@pytest.mark.parametrize(
    "line",
    [
        *("rest_cap_ms = 0", "rest_cap_ms = -5", "rest_cap_ms = 1.5", "rest_cap_ms = true", "rest_cap_ms = 2000000000"),
        *("checkpoint_interval_s = 86401", "warp_px = 0", 'source = "usb"', "source = 1"),
        *("snapshot.percentile = 49", "snapshot.percentile = nan", "snapshot.percentile = inf"),
        *("snapshot.max = -1", "snapshot.max = inf", "snapshot.max = true", "snapshot.sigma = -1"),
        *('snapshot.sigma = "26%"', 'snapshot.sigma = "1.2"', 'snapshot.sigma = "-1%"', "snapshot.sigma = nan"),
        *('snapshot.background = "red"', 'snapshot.background = "#12345"', 'snapshot.layer = "dwell"'),
        *('snapshot.layer = ["keys"]', "snapshot.layer = [1]", "snapshot.keep_count = -1", 'snapshot.colormap = ""'),
        *('colormaps.one = ["#000000"]', 'colormaps.one = ["#000000", "white"]', "colormaps = 1"),
        *("privacy.click_cell_px = 0", "privacy.click_cell_px = 8.0", 'privacy.exclude = "DP-1 1,2 3x4"'),
        *('privacy.exclude = ["DP-1"]', 'privacy.exclude = ["1,2 3x0"]', 'privacy.exclude = ["1,2 0x3"]'),
        *('privacy.exclude = ["1 2 3x4"]', "privacy.exclude = [1]", 'privacy.exclude = ["1,2 3x4 "]', "privacy = []"),
        *(
            "store.hours_days = 0",
            "store.keep_hourly_pixels_days = 0",
            "store.keep_days = -1",
            "page.interval_s = -1",
            "store.keep_days = 2024-01-01",
            "snapshot = []",
        ),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_by_name(line: str) -> None:
    key, _, _ = line.partition(" = ")
    message = problem(line)
    assert message.startswith("config.toml: 1 problem\n")
    assert key in message or key.rpartition(".")[0] in message
    assert "expected" in message


@pytest.mark.parametrize(
    ("line", "value"),
    [('sigma = "0%"', "0%"), ('sigma = "25%"', "25%"), ("sigma = 0", 0), ("sigma = 12.5", 12.5)],
)
def test_sigma_is_pixels_or_a_share_of_the_height(line: str, value: float | str) -> None:
    assert parse(f"[snapshot]\n{line}", "").snapshot.sigma == value


def test_broken_toml_says_where(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("warp_px = 5\nwarp_px == 6\n")
    with pytest.raises(ConfigError, match="line 2") as raised:
        load(path)
    assert str(path) in raised.value.message
    assert raised.value.exit_code == ExitCode.BAD_CONFIG


@pytest.mark.parametrize(
    ("text", "table", "line"),
    [
        ("[snapshot]\nsigma = 1\n\n[snapshot]\nedges = 'total'\n", "[snapshot]", 4),
        ("[a]\n['b.c'.d]\n['b.c'.d] # again\n", "[b.c.d]", 3),
        ("[privacy]\n[privacy]\n", "[privacy]", 2),
    ],
)
def test_a_table_that_is_there_twice_is_named_with_what_to_do(text: str, table: str, line: int) -> None:
    with pytest.raises(ConfigError) as raised:
        parse(text, "config.toml")
    assert raised.value.message == f"config.toml: {table} is there twice, again on line {line}"
    assert raised.value.hint == f"Put its lines under the first {table}."
    assert isinstance(raised.value, PrivacyError) == ("privacy" in text)


def test_a_file_that_cannot_be_read_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        load(tmp_path)
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b"# caf\xe9\n")
    with pytest.raises(ConfigError, match="not UTF-8 text"):
        load(latin)


def test_a_number_of_thousands_of_digits_is_a_config_error() -> None:
    assert "rest_cap_ms" in problem(f"rest_cap_ms = 0x{'f' * 5000}")
    assert "config.toml" in problem(f"rest_cap_ms = {'9' * 5000}")


def test_lists_nested_without_end_are_a_config_error() -> None:
    assert "config.toml" in problem(f"rest_cap_ms = {'[' * 20000}")
    assert "config.toml" in problem(f"rest_cap_ms = {'[' * 300}{']' * 300}")


colours = st.from_regex(r"#[0-9a-f]{6}", fullmatch=True)
configs = st.builds(
    Config,
    checkpoint_interval_s=st.integers(1, 86400),
    rest_cap_ms=st.integers(1, 10**9),
    source=st.text(min_size=1).map("replay:".__add__),
    colormaps=st.dictionaries(st.text(), st.lists(colours, min_size=2, max_size=4), max_size=3),
    snapshot=st.builds(
        SnapshotConfig,
        layer=st.just(["scroll", "dwell"]),
        sigma=st.one_of(st.floats(0, 1000), st.integers(0, 1000), st.just("2.5%")),
        max=st.one_of(st.just(0), st.floats(1e-6, 1e18), st.integers(1, 10**18)),
        percentile=st.floats(50, 100),
        legend=st.booleans(),
        background=st.one_of(colours, st.sampled_from(["", "transparent"])),
    ),
    store=st.builds(StoreConfig, keep_days=st.integers(0, 36500)),
    page=st.builds(PageConfig, interval_s=st.integers(0, 86400 * 366)),
    privacy=st.builds(
        PrivacyConfig, click_cell_px=st.integers(1, 16384), exclude=st.just(["DP-1 1,2 3x4", "-5,0 1x1"])
    ),
    applications=st.builds(
        ApplicationsConfig, enabled=st.just(True), deny=st.lists(st.just("a*")), aliases=st.just(["b = c"])
    ),
)


@given(configs, st.booleans())
def test_any_configuration_written_is_the_same_when_read(config: Config, comments: bool) -> None:
    assert parse(to_toml(config, comments=comments), "") == config


@given(st.text())
def test_any_text_is_a_configuration_or_a_config_error(text: str) -> None:
    assert refusal(text).startswith("fuzz: ") or refusal(text) == ""


def test_any_mixture_of_toml_is_a_configuration_or_a_config_error() -> None:
    seed = 20
    rng = random.Random(seed)  # noqa: S311 - a repeatable mixture, no secret
    keys = [*(f"{table}.{key}" if table else key for table, key, _ in SETTINGS), "snapshot", "store", "x", '""']
    values = [
        *("1", "-1", "0", "1e400", "nan", "-inf", "true", '"ember"', '"#00ff00"', "[]", "{}", "[[1]]", '{a = "b"}'),
        *("2024-02-29", "2024-02-30", "12:00:61", '["dwell"]', '["dwell", 1]', '{a = ["#000000", "#ffffff"]}'),
        *('"replay:"', '"1%"', "0x_", "0b1", "1_000", "'''x'''", '"\\ud800"', '"\\u0000"', "99999999999999999999"),
    ]
    outcomes = set()
    for _ in range(500):
        lines = [f"{rng.choice(keys)} = {rng.choice(values)}" for _ in range(rng.randrange(4))]
        lines.insert(rng.randrange(len(lines) + 1), rng.choice(["", "[snapshot]", "[[store]]", "[", "# x", "\t"]))
        message = refusal("\n".join(lines))
        assert message.startswith("fuzz: ") or message == ""
        outcomes.add(message == "")
    assert outcomes == {True, False}


# Privacy ----------------------------------------------------------------------------------------------


def test_excluded_rectangles_are_of_a_monitor_or_of_the_desktop() -> None:
    written = 'exclude = ["DP-1 100,200 300x50", "-5,0 1x2", "A screen@4x3  0,0 9x9"]'
    assert parse(f"[privacy]\n{written}", "").privacy.exclusions == [
        Exclusion("DP-1", 100, 200, 300, 50),
        Exclusion("", -5, 0, 1, 2),
        Exclusion("A screen@4x3", 0, 0, 9, 9),
    ]


@pytest.mark.parametrize(
    "text",
    [
        *('[privacy]\nexclude = ["DP-1"]', "privacy = 1", "[[privacy]]", "privacy.click_cell_px = 0"),
        *('[privcy]\nexclude = ["1,2 3x4"]', '[store]\nexclude = ["1,2 3x4"]', "click_cell = 5", "[Privacy]"),
        *('[privacy]\nexclude = ["1,2 3x4]', "[privacy\n", "warp_px == 1\n[privacy]", "privacy.excludes = []"),
        *("[privacy]\n[privacy]", 'warp_px = 0\nprivacy.exclude = [""]'),
        *('[applications]\ndeny = ["a"]', "[applications]\nenabled = 1", "applications.denied = []", 'deny = ["a"]'),
        *('applications.aliases = ["a"]', '[application]\ndeny = ["a"]', "[applications]\nattribute = 'window'"),
    ],
)
def test_where_it_is_not_known_what_a_file_says_of_privacy_the_error_says_so(text: str) -> None:
    with pytest.raises(PrivacyError) as raised:
        parse(text, "config.toml")
    assert raised.value.privacy is None
    assert raised.value.exit_code == ExitCode.BAD_CONFIG


@pytest.mark.parametrize(
    ("text", "privacy"),
    [
        ("warp_px = 0", None),
        ("warp_px == 0", None),
        ("snapshot.scale = 1\npalete = 2", None),
        ("warp_px = 0\n[privacy]\nclick_cell_px = 8", PrivacyConfig(click_cell_px=8)),
    ],
)
def test_other_mistakes_are_no_matter_of_privacy(text: str, privacy: PrivacyConfig | None) -> None:
    with pytest.raises(ConfigError) as raised:
        parse(text, "config.toml")
    assert not isinstance(raised.value, PrivacyError)
    assert raised.value.privacy == privacy


def test_who_denies_an_application_must_enable_them() -> None:
    found = problem('[applications]\ndeny = ["a"]')
    assert (
        found.splitlines()[1]
        == "applications.deny: it has no effect while enabled = false; set enabled = true, or remove it"
    )


def test_beside_other_mistakes_the_applications_are_known() -> None:
    with pytest.raises(ConfigError) as raised:
        parse("warp_px = 0\n[applications]\nenabled = true\ndeny = ['A']", "config.toml")
    assert raised.value.applications == ApplicationsConfig(enabled=True, deny=["A"])


def test_rules_about_applications_are_as_they_are_counted() -> None:
    text = 'enabled = true\nallow = ["A.desktop"]\ndeny = ["Steam_*"]\nattribute = "focus"\naliases = ["X.py = Org.X"]'
    assert parse(f"[applications]\n{text}", "").applications.rules() == ApplicationRules(
        is_on=True, allow=("a",), deny=("steam_*",), by_focus=True, aliases={"x.py": "org.x"}
    )


def test_a_file_that_cannot_be_read_may_say_anything_of_privacy(tmp_path: Path) -> None:
    with pytest.raises(PrivacyError):
        load(tmp_path)
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b"# caf\xe9\n[privacy]\n")
    with pytest.raises(PrivacyError):
        load(latin)


_MUTANTS = 1000
_PIECES = (
    *("[privacy]", "[[store]]", "=", "[", "]", "{", "}", '"', "'''", "#", "\n", "\t", "\0", "\r", ",", ".", "-", "0x"),
    *("nan", "-1", "1e999", "true", "1979-05-27", '"DP-1 1,2 3x4"', "privacy.exclude", "\\u", "\u200d", "9" * 50),
)


def test_a_thousand_spoilt_files_are_each_a_configuration_or_a_sentence(tmp_path: Path) -> None:
    """A real file with bytes changed, lines torn apart, doubled and swapped: what editors and disks leave."""
    dice = random.Random(7)  # noqa: S311 - a repeatable mixture, no secret
    good = to_toml(parse('[privacy]\nexclude = ["DP-1 1,2 3x4"]', ""), comments=True).encode()
    path = tmp_path / "config.toml"
    outcomes: Counter[str] = Counter()
    for _ in range(_MUTANTS):
        content = bytearray(good)
        for _ in range(dice.randrange(1, 6)):
            at = dice.randrange(len(content))
            match dice.randrange(5):
                case 0:
                    content[at] = dice.randrange(256)
                case 1:
                    content[at:at] = dice.choice(_PIECES).encode()
                case 2:
                    del content[at : at + dice.randrange(1, 40)]
                case 3:
                    content[at:at] = content[at : at + dice.randrange(1, 200)]
                case _:
                    content = content[:at] if dice.randrange(8) == 0 else content
        path.write_bytes(content)
        error = refused(path)
        if error is not None:
            assert error.message.startswith(str(path))
            assert error.hint
        outcomes[type(error).__name__] += 1
    assert sum(outcomes.values()) == _MUTANTS
    assert min(outcomes["NoneType"], outcomes["PrivacyError"]) > _MUTANTS // 10, outcomes


def test_a_file_of_an_older_version_never_shortens_how_long_hours_are_kept() -> None:
    """What ``config --default`` wrote before hours were kept has all other keys of [store], and not this one."""
    keys = {"keep_hourly_pixels_days": 7, "keep_daily_pixels_days": 14, "keep_monthly_pixels_days": 400, "keep_days": 0}
    older = "[store]\n" + "".join(f"{key} = {days}\n" for key, days in keys.items())
    for text in (older, older.replace("keep_hourly_pixels_days", "hours_days"), to_toml(Config(), comments=True)):
        assert parse(text, "older").store.keep_hour_cells_days is None
    assert parse(older + "keep_hour_cells_days = 0\n", "set").store.keep_hour_cells_days == 0
