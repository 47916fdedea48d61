"""The library in a notebook: light to import, with documented names."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import harness_reports
from harness import FactError, UseCase
from harness_reports.prices.pricing import Pricing


@pytest.mark.parametrize("name", harness_reports.__all__)
def test_every_name_is_there_and_documented(name: str) -> None:
    """All of `__all__`."""
    member = getattr(harness_reports, name)

    assert callable(member)
    assert member.__doc__


def test_the_names_do_not_depend_on_what_was_imported_before() -> None:
    """No function has the name of a module."""
    modules = {module.name for module in pkgutil.iter_modules(harness_reports.__path__)}

    assert not modules & set(harness_reports.__all__)
    assert harness_reports.cost_table.__module__ == "harness_reports.prices.cost"
    with pytest.raises(AttributeError, match="no attribute 'cost_tabel'"):
        _ = harness_reports.cost_tabel


def test_import_is_light() -> None:
    """The package imports no pandas; a table does."""
    code = (
        "import sys, harness_reports as r; print('pandas' in sys.modules, end=' ');"
        "r.cost_table; print('pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)

    assert done.stdout.split() == ["False", "True"]


def test_tables_of_a_store(
    make_store: Any, bench: Any, pricing: Pricing, make_use_case: Callable[..., UseCase], tmp_path: Path
) -> None:
    """A table of its records, and of what to fund."""
    records = harness_reports.load_records(make_store(tmp_path / "store", bench.suite()))

    verdicts = harness_reports.viability_table(records, pricing, [make_use_case()], {"years": 5})
    funded = harness_reports.portfolio_table(records, pricing, [make_use_case()], budget_usd=1e6)

    assert isinstance(verdicts, pd.DataFrame)
    assert isinstance(funded, pd.DataFrame)
    assert funded["funded"].tolist() == [True]
    assert harness_reports.npv(0.1, pd.Series([-100.0, 110.0])) == pytest.approx(0)
    assert harness_reports.irr(pd.Series([-100.0, 110.0])).single == pytest.approx(0.1)


def test_prices_and_use_cases_are_loaded() -> None:
    """With wishes by name; unknown ones are refused."""
    pricing = harness_reports.load_prices("cloud", as_of="2025-06-30", utilisation=0.5)

    assert pricing.utilisation == 0.5
    assert all(price.as_of.isoformat() <= "2025-06-30" for price in pricing.prices.values())
    assert "review-sentiment" in harness_reports.load_use_cases()
    with pytest.raises(FactError, match="Unknown name in --pricing"):
        harness_reports.load_prices(usage="0.5")
