"""Dated and sourced facts beside prices of machines, and choosing prices on the command line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from harness import FactError
from harness.plugins import load_plugins
from harness_reports.cli.options import owned_pricing, read_figures, read_pricing
from harness_reports.planning.fact_table import fact_table
from harness_reports.prices.pricing import OWN

OURS = """
prices:
  - {item: CPU, usd: 0.02, per: hour, provider: A, offer: old, region: eu, as_of: 2025-01-01, source: invoice}
  - {item: CPU, usd: 0.03, per: hour, provider: B, offer: new, region: us, as_of: 2026-01-01, source: invoice}
owned:
  - {item: CPU, usd: 9000, units: 64, watts: 400, usd_per_kwh: 0.1, as_of: 2026-01-01, source: invoice}
"""


@pytest.fixture
def ours(tmp_path: Path) -> str:
    """Return a price book file."""
    path = tmp_path / "ours.yaml"
    path.write_text(OURS, encoding="utf-8")
    return str(path)


@pytest.fixture
def run(invoke: Callable[..., str]) -> Callable[..., str]:
    """Return a function that runs `harness prices`."""
    return partial(invoke, "prices")


@pytest.mark.parametrize("kind", ["chips", "electricity", "pue", "power", "grid"])
def test_every_fact_has_a_day_and_a_source(kind: str) -> None:
    """Of every kind."""
    frame = fact_table(kind)

    assert len(frame) > 5
    assert frame["source"].str.len().min() > 5
    assert frame["as_of"].str.match(r"\d{4}").all()


def test_facts_as_they_were_known() -> None:
    """In 2021 there was no tariff of 2022 and no H100."""
    assert set(fact_table("electricity", "US industrial", date(2021, 12, 31))["value"]) == {0.0667, 0.0718}
    with pytest.raises(FactError, match="Unknown item of chips 'h100'"):
        fact_table("chips", "h100", date(2021, 12, 31))


def test_a_hosted_model_has_the_price_of_the_day() -> None:
    """O3 became 80 % cheaper in 2025; a batch costs half."""
    before, after = (fact_table("hosted", "openai/o3", day) for day in (date(2025, 6, 1), date(2026, 11, 1)))

    assert before["input_usd_per_million"].tolist() == [10.0]
    assert (before["as_of"].tolist(), after["as_of"].tolist()) == ([None], ["2025-06-10"] * 2)
    assert (before["old"].tolist(), after["old"].tolist()) == ([None], [True] * 2)
    assert dict(zip(after["terms"], after["input_usd_per_million"], strict=True)) == {"standard": 2.0, "batch": 1.0}


@pytest.mark.parametrize("item", [None, "gpt", "openai/nothing-of-the-kind"])
def test_a_hosted_model_without_a_price_is_an_error(item: str | None) -> None:
    """It never costs 0."""
    with pytest.raises(FactError, match=r"provider/model|No price of 'nothing-of-the-kind'"):
        fact_table("hosted", item)


def test_the_command_prints_facts(run: Callable[..., str]) -> None:
    """Peaks of a chip; filters of machines are refused for other facts."""
    assert "1.979e+15" in run("chips", "--item", "h100")
    assert "commitment" in run("--price-book", "commitment-1y", "--format", "json").replace(
        "commitment-1y", "commitment"
    )
    with pytest.raises(FactError, match="belong to machines"):
        run("grid", "--provider", "AWS")


# Choosing prices ---------------------------------------------------------------------------------------------


def test_prices_are_chosen_by_provider_day_and_region(ours: str) -> None:
    """The newest counts."""
    plugins = load_plugins()

    assert read_pricing([ours], plugins).prices["CPU"].provider == "B"
    assert read_pricing([ours], plugins, ["provider=A"]).prices["CPU"].offer == "old"
    assert read_pricing([ours], plugins, ["region=eu"]).prices["CPU"].offer == "old"
    assert read_pricing([ours], plugins, ["as_of=2025-06-01"]).prices["CPU"].offer == "old"


def test_a_file_adds_to_a_book(ours: str) -> None:
    """The newest price of an item counts, of the book or the file."""
    prices = read_pricing(["cloud", ours], load_plugins()).prices

    assert prices["CPU"].provider == "B"
    assert "H100-80GB" in prices


def test_assumptions_are_set_by_name(ours: str) -> None:
    """Money as decimals, shares as numbers."""
    pricing = read_pricing([ours], load_plugins(), ["multiplier=1.1", "utilisation=0.4", "pue=1.3", "grid=FRA"])

    assert (pricing.multiplier, pricing.utilisation, pricing.pue) == (Decimal("1.1"), 0.4, 1.3)
    assert pricing.grid == "FRA"


def test_the_owners_view_has_owned_machines_alone(ours: str) -> None:
    """Those of the file and accelerators of plugins."""
    prices = owned_pricing([ours], load_plugins()).prices

    assert prices["CPU"].provider == prices["H100-80GB"].provider == OWN


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ("utilisation", "write NAME=VALUE"),
        ("speed=1", "Unknown name in --pricing 'speed'"),
        ("utilisation=half", "--pricing utilisation is 'half'. Give a finite number."),
        ("multiplier=nan", "--pricing multiplier is 'nan'"),
        ("utilisation=2", "The utilisation is 2.0"),
        ("as_of=lately", "--pricing as_of is 'lately'. Give a day"),
        ("provider=Nobody", "Unknown provider of prices 'Nobody'"),
    ],
)
def test_a_bad_wish_is_refused(ours: str, wish: str, message: str) -> None:
    """With the next step."""
    with pytest.raises(FactError) as caught:
        read_pricing([ours], load_plugins(), [wish])
    assert message in str(caught.value)


def test_figures_are_numbers() -> None:
    """Other texts are refused."""
    assert read_figures(["years=3", "discount_rate=0.1"]) == {"years": 3.0, "discount_rate": 0.1}
    with pytest.raises(FactError, match="--figure years is 'few'"):
        read_figures(["years=few"])
