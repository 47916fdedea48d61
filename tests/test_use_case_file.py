"""Use cases in YAML: what is read, and the message for each fault."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import SkipTest

import pytest
from hypothesis import given
from hypothesis import strategies as st

import harness_reports
from harness import FactError, Figure, PluginError, UseCase, use_case_file
from harness.facts import Spread, Text
from harness.hookspecs import hookimpl
from harness.plugins import Plugins, load_plugins
from harness.testing import check
from harness.use_case_file import read_use_case, read_use_cases
from harness_reports.business.figure_rules import BOTTOM_UP, check_use_case
from harness_reports.economics import distributions

GOOD = """
name: letters
title: Letters sorted
summary: A request is one letter.
tasks: [text-classification]
as_of: 2026-11-24
hosted: [openai/gpt-4.1-nano]
needs:
  quality: {value: 0.85, unit: accuracy, source: people trust it}
  latency_s: {value: 0.5, unit: s, source: a person waits}
market:
  requests_per_year:
    value: {lognormal: [1e6, 4e6]}
    unit: letters per year
    source: counted
    kind: sourced
    as_of: 2025-12-31
  value_per_request_usd: {value: {pert: [0.02, 0.05, 0.1]}, unit: USD per letter, source: a clerk}
  fixed_cost_per_year_usd: {value: 40_000, unit: USD per year, source: an engineer}
  upfront_cost_usd: {value: 3e4, unit: USD, source: integration}
  discount_rate: {value: 0.1, unit: share per year, source: hurdle}
  years: {value: 4, unit: years, source: replaced then}
  development_multiplier: {value: 10, unit: runs, source: experiments}
"""
DEMAND = GOOD[GOOD.index("  requests_per_year:") : GOOD.index("  value_per_request_usd")]


def write(folder: Path, text: str, name: str = "letters.yaml") -> Path:
    """Write a use case."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def bring(file: Path, *others: ModuleType) -> UseCase:
    """Load a use case as `--plugin FILE` does, beside other plugins."""
    plugins = Plugins()
    for module in others:
        _load(plugins, module)
    plugins.load_files([str(file)])
    assert not plugins.failures
    return next(iter(plugins.use_cases().values()))


def _load(plugins: Plugins, module: ModuleType) -> None:
    plugins.load(module.__name__, "some-distribution", "1", lambda: module)


def test_a_good_file_is_read(tmp_path: Path) -> None:
    """Every field is read; a figure without a day has the file's."""
    case = bring(write(tmp_path, GOOD), harness_reports)
    requests = case.market["requests_per_year"]

    assert (case.name, case.tasks, case.data) == ("letters", ("text-classification",), ())
    assert case.hosted == ("openai/gpt-4.1-nano",)
    assert case.needs["quality"] == Figure(0.85, "accuracy", date(2026, 11, 24), "people trust it")
    assert case.market["upfront_cost_usd"].value == 30_000
    assert (requests.kind, requests.as_of) == ("sourced", date(2025, 12, 31))
    assert requests.spread == Spread("lognormal", (1e6, 4e6))
    assert 2e6 < requests.value < 2.5e6
    assert case.market["value_per_request_usd"].value == pytest.approx((0.02 + 4 * 0.05 + 0.1) / 6)


def test_a_file_may_say_on_which_data_it_stands(tmp_path: Path) -> None:
    """Its verdicts use only those of its tasks' data."""
    case = read_use_case(
        write(tmp_path, GOOD.replace("as_of: 2026-11-24\n", "as_of: 2026-11-24\ndata: [letters]\n", 1))
    )

    assert case.covers("text-classification", "letters")
    assert not case.covers("text-classification", "reviews")
    assert not case.covers("sorting", "letters")


def test_data_that_cannot_be_called_so_are_told(tmp_path: Path) -> None:
    """No data can have such a name: the use case would never get a verdict."""
    with pytest.raises(FactError, match=r"data cannot have the name 'a=b'\. Use up to 80 letters"):
        read_use_case(write(tmp_path, GOOD.replace("as_of: 2026-11-24\n", "as_of: 2026-11-24\ndata: ['a=b']\n", 1)))


def test_texts_may_have_translations(tmp_path: Path) -> None:
    """Of some texts in some languages; the file's own stay what is compared and written."""
    translations = "translations: {de: {title: Briefe, figures: {years: {source: dann ersetzt}}}, zh: {title: 信件}}\n"
    case, plain = (read_use_case(write(tmp_path, text)) for text in (GOOD + translations, GOOD))

    assert case == plain
    assert _said(case.title) == {"de": "Briefe", "zh": "信件"}
    assert _said(case.market["years"].source) == {"de": "dann ersetzt"}
    assert _said(case.market["years"].unit) == _said(case.summary) == _said(plain.title) == {}


def _said(text: str) -> dict[str, str]:
    assert isinstance(text, Text)
    return dict(text.translations)


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        ("{de: {titel: Briefe}}", "translations.de: Unknown text 'titel'. Did you mean 'title'?"),
        ("{de: {figures: {jahre: {unit: a}}}}", "translations.de: Unknown text 'jahre.unit'"),
        ("{de: {title: 5}}", "`title` is 5. Give a text."),
        ("{de: Briefe}", "`translations` is 'Briefe'. Give texts by name"),
        ("{de: {figures: {years: a}}}", "`years` is 'a'. Give texts by name"),
    ],
)
def test_bad_translations_are_refused(tmp_path: Path, texts: str, sentence: str) -> None:
    """With the file and the text."""
    path = write(tmp_path, f"{GOOD}translations: {texts}\n")

    with pytest.raises(FactError) as error:
        read_use_case(path)
    assert str(error.value).startswith(str(path))
    assert sentence in str(error.value)


def test_what_comes_along_has_all_its_texts_in_chinese() -> None:
    """Title, summary, units and sources of every packaged use case."""
    for case in load_plugins().use_cases().values():
        figures = {**case.needs, **case.market}
        parts = [part for figure in figures.values() for part in (figure.unit, figure.source)]

        assert figures
        assert all(_said(text).get("zh") for text in (case.title, case.summary, *parts)), case.name


def test_the_example_of_the_documentation_is_read(tmp_path: Path) -> None:
    """What the module's docstring shows works."""
    example = str(use_case_file.__doc__).split("```yaml\n")[1].split("```")[0]

    assert bring(write(tmp_path, example)).market["requests_per_year"].spread is not None


def test_what_comes_along_is_read_in_the_order_of_its_files() -> None:
    """Each plugin brings its own, and all are valid."""
    cases = load_plugins().use_cases()
    folders = sorted(Path(__file__).parents[1].glob("plugins/harness_*/use_cases"))
    files = [path for folder in folders for path in sorted(folder.glob("*.yaml"))]

    assert [path.stem for path in files] == [case.name for folder in folders for case in read_use_cases(folder)]
    assert {path.stem for path in files} <= set(cases)
    assert len(files) >= 10
    for path in files:
        assert (file := cases[path.stem].file) is not None
        assert file.parts[-3:] == path.parts[-3:]
        check_use_case(cases[path.stem])
        assert {"quality", "latency_s", "privacy", "explainability"} == set(cases[path.stem].needs)


FAULTS: list[tuple[str, str, str]] = [  # each: what, by what, the sentence
    ("as_of: 2026-11-24\n", "", "needs.quality has no `as_of`: an undated figure is not a fact"),
    ("as_of: 2026-11-24\n", "as_of: yesterday\n", "needs.quality: `as_of` is 'yesterday'. Give a day"),
    ("source: a clerk}", "source: ''}", "market.value_per_request_usd has no `source`. Say where it comes from"),
    ("unit: accuracy, ", "", "needs.quality has no `unit`"),
    ("value: 0.85, ", "", "needs.quality has no `value`"),
    ("kind: sourced", "kind: guessed", "market.requests_per_year: `kind` is 'guessed'. Write assumption or sourced"),
    ("pert: [0.02, 0.05, 0.1]", "pert: [0.1, 0.05, 0.02]",
     "the high of its pert distribution, 0.02, is not above its low"),
    ("pert: [0.02, 0.05, 0.1]", "pert: [0.02, 0.5, 0.1]", "the mode 0.5 is not from 0.02 to 0.1"),
    ("pert: [0.02, 0.05, 0.1]", "pert: [0.02, 0.1]", "Give 3 numbers: [low, mode, high]"),
    ("pert: [0.02, 0.05, 0.1]", "triangular: [0.1, 0.1, 0.1]", "the high of its triangular distribution"),
    ("pert: [0.02, 0.05, 0.1]", "normal: [0.1, 0]", "deviation of its normal distribution is 0"),
    ("pert: [0.02, 0.05, 0.1]", "prt: [0.02, 0.05, 0.1]", "Unknown distribution 'prt'. Did you mean 'pert'"),
    ("pert: [0.02, 0.05, 0.1]", "pert: [0, 1, 2], normal: [1, 2]", "has 2 distributions. Give one"),
    ("lognormal: [1e6, 4e6]", "lognormal: [4e6, 1e6]", "the p95 of its lognormal distribution, 1e+06, is not above"),
    ("lognormal: [1e6, 4e6]", "lognormal: [-1, 4e6]", "a lognormal distribution is above 0"),
    ("lognormal: [1e6, 4e6]", "normal: [1e6, 1e6]", "reaches from -3e+06 to 5e+06. Give 0 or above over all of it"),
    ("discount_rate: {value: 0.1,", "discount_rate: {value: -0.02,", "market.discount_rate is -0.02. Give 0 or above"),
    ("discount_rate: {value: 0.1,", "discount_rate: {value: {pert: [-0.1, 0.1, 0.2]},", "reaches from -0.1"),
    ("value: 3e4", "value: .nan", "market.upfront_cost_usd is nan. Give a finite number"),
    ("value: 3e4", "value: .inf", "market.upfront_cost_usd is inf. Give a finite number"),
    ("value: 3e4", "value: cheap", "market.upfront_cost_usd is 'cheap'. Give a number"),
    ("value: 3e4", "value: true", "market.upfront_cost_usd is True. Give a number"),
    ("value: 3e4", "value: [1]", "market.upfront_cost_usd is [1]. Give a number"),
    ("unit: USD, ", "unit: EUR, ", "market.upfront_cost_usd is in 'EUR' (EUR). All money is USD: convert it"),
    ("unit: USD per letter", "unit: cent per letter", "is money, but its unit is 'cent per letter'"),
    ("upfront_cost_usd:", "upfront_costs_usd:",
     "Unknown figure in market 'upfront_costs_usd'. Did you mean 'upfront_cost_usd'"),
    ("  quality:", "  qualty:", "Unknown figure in needs 'qualty'. Did you mean 'quality'"),
    ("title:", "titel:", "Unknown key 'titel'. Did you mean 'title'"),
    ("unit: s,", "unti: s,", "Unknown key 'unti'. Did you mean 'unit'"),
    ("title: Letters sorted", "title: ''", "`title` is ''. Give a text"),
    ("tasks: [text-classification]", "tasks: sorting", "`tasks` is 'sorting'. Give a list of names"),
    ("tasks: [text-classification]", "tasks: []", "`tasks` is []. Give a list of names"),
    ("hosted: [openai/gpt-4.1-nano]", "hosted: 3", "`hosted` is 3. Give a list"),
    ("value: 4, unit: years", "value: 4.5, unit: years", "market.years is 4.5. Give a whole number from 1"),
    ("value: 4, unit: years", "value: {pert: [1, 2, 3]}, unit: years", "market.years is uncertain. Give one number"),
    ("value: 0.5, unit: s", "value: 0, unit: s", "needs.latency_s is 0. Give a number above 0"),
    ("discount_rate: {value: 0.1, unit: share per year, source: hurdle}", "discount_rate: 0.1",
     "a bare number is not a fact"),
    (DEMAND, "", "has no market figure 'requests_per_year'. Add it with its date and source, or all of buyers"),
    ("  years:", "  staff: {value: 1, unit: people, source: x}\n  years:",
     "staff_usd_per_year is missing beside staff"),
    ("name: letters", "name: letters\nname: bills", "the key 'name' is here twice"),
    ("name: letters", "name: [", "not valid YAML"),
    ("as_of: 2026-11-24\n", "as_of: 2026-02-30\n", "not valid YAML"),
    ("name: letters", "name: !!python/object/apply:os.system ['true']", "not valid YAML"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "sentence"), FAULTS, ids=[fault[1][:40] for fault in FAULTS])
def test_a_bad_file_is_refused(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    """Each fault has its sentence, which names the file: in its syntax, and in what the business demands."""
    assert GOOD.count(old) == 1
    with pytest.raises(PluginError) as caught:
        bring(write(tmp_path, GOOD.replace(old, new)), harness_reports)

    assert sentence in str(caught.value)
    assert str(caught.value).count("letters.yaml") > 1


@pytest.mark.parametrize("text", ["", "[]", "3", "needs: 3\nname: a\ntitle: b\nsummary: c\ntasks: [d]"])
def test_an_empty_file_is_refused(tmp_path: Path, text: str) -> None:
    """Nothing is read into it."""
    with pytest.raises(FactError, match=r"is empty|`needs` is 3\. Give figures by name"):
        read_use_case(write(tmp_path, text))


def test_a_part_without_figures_is_refused_with_the_list(tmp_path: Path) -> None:
    """Whether it is empty or not there."""
    for text in (GOOD[: GOOD.index("market:")], GOOD[: GOOD.index("market:")] + "market:\n"):
        with pytest.raises(PluginError, match=r"`market` is empty\. Give figures by name: requests_per_year, buyers"):
            bring(write(tmp_path, text), harness_reports)


@pytest.mark.parametrize(
    ("error", "loaded", "failure"),
    [
        (FactError("no colours"), ["checking"], ("stranger", "FactError: no colours")),
        (
            KeyError("colour"),
            ["stranger", "checking"],
            ("checking", "harness_check_use_case raised KeyError: 'colour'"),
        ),
    ],
)
def test_figures_are_checked_by_plugins_in_whatever_order_they_load(
    tmp_path: Path, error: Exception, loaded: list[str], failure: tuple[str, str]
) -> None:
    """A plugin whose name comes later checks a file; where it cannot, that is its own failure, noted once."""
    file = write(tmp_path, GOOD.replace("  quality:", "  colour:"))
    stranger, checking = ModuleType("stranger"), ModuleType("checking")
    stranger.harness_use_cases = hookimpl(lambda: [read_use_case(file)])  # type: ignore[attr-defined]
    checking.harness_use_cases = hookimpl(lambda: [replace(read_use_case(file), name="own")])  # type: ignore[attr-defined]

    @hookimpl(specname="harness_check_use_case")
    def refuse(use_case: UseCase) -> None:
        if use_case.name != "own" or isinstance(error, KeyError):
            raise error

    checking.refuse = refuse  # type: ignore[attr-defined]
    plugins = Plugins()
    _load(plugins, stranger)
    _load(plugins, checking)

    assert [plugin.name for plugin in plugins.loaded] == loaded
    assert [(one.plugin, one.reason) for one in plugins.failures] == [failure]


def test_without_a_plugin_that_checks_figures_every_name_will_do(tmp_path: Path) -> None:
    """The core defines none."""
    assert bring(write(tmp_path, GOOD.replace("  quality:", "  colour:"))).needs["colour"].value == 0.85


@pytest.mark.parametrize(
    ("key", "line", "shown"),
    [
        ("name", "name: 2024", "`name` is 2024. Give a text. YAML reads it as a number"),
        ("title", "title: no", "`title` is False. Give a text. YAML reads it as true or false"),
        ("summary", "summary: 2026-11-24", "YAML reads it as a day"),
        ("tasks", "tasks: [1e3]", "`tasks` is [1000.0]. YAML reads it as a number"),
    ],
)
def test_a_text_that_looks_like_a_number_wants_quotes(tmp_path: Path, key: str, line: str, shown: str) -> None:
    """Instead of being turned into another text; with quotes it is taken."""
    lines = [other for other in GOOD.splitlines() if not other.startswith(f"{key}:")]
    with pytest.raises(FactError) as caught:
        read_use_case(write(tmp_path, "\n".join([line, *lines])))

    assert shown in str(caught.value)
    assert "put it in quotes" in str(caught.value)
    if key == "name":
        assert read_use_case(write(tmp_path, "\n".join(['name: "2024"', *lines]))).name == "2024"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_fine(tmp_path: Path, encoding: str) -> None:
    """As Windows writes it; another encoding is named with the line as it reads."""
    path = tmp_path / "letters.yaml"
    path.write_text(GOOD, encoding=encoding)
    assert read_use_case(path) == read_use_case(write(tmp_path, GOOD))
    path.write_bytes(GOOD.replace("a clerk", "办事员说的数字，大家都同意").encode("gbk"))
    with pytest.raises(FactError, match=r"cannot be read: .*, line \d+: byte \d+ .* In gb18030 it reads .*办事员"):
        read_use_case(path)


def test_a_file_that_is_no_text_or_not_there_is_refused(tmp_path: Path) -> None:
    """Binary content and a missing file raise a FactError."""
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xff\xfe\x00")

    for file in (path, tmp_path / "missing.yaml"):
        with pytest.raises(FactError, match="cannot be read"):
            read_use_case(file)


def test_demand_may_come_from_the_ground(tmp_path: Path) -> None:
    """Buyers, two shares and their requests stand for requests; three of the four do not."""
    four = "".join(f"  {name}: {{value: 0.5, unit: of it, source: counted}}\n" for name in BOTTOM_UP)

    assert set(BOTTOM_UP) <= set(bring(write(tmp_path, GOOD.replace(DEMAND, four)), harness_reports).market)
    three = "".join(four.splitlines(keepends=True)[:3])
    with pytest.raises(PluginError, match="'requests_per_year'"):
        bring(write(tmp_path, GOOD.replace(DEMAND, three)), harness_reports)


@given(
    shape=st.sampled_from(["pert", "triangular", "normal", "lognormal"]),
    low=st.floats(0.01, 1e6), more=st.floats(1e-3, 1e6), share=st.floats(0, 1),
)  # fmt: skip
def test_the_mean_is_that_of_the_distribution(shape: Any, low: float, more: float, share: float) -> None:
    """The core's closed forms agree with the distributions that are drawn from."""
    high = low + more
    numbers, twin = {
        "pert": ((low, low + share * more, high), distributions.Pert),
        "triangular": ((low, low + share * more, high), distributions.Triangular),
        "normal": ((low, more), distributions.Normal),
        "lognormal": ((low, high), distributions.Lognormal.from_90_interval),
    }[shape]
    spread = Spread(shape, tuple(min(number, high) for number in numbers) if shape != "normal" else numbers)
    try:
        expected = twin(*spread.numbers).mean  # type: ignore[operator]
    except OverflowError:
        return

    assert math.isclose(spread.mean, expected, rel_tol=1e-9)


def test_a_file_is_a_plugin(tmp_path: Path) -> None:
    """`--plugin letters.yaml` brings the use case, and the kit takes the file."""
    plugins = load_plugins([str(write(tmp_path, GOOD))])
    findings = check(str(tmp_path / "letters.yaml"), plugins)

    assert plugins.use_cases()["letters"].title == "Letters sorted"
    assert plugins.owner("use_cases", "letters").name == "letters"
    assert findings.ok, str(findings)


def test_a_broken_file_as_a_plugin_is_told(tmp_path: Path) -> None:
    """The user named it: the message is about the file."""
    path = write(tmp_path, GOOD.replace("value: 3e4", "value: .nan"))
    with pytest.raises(PluginError, match=r"upfront_cost_usd is nan\. Give a finite number"):
        load_plugins([str(path)])


def test_the_kit_holds_use_cases_in_python_to_the_same_rules() -> None:
    """An unknown figure, a missing one, and no figures."""
    from harness.testing.facts import UseCaseBench, figures_make_sense
    from harness.testing.findings import CheckFailed

    figure = Figure(1.0, "USD", date(2026, 1, 1), "a guess")
    plugins = load_plugins()
    for needs, market, sentence in (
        ({"qualty": figure}, {"years": figure}, "mine: .* Did you mean 'quality'"),
        ({"quality": figure}, {"years": figure}, "mine has no market figure"),
        ({}, {"years": figure}, "mine: `needs` is empty"),
    ):
        case = UseCase("mine", "Mine", "Mine.", ("text-classification",), needs, market)
        with pytest.raises(CheckFailed, match=sentence):
            figures_make_sense(UseCaseBench(case, plugins))
        with pytest.raises(SkipTest, match="No plugin defines the figures of use cases"):
            figures_make_sense(UseCaseBench(case, Plugins()))
