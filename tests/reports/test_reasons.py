"""Every reason has a sentence in every language, with the same values; tables hold English."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

import harness_reports
from harness import why
from harness_reports.business.alternatives import alternatives_of
from harness_reports.business.evidence import gather
from harness_reports.business.market import read_market
from harness_reports.business.needs import needs
from harness_reports.business.viability import judge, viability
from harness_reports.cells import rows, share
from harness_reports.prices.pricing import Pricing
from harness_reports.reasons import LANGUAGES, Reason, Reasons, as_text
from harness_reports.reasons.english import SENTENCES

PHRASE = re.compile(r"[A-Za-z]{2,}(?: [A-Za-z]+){2,}")
NUMBER = re.compile(r"\d[\d,.]*\d|\d")
SAMPLES: dict[str, Any] = {
    "usd": -1234.5, "share": 0.27, "count": 2_154_936_112.0, "number": 1.25, "name": "quality",
    "names": ("privacy", "latency_s"),
    "shares": (("quality", 0.6), ("staff", 0.3)), "counts": (("unparsable", 3), ("cut off", 2)),
    "either": (
        Reason("value set to", {"value": 0.25, "today": 0.1}), Reason("volume set to", {"value": 5e5, "today": 1e5}),
    ),
    "every": (Reason("third party"), Reason("one seed")),
    ".4g": 0.9125, ".3g": 0.25, ".2g": 0.5, ".1f": 4.5, "change": -0.2, "g": 0.5, "": 30,
}  # fmt: skip
"""Format of a field → sample value."""


def _fields(sentence: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the format of each field."""
    for _, name, form, _ in Formatter().parse(sentence):
        if name is not None:
            yield name, form or ""


def _sample(code: str) -> Reason:
    fields = (field for catalogue in LANGUAGES.values() for field in _fields(catalogue.sentences[code]))
    return Reason(code, {name: SAMPLES[form] for name, form in fields})


@pytest.mark.parametrize("code", SENTENCES)
def test_a_sentence_has_the_same_values_in_every_language(code: str) -> None:
    """And no English phrase is left in Chinese."""
    sentences = {language: _sample(code).sentence(language) for language in LANGUAGES}

    for language, catalogue in LANGUAGES.items():
        assert dict(_fields(catalogue.sentences[code])).keys() == dict(_fields(SENTENCES[code])).keys(), language
        assert sorted(NUMBER.findall(sentences[language])) == sorted(NUMBER.findall(sentences["en"]))
    assert not PHRASE.search(sentences["zh"]), sentences["zh"]


def test_catalogues_have_the_same_codes() -> None:
    """And no two sentences are equal."""
    for catalogue in LANGUAGES.values():
        assert catalogue.sentences.keys() == SENTENCES.keys()
        assert len(set(catalogue.sentences.values())) == len(SENTENCES)


def test_every_code_is_used_with_the_fields_of_its_sentence() -> None:
    """In the sources: a code without a sentence would end a table with a KeyError."""
    strings, keys_by_code = set(), {}
    for file in Path(str(harness_reports.__file__)).parent.rglob("*.py"):
        if file.parent.name == "reasons":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                strings.add(node.value)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Reason":
                code, values = node.args[0], node.args[1] if len(node.args) > 1 else None
                if isinstance(code, ast.Constant):
                    keys_by_code[str(code.value)] = _keys(values)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "NoLawError":
                keys_by_code[ast.literal_eval(node.args[0])] = {str(keyword.arg) for keyword in node.keywords}

    assert SENTENCES.keys() - why.SENTENCES.keys() <= strings
    assert keys_by_code.keys() <= SENTENCES.keys()
    for code, keys in keys_by_code.items():
        assert keys is None or keys == dict(_fields(SENTENCES[code])).keys(), code


def _keys(values: ast.expr | None) -> set[str] | None:
    """Return the keys of a dict literal, None for any other expression."""
    if values is None:
        return set()
    keys = values.keys if isinstance(values, ast.Dict) else [None]
    return None if None in keys else {str(key.value) for key in keys if isinstance(key, ast.Constant)}


def test_the_format_of_amounts_shares_and_counts() -> None:
    """In both languages."""
    loss = Reason("loss likely", {"p05_usd": -1234.4, "p95_usd": 0.0512, "loss": 0.274, "accepted": 0.1})
    flip = Reason("investment if", {"changes": Reasons(SAMPLES["either"])})

    assert str(loss) == (
        "The net present value is between -1,234 USD and 0.0512 USD (5th to 95th percentile). The probability of a "
        "loss is 27 %; 10 % is accepted."
    )
    assert loss.sentence("zh") == (
        "净现值在 -1,234 美元 至 0.0512 美元 之间（第 5 至第 95 百分位），亏损概率为 27 %，而可接受的为 10 %。"
    )
    assert str(flip) == (
        "It becomes an investment if the value of a request is 0.25 USD (today 0.1 USD), or demand is 500,000 requests "
        "a year (today 100,000)."
    )
    assert flip.sentence("zh") == (
        "若每次请求价值为 0.25 美元（目前为 0.1 美元），或每年有 500,000 次请求（目前为 100,000 次），它成为投资。"
    )


@pytest.mark.parametrize(
    ("value", "written"), [(0.0, "0 %"), (0.004, "< 1 %"), (0.5, "50 %"), (0.995, "> 99 %"), (1.0, "100 %")]
)
def test_rounding_makes_no_share_certain(value: float, written: str) -> None:
    """In sentences as on the pages."""
    assert share(value) == written
    assert str(Reason("drivers", {"drivers": (("staff", value),)})).endswith(f" {written}.")


def test_figures_have_the_names_of_the_language() -> None:
    """In lists too, in English as well; names that are given leave those of others as in tables."""
    names = {"staff": "人员", "quality": "质量"}
    drivers = Reason("drivers", {"drivers": (("staff", 0.5), ("quality", 0.25), ("buyers", 0.1))})

    assert drivers.sentence("zh", names) == "不确定性主要来自：人员 50 %、质量 25 %、buyers 10 %。"
    assert str(drivers) == "Its variance comes from Staff 50 %, Quality 25 %, Buyers 10 %."


def test_the_value_of_an_equally_good_baseline_is_not_called_its_own() -> None:
    """Its own row shows another, as it is compared at the candidate's error cost."""
    reason = Reason("baseline as good", {"model": "tfidf", "baseline_usd": 75_300.0, "npv_usd": 75_216.0})

    assert "with this one's errors its expected net present value would be 75,300 USD" in str(reason)
    assert "按本方案的错误率，其期望净现值为 75,300 美元" in reason.sentence("zh")


def test_braces_and_formats_in_a_name_stay_text() -> None:
    """A model's name is not a template."""
    name = "{model!r} {0:usd} %s"
    reason = Reason("baseline better", {"model": name, "baseline_usd": 1.0, "npv_usd": 2.0})

    assert repr(name) in str(reason)
    assert name in reason.sentence("zh")


def test_the_reasons_of_a_row_become_text() -> None:
    """In a language; no reasons are an empty text."""
    row = {"why": Reasons([Reason("no value"), Reason("third party")]), "flip": None, "none": Reasons(), "npv": 1.5}

    assert as_text(row) == {
        "why": "Its net present value is not positive. No third party may see a request.",
        "flip": None, "none": "", "npv": 1.5,
    }  # fmt: skip
    assert as_text(row, "zh")["why"].endswith("不允许第三方看到请求。")


def test_a_command_is_kept_apart_from_the_sentence_after_it() -> None:
    """It can be copied: a semicolon ends it in a shell, too."""
    reasons = Reasons([Reason("people few", {"people": 3, "needed": 50}), Reason("third party")])

    assert "--rubric RUBRIC.yaml; No third party may see a request." in reasons.sentence("en")
    assert Reasons([Reason("third party"), Reason("no value")]).sentence("en").count(";") == 0


@pytest.mark.parametrize("changes", [{}, {"window_s": 0.5}, {"latency_s": (0.02,) * 50}, {"scores": (1, 0) * 5}])
def test_rows_hold_reasons_and_tables_their_english(
    bench: Any, pricing: Pricing, make_use_case: Any, changes: dict[str, Any]
) -> None:
    """`judge` gives the reasons that `viability` prints; all have Chinese sentences."""
    case, records = make_use_case(), bench.case(**changes)
    candidates = judge(read_market(case, {}), gather(records, pricing))
    (printed,) = rows(viability(records, pricing, [case]))
    reasons = [candidates.best.row[name] for name in ("reasons", "flip", "drivers")]
    reasons += [row["why"] for row in needs(candidates.market, candidates.best)]
    reasons += [each.row[name] for each in alternatives_of(candidates) for name in ("reasons", "excluded")]

    assert isinstance(candidates.best.row["reasons"], Reasons)
    assert printed["reasons"] == str(candidates.best.row["reasons"])
    assert all(isinstance(reason, Reason | Reasons) for reason in reasons if reason)
    assert not any(PHRASE.search(reason.sentence("zh")) for reason in reasons if reason)
