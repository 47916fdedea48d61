"""A reader's figures in a use case: changes, errors, and the saved file."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import FactError, UseCase
from harness.facts import Figure, Spread
from harness.plugins import load_plugins
from harness.use_case_file import read_use_case
from harness_reports.business.edited import figures, numbers, renamed, scaled_demand, with_numbers, yaml_text
from harness_reports.business.market import read_market
from harness_reports.reasons import speaking, translated

DAY = date(2026, 11, 25)


@pytest.fixture(scope="module")
def shipped() -> dict[str, UseCase]:
    """Return the packaged use cases."""
    return load_plugins().use_cases()


def written(folder: Path, use_case: UseCase) -> Path:
    """Write a use case and return the file."""
    file = folder / f"{use_case.name}.yaml"
    file.write_text(yaml_text(use_case), encoding="utf-8")
    return file


def test_every_shipped_use_case_reads_back_the_same(shipped: dict[str, UseCase], tmp_path: Path) -> None:
    """Every number, unit, date, source, kind and distribution, and the texts in Chinese."""
    assert len(shipped) >= 10
    for case in shipped.values():
        again = read_use_case(written(tmp_path, case))
        assert again == case
        with speaking("zh"):
            assert translated(again.title) == translated(case.title) != case.title
            sources = [[translated(figure.source) for figure in figures(each).values()] for each in (again, case)]
        assert sources[0] == sources[1]


@given(least=st.floats(0, 1e9), more=st.floats(1e-6, 1e9), most=st.floats(1e-6, 1e9), text=st.text(min_size=1))
def test_any_numbers_and_texts_read_back_the_same(
    tmp_path_factory: pytest.TempPathFactory, make_use_case: Any, least: float, more: float, most: float, text: str
) -> None:
    """To the last digit, and any text as a source."""
    case = make_use_case()
    spread = Spread("pert", (least, least + more, least + more + most))
    demand = Figure(spread.mean, "requests", DAY, text, "sourced", spread)
    odd = replace(case, market={**_money(case), "requests_per_year": demand}, title="x: # y", hosted=("a/b",))

    if text.strip() and all(sign.isprintable() or sign == " " for sign in text):
        assert read_use_case(written(tmp_path_factory.mktemp("any"), odd)) == odd


def _money(case: UseCase) -> dict[str, Figure]:
    return {name: replace(figure, unit="USD") for name, figure in case.market.items()}


def test_a_changed_figure_says_who_changed_it_and_keeps_its_shape(shipped: dict[str, UseCase]) -> None:
    """The mean moves with the numbers; other figures stay the same objects."""
    case = shipped["document-classification"]
    edited = with_numbers(case, {"value_per_request_usd": (0.1, 0.2, 0.3)}, DAY)
    figure = edited.market["value_per_request_usd"]

    assert figure.spread == Spread("triangular", (0.1, 0.2, 0.3))
    assert (figure.value, figure.kind, figure.as_of) == (pytest.approx(0.2), "assumption", DAY)
    assert figure.source.startswith("set by you in place of 0.05, 0.09, 0.13 (")
    with speaking("zh"):
        assert translated(figure.source).startswith("由您设定，原为 0.05, 0.09, 0.13（职员")
    assert edited.market["staff"] is case.market["staff"]
    assert with_numbers(case, {"value_per_request_usd": numbers(case.market["value_per_request_usd"])}, DAY) == case


def test_needs_can_be_changed(shipped: dict[str, UseCase]) -> None:
    """Quality can be lowered."""
    edited = with_numbers(shipped["document-classification"], {"quality": [0.7]}, DAY)

    assert read_market(edited, {}).quality == 0.7


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"value_per_request_usd": (0.3, 0.2, 0.1)}, "value_per_request_usd: .*not above the least"),
        ({"value_per_request_usd": (0.1, 0.4, 0.3)}, "value_per_request_usd: The likeliest"),
        ({"discount_rate": (-0.1, 0.1, 0.2)}, "discount_rate: its pert distribution reaches from -0.1"),
        ({"years": [2.5]}, "years is 2.5. Give a whole number"),
        ({"years": [1, 2]}, "has 1 numbers, not 2"),
        ({"profit": [1]}, "Unknown figure"),
    ],
)
def test_invalid_changes_are_errors(shipped: dict[str, UseCase], changes: dict[str, Any], message: str) -> None:
    """The message names the figure and what to give."""
    with pytest.raises(FactError, match=message):
        with_numbers(shipped["document-classification"], changes, DAY)


def test_scaled_demand_stays_uncertain(shipped: dict[str, UseCase]) -> None:
    """Ten times the requests; a bottom-up use case has ten times the buyers."""
    for name in ("document-classification", "customer-questions"):
        case = shipped[name]
        more = scaled_demand(case, 10, DAY)
        market, before = read_market(more, {}), read_market(case, {})

        assert market.requests_per_year == pytest.approx(10 * before.requests_per_year)
        changed = [figure for figure in figures(case) if figures(case)[figure] != figures(more)[figure]]
        assert changed in (["requests_per_year"], ["buyers"])
        assert more.market[changed[0]].spread is not None


@pytest.mark.parametrize("factor", [0, -1, float("nan")])
def test_a_factor_is_above_zero(shipped: dict[str, UseCase], factor: float) -> None:
    """Zero, negative and NaN are errors."""
    with pytest.raises(FactError, match="above 0"):
        scaled_demand(shipped["document-classification"], factor, DAY)


def test_a_saved_file_is_read_by_the_command_line(shipped: dict[str, UseCase], tmp_path: Path) -> None:
    """Beside the use case that it was made from."""
    case = with_numbers(shipped["document-classification"], {"value_per_request_usd": (0.1, 0.2, 0.3)}, DAY)
    file = written(tmp_path, renamed(case, "mine"))
    environment = {**os.environ, "HARNESS_PLUGINS": str(file)}
    done = subprocess.run(["harness", "plugins"], capture_output=True, text=True, check=False, env=environment)

    assert done.returncode == 0, done.stderr
    assert "document-classification" in done.stdout
    assert re.search(r"\bmine\b", done.stdout)
