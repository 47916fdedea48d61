"""Prices of owned machines: hand-computed, and from a user's file."""

from __future__ import annotations

import json
import math
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import FactError
from harness_reports.prices.energy_facts import electricity, energy_facts, power
from harness_reports.prices.owned import owned_book, owned_price
from harness_reports.prices.price_book_file import read_price_book
from harness_reports.prices.pricing import OWN, choose

DAY = date(2026, 11, 1)
MACHINE: dict[str, Any] = {
    "item": "CPU", "usd": 8766, "units": 10, "watts": 1000, "usd_per_kwh": 0.10, "pue": 1.5,
    "value_lost_per_year": 1 - math.exp(-0.5), "as_of": DAY, "source": "invoice",
}  # fmt: skip


def test_an_hour_worked_out_by_hand() -> None:
    """Half the value of 8,766 USD over 8,766 hours (e^-0.5 a year), 1 kW x 1.5 x 0.10 of energy, ten units."""
    price = owned_price("ours", MACHINE, DAY)

    assert price.usd == Decimal("0.065")
    assert (price.provider, price.item, price.as_of, price.source) == (OWN, "CPU", DAY, "invoice")


def test_an_accelerator_by_epochs_method() -> None:
    """An H100 of 31,904.63 USD: x 1.64 for the server, 0.14 orders of magnitude a year, network and energy."""
    h100 = next(price for price in owned_book().prices if price.item == "H100-80GB")
    hardware = 31_904.63 * 1.64 * 0.14 * math.log(10) / 8766
    energy = 0.7 * 1.8214 * 0.75 * 1.25 * 0.0826

    assert float(h100.usd) == pytest.approx(hardware / 0.81 + energy, abs=1e-6)
    assert h100.as_of == date(2025, 1, 31)
    assert "PUE 1.25" in h100.source


def test_accelerators_without_price_or_power_are_not_in_the_book() -> None:
    """A price of a year alone has a note."""
    book = owned_book().prices

    assert len(book) > 10
    assert "NVIDIA L4" not in {price.item for price in book}
    assert [price.as_of_note for price in book if price.item == "A10"] != [""]


def test_a_file_has_rented_and_owned_machines(tmp_path: Path) -> None:
    """The rented price counts; the owned one is for the owner's view."""
    path = tmp_path / "ours.yaml"
    path.write_text(
        "prices:\n  - {item: CPU, usd: 0.05, per: hour, provider: A, offer: b, region: c, as_of: 2025-01-01, source: d}"
        "\nowned:\n  - {item: CPU, usd: 9000, units: 64, watts: 400, usd_per_kwh: 0.1, as_of: 2026-01-01, source: e}\n",
        encoding="utf-8",
    )
    book = read_price_book(path)

    assert [price.provider for price in book.prices] == ["A", OWN]
    assert choose(book).prices["CPU"].provider == "A"
    assert choose(book, provider=OWN).prices["CPU"].source == "e"


def test_energy_may_be_left_out_of_the_price(tmp_path: Path) -> None:
    """The same machine as above without the 0.015 USD of energy; `watts` and the tariff are then not needed."""
    path = tmp_path / "ours.yaml"
    machine = {name: value for name, value in MACHINE.items() if name not in ("watts", "usd_per_kwh", "pue")}
    path.write_text(json.dumps({"owned": [machine | {"as_of": str(DAY), "energy": "excluded"}]}), encoding="utf-8")

    (price,) = read_price_book(path).prices

    assert (price.usd, price.energy, price.billing) == (Decimal("0.05"), "excluded", "machine")
    assert owned_price("ours", MACHINE, DAY).energy == "included"
    assert {price.energy for price in owned_book().prices} == {"included"}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"energy": "excluded"}, "machine 1 (CPU): `watts` has no effect where energy is excluded"),
        ({"energy": "no"}, "machine 1 (CPU): Unknown energy 'no'. Known: excluded, included"),
        ({"billing": "second"}, "Unknown key 'billing'"),
        ({"usd_per_kwh": ""}, "has no `usd_per_kwh`"),
        ({"usd": 0}, "machine 1 (CPU): usd is 0.0"),
        ({"units": -1}, "machine 1 (CPU): units is -1.0"),
        ({"pue": 0.9}, "machine 1 (CPU): pue is 0.9"),
        ({"value_lost_per_year": 1}, "machine 1 (CPU): value_lost_per_year is 1"),
        ({"watts": "many"}, "`watts` is 'many'. Give a number."),
        ({"as_of": ""}, "has no `as_of`. An undated price is not a fact"),
        ({"source": ""}, "has no `source`"),
        ({"years": 3}, "Unknown key 'years'"),
    ],
)
def test_a_bad_machine_is_refused(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    """The message names the file, the machine and the figure."""
    path = tmp_path / "ours.yaml"
    lines = "\n    ".join(f"{name}: {value!r}" for name, value in (MACHINE | {"as_of": str(DAY)} | changed).items())
    path.write_text(f"owned:\n  - {lines}\n", encoding="utf-8")

    with pytest.raises(FactError) as caught:
        read_price_book(path)
    assert message.lower() in str(caught.value).lower()
    assert "ours.yaml" in str(caught.value)


@given(usd=st.floats(1, 1e6), units=st.integers(1, 1000), more=st.floats(1.01, 10))
def test_more_units_share_the_same_machine(usd: float, units: int, more: float) -> None:
    """More units cost less each; a more expensive machine costs more."""
    one = owned_price("ours", {**MACHINE, "usd": usd, "units": units}, DAY).usd

    assert owned_price("ours", {**MACHINE, "usd": usd, "units": units * 2}, DAY).usd <= one
    assert owned_price("ours", {**MACHINE, "usd": usd * more, "units": units}, DAY).usd >= one


def test_facts_of_energy_are_dated_and_sourced() -> None:
    """And the newest tariff is used."""
    assert (electricity().value, electricity().as_of) == (0.0826, "2025")
    assert power("AWS busy vCPU").value == 3.5
    assert all(fact.as_of and fact.source and fact.unit for fact in energy_facts())
