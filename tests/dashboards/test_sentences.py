"""Every sentence that the functions say of a verdict has its Chinese."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from harness_dashboards.texts_sentences import translate
from harness_reports.business.viability import viability
from harness_reports.cells import rows

ENGLISH = re.compile(r"[A-Za-z]{2,}(?: [A-Za-z]+){2,}")


def _sentences() -> Iterator[str]:
    from harness_reports.business.verdict import Facts, decide
    from harness_reports.measured.latency import Promise

    accuracy = {"metric": "accuracy", "value": 0.7, "low": 0.6, "high": 0.8, "higher_is_better": True, "seeds": 1}
    broken = Promise("broken", 7, 900)
    for needed, kept in ((0.9, None), (0.5, broken)):
        yield from decide(Facts((), accuracy, needed, kept, 0.1, _money())).reasons
    for mean, margin in ((5.0, 1.0), (-5.0, 1.0), (-5.0, -1.0)):
        for needed in (0.5, 0.7):
            facts = Facts((), accuracy, needed, None, None, _money(mean, margin), ("explainability",))
            yield from decide(facts).reasons


def _money(mean: float = 5.0, margin: float = 1.0) -> Any:
    from harness_reports.business.verdict import Money
    from harness_reports.business.worth import Learning
    from harness_reports.economics.simulation import Outcome

    found = Outcome(1000, mean * 1e3, 1.0, -2e3, mean * 1e3, 9e3, 0.8, -3e3)
    return Money(margin, found, 0.1, [], Learning(9.0, 5.0), 0.1, 0.7)


def test_verdicts_are_said_in_chinese() -> None:
    """No English phrase is left; the numbers are."""
    for sentence in _sentences():
        said = translate(sentence)
        assert not ENGLISH.search(said), said
        assert re.findall(r"\d[\d,.]*\d|\d", sentence) == re.findall(r"\d[\d,.]*\d|\d", said.replace("1%", "1 %")), said


@pytest.mark.parametrize("changes", [{}, {"window_s": 0.5}, {"latency_s": (0.02,) * 50}, {"scores": (1, 0) * 5}])
def test_reasons_of_real_tables_are_said_in_chinese(changes: dict[str, Any], filing: Any) -> None:
    """Reasons, flips and drivers of records."""
    for row in filing(changes):
        for name in ("reasons", "flip", "drivers"):
            if row[name]:
                assert not ENGLISH.search(translate(row[name])), translate(row[name])


@pytest.fixture
def filing() -> Any:
    """Return a function that makes the rows of the viability table from one hand-built case."""
    import importlib.util
    from pathlib import Path

    from harness_reports.prices.pricing import choose

    spec = importlib.util.spec_from_file_location("built", Path(__file__).parents[1] / "reports" / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    built = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(built)
    pricing = choose(built.PriceBook("bench", "for tests", (built.price(),)))
    market = {name: built.figure(value) for name, value in built.MARKET.items()}
    needs = {name: built.figure(value) for name, value in (("quality", 0.8), ("latency_s", 0.5))}
    case = built.UseCase("filing", "Filing", "Things are filed.", ("topics",), needs, market)

    def make(changes: dict[str, Any]) -> list[dict[str, Any]]:
        return rows(viability(built.Bench().case(**changes), pricing, [case]))

    return make
