"""Files of any name are read: no character of a path is a pattern."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness_language.tasks import TextClassification

COLUMNS = {"text_column": "text", "label_column": "label"}


@pytest.mark.parametrize("name", ["r[1].csv", "a*b?.csv", "we[1]rd #%41/[/red].csv", "数 据.csv", "-r.csv"])
def test_a_file_of_any_name_is_read(tmp_path: Path, name: str) -> None:
    """That file, not another one that a pattern would match."""
    rows = [f"{kind} number {number},{kind}\n" for number in range(10) for kind in ("good", "bad")]
    for file, wanted in ((tmp_path / "r1.csv", rows[:4]), (tmp_path / "aXbY.csv", rows[:4]), (tmp_path / name, rows)):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(["text,label\n", *wanted]), encoding="utf-8")

    assert sum(TextClassification().data(str(tmp_path / name), COLUMNS).sizes.values()) == 20
