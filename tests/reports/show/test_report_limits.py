"""Reports of large stores: the best rows of each task's data, in their order, and how many there are in all."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from harness_reports.reasons import speaking
from harness_reports.show.report_limits import (
    NEWEST,
    SAMPLES,
    SHOWN,
    SHOWN_LIST,
    WHOLE,
    WHOLE_LIST,
    best_rows,
    few,
    newest,
    of_each,
    rest,
    samples_of_each,
)


def _accuracy(count: int, **changes: Any) -> pd.DataFrame:
    rows = [
        {
            "task": ("texts", "pictures")[number % 2],
            "data": "packaged",
            "metric": "quality",
            "value": (number * 7919 % count) / count,
            "higher_is_better": True,
            **changes,
        }
        for number in range(count)
    ]
    return pd.DataFrame(rows)


def test_short_tables_are_whole() -> None:
    """Nothing is left out of a table of up to a hundred rows, nor of one that has no order."""
    frame = _accuracy(WHOLE)

    assert best_rows("accuracy", frame) is frame
    assert rest("accuracy", WHOLE, WHOLE) == ""
    assert len(best_rows("alternatives", _accuracy(WHOLE + 1))) == WHOLE + 1


@pytest.mark.parametrize("more_is_better", [True, False])
def test_long_tables_keep_the_best_of_each_task_in_their_order(more_is_better: bool) -> None:
    """The best are those that sorting by hand finds; both tasks have as many."""
    frame = _accuracy(1000, higher_is_better=more_is_better)
    kept = best_rows("accuracy", frame)
    expected = {
        place
        for task in ("texts", "pictures")
        for place in sorted(
            frame.index[frame["task"] == task], key=lambda place: frame["value"][place], reverse=more_is_better
        )[: SHOWN // 2]
    }

    assert set(kept.index) == expected
    assert list(kept.index) == sorted(kept.index)


def test_costs_keep_the_cheapest_and_points_the_frontier() -> None:
    """A missing cost is not the cheapest; a point on the frontier comes before a better one that is not on it."""
    costs = pd.DataFrame(
        {"task": "t", "data": "d", "usd_per_1k_inferences": [None, *(float(cost) for cost in range(200, 0, -1))]}
    )
    points = _accuracy(400).assign(on_frontier=False)
    worst = points["value"].idxmin()
    points.loc[worst, "on_frontier"] = True

    assert best_rows("cost", costs)["usd_per_1k_inferences"].tolist() == list(map(float, range(SHOWN, 0, -1)))
    assert worst in best_rows("frontier", points).index


def test_verdicts_are_as_many_of_each_use_case() -> None:
    """They are ranked, the best first: of few all, else the first of each."""
    assert of_each(WHOLE, 3) == WHOLE
    assert of_each(WHOLE + 1, 2) == SHOWN // 2
    assert of_each(10_000, 1000) == 1


def test_lines_say_how_many_there_are() -> None:
    """In the language that is spoken."""
    lines = [{"n": number} for number in range(12_345)]
    first, line = few(lines)

    assert (first, "The first 100 of 12,345." in line) == (lines[:SHOWN_LIST], True)
    assert few(lines[:WHOLE_LIST]) == (lines[:WHOLE_LIST], "")
    assert "50 of 1,000 rows" in rest("cost", 50, 1000)
    assert "`harness table cost`" in rest("cost", 50, 1000)
    with speaking("zh"):
        assert "共 1,000 行" in rest("cost", 50, 1000)


def test_numbers_of_the_newest_records_are_judged(record: Any) -> None:
    """In the order of the records; a line says of how many."""
    old, new = (record(started_at=f"2026-11-{day}T10:00:00+00:00") for day in (10, 20))

    assert newest([new, old]) == ([new, old], "")
    kept, line = newest([new, *[old] * NEWEST, new])
    assert (kept[0], kept[-1], len(kept)) == (new, new, NEWEST)
    assert "Of the newest 1000 of 1,002 finished steps." in line


def test_each_task_shows_samples(record: Any) -> None:
    """A task with hundreds of candidates leaves room for others."""
    many = [(f"title {number}", record(spec={"task": "a", "data": "d"})) for number in range(300)]
    one = ("another", record(spec={"task": "b", "data": "d"}))

    assert samples_of_each([*many[:3], one]) == [*many[:3], one]
    assert samples_of_each([*many, one]) == [*many[: SAMPLES // 2], one]


@pytest.fixture
def record() -> Any:
    """Return a function that makes a record."""
    from harness.records import Record

    def make(**changes: Any) -> Record:
        given = {"spec": {}, "inputs": {}, "started_at": "2026-11-23T10:00:00+00:00", **changes}
        return Record(id="1", fingerprint="f" * 64, step="evaluate", outcome="ok", **given)

    return make
