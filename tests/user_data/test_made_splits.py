"""Train, validation and test from what a source gives: nothing is lost, and nothing is in two of them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import DataError
from harness.user_data.names import ALL
from harness.user_data.splits import Division, by_column, complete

rows = st.lists(st.integers(0, 40), min_size=1, max_size=40)


def _divided(items: Sequence[int], test: float, validation: float) -> dict[str, list[int]]:
    different = sorted(set(items))
    tests, checks = (round(share * len(different)) for share in (test, validation))
    parts = {
        "test": different[:tests],
        "validation": different[tests : tests + checks],
        "train": different[tests + checks :],
    }
    return {split: [item for item in items if item in part] for split, part in parts.items()}


BY_SIZE = Division("by size", int, _divided)


@given(st.dictionaries(st.sampled_from(["train", "validation", "test"]), rows, min_size=1))
def test_splits_are_disjoint_and_cover(given_splits: dict[str, list[int]]) -> None:
    """What is not in them is counted as dropped."""
    origin = {name: f"the file {name}" for name in given_splits}
    if len(given_splits) > 1 and "train" not in given_splits:
        with pytest.raises(DataError, match="Call the one to train on `train`"):
            complete("data", given_splits, origin, BY_SIZE)
        return
    made = complete("data", given_splits, origin, BY_SIZE)
    sets = [set(part) for part in made.splits.values()]
    kept, dropped = sum(map(len, made.splits.values())), sum(one.items for one in made.dropped)

    assert set(made.splits) == set(made.origin) == {"train", "validation", "test"}
    assert sum(map(len, sets)) == len(set.union(*sets))
    assert set.union(*sets) == {item for part in given_splits.values() for item in part}
    assert kept + dropped == sum(map(len, given_splits.values()))


@pytest.mark.parametrize(
    ("names", "origins"),
    [
        ([ALL], ["from 70/10/20 by size"] * 3),
        (["test"], ["from 70/10/20 by size of the test file, the only split"] * 3),
        (["train", "test"], ["the rest of the train file", "an eighth of train, by size", "the test file"]),
        (
            ["train", "validation"],
            [
                "the rest of the train file",
                "an eighth of train, by size",
                "the validation file, as there is no test split",
            ],
        ),
        (["train", "validation", "test"], ["the train file", "the validation file", "the test file"]),
    ],
)
def test_the_origin_of_each_split_is_told(names: list[str], origins: list[str]) -> None:
    """In words."""
    splits = {name: list(range(100 * place, 100 * place + 40)) for place, name in enumerate(names)}
    told = {name: f"the {name} file" for name in names}
    made = complete("data", splits, told, BY_SIZE)

    assert [made.origin[split] for split in ("train", "validation", "test")] == origins


def test_what_is_in_two_splits_is_taken_from_train() -> None:
    """Or from validation, where test holds it; copies within a split stay."""
    splits = {"train": [1, 1, 2, 3, 4], "validation": [2, 5], "test": [3, 5, 5]}
    made = complete("data", splits, {name: name for name in splits}, BY_SIZE)

    assert made.splits == {"train": [1, 1, 4], "validation": [2], "test": [3, 5, 5]}
    assert [(one.items, one.why) for one in made.dropped] == [
        (1, "in validation and in test"),
        (2, "in train and in validation or test"),
    ]


def test_a_column_names_splits_only_if_every_value_does() -> None:
    """A column of other words is a column like others, unless it was asked for."""
    assert by_column("r.csv", ["train", "DEV", "test"], "split", required=False) == ["train", "validation", "test"]
    assert by_column("r.csv", ["pea", "hair"], "split", required=False) is None
    for values, required in ((["train", "pea"], False), (["pea", "hair"], True), (["train", None], False)):
        with pytest.raises(DataError, match=r"r\.csv, row \d: column 'split' holds .* which is no split"):
            by_column("r.csv", values, "split", required=required)
