"""Dividing texts: properties for any texts and labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from harness.user_data.splits import CARVED
from harness_language._splits import divide

rows = st.lists(st.tuples(st.text(min_size=1, max_size=4), st.sampled_from(["a", "b", "c"])), max_size=60)


@given(rows)
def test_every_row_is_in_one_split(pairs: list[tuple[str, str]]) -> None:
    """In ascending order."""
    splits = divide([text for text, _ in pairs], [label for _, label in pairs])

    assert sorted(row for split in splits.values() for row in split) == list(range(len(pairs)))
    assert all(split == sorted(split) for split in splits.values())


@given(rows)
def test_no_text_is_in_two_splits(pairs: list[tuple[str, str]]) -> None:
    """Not even one with two labels."""
    texts = [text for text, _ in pairs]
    splits = divide(texts, [label for _, label in pairs])
    counts = Counter(text for split in splits.values() for text in {texts[row] for row in split})

    assert max(counts.values(), default=1) == 1


def _split_of_each(numbers: Sequence[int]) -> dict[int, str]:
    splits = divide([f"text {number}" for number in numbers], [number % 2 for number in numbers])
    return {numbers[row]: split for split, rows in splits.items() for row in rows}


@given(st.permutations(range(30)))
def test_the_order_of_the_rows_changes_no_split(order: list[int]) -> None:
    """A text's split depends on the texts alone."""
    assert _split_of_each(order) == _split_of_each(range(30))


@given(st.integers(3, 200), st.integers(3, 200))
def test_each_class_is_divided_in_the_same_shares(first: int, second: int) -> None:
    """About 70/10/20, with at least one text of each class in every split."""
    labels = ["a"] * first + ["b"] * second
    splits = divide([str(number) for number in range(first + second)], labels)
    for label, count in (("a", first), ("b", second)):
        for split, share in (("train", 0.7), ("validation", 0.1), ("test", 0.2)):
            members = sum(labels[row] == label for row in splits[split])
            assert members >= 1
            assert abs(members - share * count) <= 1.5


@given(st.integers(1, 300))
def test_carving_takes_an_eighth(count: int) -> None:
    """For validation, where the source has a test split."""
    splits = divide([str(number) for number in range(count)], [0] * count, 0.0, CARVED)

    assert splits["test"] == []
    assert len(splits["train"]) + len(splits["validation"]) == count
    assert abs(len(splits["validation"]) - count / 8) <= 1
    assert splits["train"]
