"""Dividing texts: laws that hold for any texts and labels."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from harness_language._splits import carve, divide

rows = st.lists(st.tuples(st.text(min_size=1, max_size=4), st.sampled_from(["a", "b", "c"])), max_size=60)


@given(rows)
def test_every_row_is_in_one_split_in_its_first_order(pairs: list[tuple[str, str]]) -> None:
    """Nothing is lost and nothing is doubled."""
    splits = divide([text for text, _ in pairs], [label for _, label in pairs])

    assert sorted(row for split in splits.values() for row in split) == list(range(len(pairs)))
    assert all(split == sorted(split) for split in splits.values())


@given(rows)
def test_no_text_is_in_two_splits(pairs: list[tuple[str, str]]) -> None:
    """Not even one that occurs with two labels."""
    texts = [text for text, _ in pairs]
    splits = divide(texts, [label for _, label in pairs])
    places = Counter(text for split in splits.values() for text in {texts[row] for row in split})

    assert max(places.values(), default=1) == 1


@given(st.permutations(range(30)))
def test_the_order_of_the_rows_moves_no_text(order: list[int]) -> None:
    """A text's split depends on the texts, not on where it stands."""
    texts = [f"text {number}" for number in order]
    labels = [number % 2 for number in order]
    split = {texts[row]: name for name, members in divide(texts, labels).items() for row in members}
    plain = {
        f"text {row}": name
        for name, m in divide([f"text {n}" for n in range(30)], [n % 2 for n in range(30)]).items()
        for row in m
    }

    assert split == plain


@given(st.integers(3, 200), st.integers(3, 200))
def test_each_class_is_divided_in_the_same_shares(first: int, second: int) -> None:
    """Within a text of 70/10/20, and with at least one of each class in every split."""
    labels = ["a"] * first + ["b"] * second
    splits = divide([str(number) for number in range(first + second)], labels)
    for label, count in (("a", first), ("b", second)):
        for split, share in (("train", 0.7), ("validation", 0.1), ("test", 0.2)):
            members = sum(labels[row] == label for row in splits[split])
            assert members >= 1
            assert abs(members - share * count) <= 1.5


@given(st.integers(1, 300))
def test_carving_takes_an_eighth(count: int) -> None:
    """Of a training split whose test split is given elsewhere."""
    splits = carve([str(number) for number in range(count)], [0] * count)

    assert set(splits) == {"train", "validation"}
    assert len(splits["train"]) + len(splits["validation"]) == count
    assert abs(len(splits["validation"]) - count / 8) <= 1
    assert splits["train"]
