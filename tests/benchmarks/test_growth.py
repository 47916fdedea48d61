"""What tables, plans and reports cost as a store grows: seconds, processor seconds, memory, bytes. Asserts no timing.

The goals at 10,000 records: the accuracy table 5 s and 500 MB, `--dry-run` 3 s, the report 10 s and 6 MB.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from harness.plugin_files import import_file

pytestmark = pytest.mark.benchmark
SAMPLE = Path(__file__).parents[1] / "reports" / "sample"
NUMBERS = (100, 1_000, 10_000)
MEMORY_MB, ROW_BYTES, REPORT_BYTES = 500, 200_000, 6_000_000


class Took(NamedTuple):
    """What a command took."""

    wall_s: float
    cpu_s: float
    memory_mb: float


def _run(*command: str) -> Took:
    """Run a command to its end; of all that it started the memory of the largest process counts."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return Took(time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Return stores by their number of records."""
    grow = import_file(Path(__file__).with_name("grown_store.py")).grow
    folders = {number: tmp_path_factory.mktemp(f"records-{number}") for number in NUMBERS}
    for number, folder in folders.items():
        grow(SAMPLE, number, folder)
    return folders


def test_rows_of_records_stay_small(stores: dict[int, Path]) -> None:
    """Raw values lie beside them, compressed."""
    with sqlite3.connect(stores[NUMBERS[0]] / "harness.db") as connection:
        body, head = connection.execute("SELECT max(length(body)), max(length(head)) FROM records").fetchone()
        raw = connection.execute("SELECT max(length(content)) FROM raw").fetchone()[0]
    connection.close()
    print(f"\nlargest body {body:,} B, columns beside it {head:,} B, compressed raw values {raw:,} B", end="")  # noqa: T201

    assert body + head < ROW_BYTES


def test_growth(stores: dict[int, Path], tmp_path: Path) -> None:
    """The commands that read all records, on 100, 1,000 and 10,000."""
    took: dict[str, dict[int, Took]] = {}
    for number, folder in stores.items():
        where = ("--store", str(folder))
        commands = {
            "table accuracy": ("harness", "table", "accuracy", "--format", "csv", *where),
            "run quick --dry-run": ("harness", "run", "quick", "--dry-run", *where),
            "report": ("harness", "report", "-o", str(tmp_path / f"{number}.html"), *where),
        }
        for name, command in commands.items():
            took.setdefault(name, {})[number] = _run(*command)
    for name, of_number in took.items():
        least = of_number[NUMBERS[0]].cpu_s
        for number, (wall_s, cpu_s, memory_mb) in of_number.items():
            figures = f"{wall_s:.1f} s, processor {cpu_s:.1f} s ({cpu_s / least:.1f} times), {memory_mb:.0f} MB"
            print(f"\n{name}, {number:,} records: {figures}", end="")  # noqa: T201
    sizes = {number: (tmp_path / f"{number}.html").stat().st_size for number in stores}
    print("\nreport: " + ", ".join(f"{number:,} records {size / 1e6:.2f} MB" for number, size in sizes.items()))  # noqa: T201

    assert took["table accuracy"][NUMBERS[-1]].memory_mb < MEMORY_MB
    assert sizes[NUMBERS[-1]] < REPORT_BYTES
