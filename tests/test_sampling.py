"""Samples of a split: the same for every model, in the plan and in the record, or refused by name."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.checks import check_samples
from harness.errors import SuiteError
from harness.plan import Plan
from harness.plugins import Plugins
from harness.sampling import in_words, places, sampled


@given(total=st.integers(1, 200), counts=st.tuples(st.integers(1, 250), st.integers(1, 250)))
def test_a_larger_sample_holds_the_smaller(total: int, counts: tuple[int, int]) -> None:
    """Places are distinct, in order and within the split; more than there are give all."""
    few, many = (places(total, count) for count in sorted(counts))

    assert len(few) == min(total, *counts)
    assert set(few) <= set(many) <= set(range(total))
    assert few == sorted(set(few))


def test_all_parts_of_a_split_are_drawn() -> None:
    """A sample is no beginning, and it is fixed: other versions of Python draw the same."""
    assert places(20, 5) == PLACES


PLACES = [1, 8, 12, 13, 15]


def test_data_without_parts_are_refused_by_name(plan_of: Callable[..., Plan], toys: Plugins) -> None:
    """The evaluation is unsupported, nothing else is; a split that is no larger is evaluated whole."""
    marked = []
    for most in (7, 40):
        plan, notes = check_samples(plan_of(evaluate={"max_items": most}), toys, {})
        marked.append({(step.kind, step.unsupported) for step in plan.steps if step.spec["model"] == "guess"})
        assert notes == []

    why = "Numbers is graded on a whole split: leave `max_items` out."
    assert {one for one in marked[0] if one[1] == why} == {("evaluate", why)}
    assert not {one for one in marked[1] if one[1] == why}


def test_another_number_of_items_is_another_evaluation(plan_of: Callable[..., Plan]) -> None:
    """And no other step; without a number the step is that from before there was one."""
    plans = [{step.fingerprint: step for step in plan_of(evaluate=one).steps} for one in ({}, *LIMITS)]
    whole, few, more = plans

    for one, other in ((whole, few), (few, more)):
        assert {step.kind for mark, step in other.items() if mark not in one} == {"evaluate"}
    assert not any("max_items" in step.spec for step in whole.values())


LIMITS = ({"max_items": 7}, {"max_items": 8})


@pytest.mark.parametrize("most", [0, -3, 1.5, True])
def test_what_is_no_number_of_items_is_refused(most: object, plan_of: Callable[..., Plan]) -> None:
    """With the line of the suite."""
    with pytest.raises(SuiteError, match=r"line \d+: evaluate\.max_items"):
        plan_of(evaluate={"max_items": most})


def test_the_record_of_a_sample() -> None:
    """How many of how many, and the seed."""
    from harness.labelled import Examples, LabelledData

    class Words(LabelledData):
        """Texts."""

        @staticmethod
        def content(one: str) -> bytes:
            """Return its bytes."""
            return one.encode()

    splits = {
        name: Examples([f"{name} {n}" for n in range(20)], [n % 2 for n in range(20)]) for name in ("train", "test")
    }
    data = Words(("even", "odd"), splits, "accuracy")
    part, sample = sampled(data, "test", {"max_items": 5})
    whole, nothing = sampled(data, "test", {"max_items": 20})

    assert sample == {"items": 5, "of": 20, "seed": 0}
    assert in_words({"items": 300, "of": 5000, "seed": 0}) == "300 of 5,000 items, drawn with seed 0"
    assert list(part.queries()) == [f"test {place}" for place in PLACES]
    assert part.sizes == {"train": 20, "test": 5}
    assert (whole, nothing) == (data, None)
