"""`harness table judges`, and tables over grades that cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import Record, StoreError

OUTPUTS = ["good", "bad"] * 30
ON_CLOUD = ("--price-book", "cloud")


@pytest.fixture
def graded(open_answers: Any) -> list[Record]:
    """Return a candidate and its judge, who finds every second answer good."""
    case = open_answers.case(OUTPUTS)
    return [*case, open_answers.judge(case, lambda _, answer: 5 if answer == "good" else 2)]


@pytest.mark.parametrize(("language", "words"), [
    ("en", ("right by the judge", "Whether the order of the scale sways it")),
    ("zh", ("评审模型认定合格率", "尚未检查等级的排列顺序")),
])  # fmt: skip
def test_it_is_printed_in_each_language(
    language: str, words: tuple[str, str], graded: list[Record], make_store: Any, invoke: Callable[..., str],
    tmp_path: Path,
) -> None:  # fmt: skip
    """Headings and remarks."""
    place = make_store(tmp_path / "results", graded)
    output = " ".join(invoke("table", "judges", "--store", place, *ON_CLOUD, "--lang", language).split())

    assert "openai:judge" in output
    assert all(word.split()[-1] in output for word in words)
    assert words[1] in output


def test_a_store_without_a_judge_says_which_command_grades(
    open_answers: Any, make_store: Any, invoke: Callable[..., str], tmp_path: Path
) -> None:
    """The table has no rows."""
    place = make_store(tmp_path / "results", open_answers.case(OUTPUTS))
    with pytest.raises(StoreError, match=r"no judge has graded open answers yet. Next: harness judge --model"):
        invoke("table", "judges", "--store", place, *ON_CLOUD)


@pytest.mark.parametrize("table", ["judges", "accuracy", "viability"])
def test_grades_outside_the_scale_are_refused_and_nothing_is_written(
    table: str, graded: list[Record], open_answers: Any, make_store: Any, harness_command: Any, tmp_path: Path
) -> None:
    """Exit code 2, a sentence with the grade and a remedy."""
    people = open_answers.people({"ann": {("q0", "good"): 9}})
    place = make_store(tmp_path / "results", [*graded, people])
    target = tmp_path / "table.csv"
    done = harness_command(tmp_path, "table", table, "--store", place, "-o", str(target))

    assert done.code == 2
    assert "9, the grade of the grader 'ann' for the answer 'good', is no grade of the rubric 'helpful'" in done.stderr
    assert "Traceback" not in done.stderr
    assert not target.exists()
