"""The reference results can be read and name their machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.store import peek_records
from harness_reports.measured.tables import throughput

STORES = sorted(path.parent for path in Path(__file__).parents[2].joinpath("reports/reference").glob("*/harness.db"))


def test_there_are_reference_results() -> None:
    """Otherwise the tests below would run on nothing."""
    assert STORES


@pytest.mark.parametrize("store", STORES, ids=lambda store: store.name)
def test_a_reference_store_is_small_and_names_its_device_and_day(store: Path) -> None:
    """A folder's name begins with the device and ends with the day."""
    records = peek_records(str(store))
    device, _, day = store.name.partition("-")

    # Beside an open store, SQLite keeps files of its own for as long as any test reads it.
    assert sum(file.stat().st_size for file in store.iterdir() if not file.name.startswith("harness.db-")) < 1e6
    assert {record.outcome for record in records} == {"ok"}
    assert {record.started_at[:10] for record in records} == {day}
    assert all(device in record.environment["hardware"]["device_name"].lower() for record in records)


@pytest.mark.parametrize("store", STORES, ids=lambda store: store.name)
def test_reference_servings_are_in_the_table(store: Path) -> None:
    """With rate and metered energy."""
    records = peek_records(str(store))
    table = throughput(records)

    assert len(table) == sum(record.step == "serve" for record in records) > 0
    assert (table["samples_per_s"] > 0).all()
    assert set(table["energy_kind"]) == {"measured"}


@pytest.mark.parametrize("store", STORES, ids=lambda store: store.name)
def test_reference_records_hold_no_path_of_the_machine(store: Path) -> None:
    """They are public."""
    content = (store / "harness.db").read_bytes()

    assert not any(folder in content for folder in (b"/tmp/", b"/home/", b"/root/", b"/opt/"))
