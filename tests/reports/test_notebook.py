"""The library as a notebook uses it: light to import, tables in and out, every name there and described."""

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
from harness.store import open_store
from harness_reports.prices.pricing import Pricing


@pytest.mark.parametrize("name", harness_reports.__all__)
def test_every_name_is_there_and_described(name: str) -> None:
    """What `__all__` promises can be imported, and says what it is."""
    found = getattr(harness_reports, name)

    assert callable(found)
    assert found.__doc__


def test_the_names_do_not_depend_on_what_was_imported_before() -> None:
    """No function hides behind a module of its name."""
    modules = {module.name for module in pkgutil.iter_modules(harness_reports.__path__)}

    assert not modules & set(harness_reports.__all__)
    assert harness_reports.cost_table.__module__ == "harness_reports.prices.cost"
    with pytest.raises(AttributeError, match="no attribute 'cost_tabel'"):
        _ = harness_reports.cost_tabel


def test_the_door_is_light() -> None:
    """Importing the package imports no pandas; asking for a table does."""
    code = (
        "import sys, harness_reports as r; print('pandas' in sys.modules, end=' ');"
        "r.cost_table; print('pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)

    assert done.stdout.split() == ["False", "True"]


def test_a_notebooks_way(bench: Any, pricing: Pricing, make_use_case: Callable[..., UseCase], tmp_path: Path) -> None:
    """Records out of a store, a table of them, a table of that table; amounts have their unit in the name."""
    store = open_store(str(tmp_path / "store"), create=True)
    for record in {record.fingerprint: record for record in bench.suite()}.values():
        store.add(record)
    store.close()
    records = harness_reports.load_records(str(tmp_path / "store"))

    verdicts = harness_reports.viability_table(records, pricing, [make_use_case()], {"years": 5})
    funded = harness_reports.portfolio_table(verdicts, budget_usd=1e6)

    assert isinstance(verdicts, pd.DataFrame)
    assert isinstance(funded, pd.DataFrame)
    assert funded["funded"].tolist() == [True]
    assert harness_reports.npv(0.1, pd.Series([-100.0, 110.0])) == pytest.approx(0)
    assert harness_reports.irr(pd.Series([-100.0, 110.0])).single == pytest.approx(0.1)


def test_prices_and_use_cases_are_loaded() -> None:
    """With a day and a share by name; what makes no sense is refused."""
    pricing = harness_reports.load_prices("cloud", as_of="2025-06-30", utilisation=0.5)

    assert pricing.utilisation == 0.5
    assert all(price.as_of.isoformat() <= "2025-06-30" for price in pricing.prices.values())
    assert "review-sentiment" in harness_reports.load_use_cases()
    with pytest.raises(FactError, match="Unknown name in --pricing"):
        harness_reports.load_prices(usage="0.5")
