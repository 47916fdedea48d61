"""The audit of caching: predictors that keep answers are found, others are not."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.measure.caching import FEWEST, MOST, SHARE, Audit, audit, hold_back

CALL_S = 0.002


def working(inputs: Sequence[int]) -> Sequence[int]:
    """Take the same time for every input."""
    time.sleep(CALL_S * len(inputs))
    return inputs


def keeping(most: int | None) -> Callable[[Sequence[int]], Sequence[int]]:
    """Return the same predictor with a cache of so many answers."""
    kept = functools.lru_cache(most)(lambda one: working([one])[0])
    return lambda inputs: [kept(one) for one in inputs]


def audited(predict: Any, count: int = 100, limit_s: float = 2.0) -> Audit | None:
    """Audit a predictor after a load of all inputs that are not held back."""
    seen, unseen = hold_back(range(count), seed=0)
    predict(seen)
    return audit(predict, seen, unseen, lambda: None, limit_s)


@pytest.mark.parametrize("most", [None, 64])
@pytest.mark.parametrize("count", [SHARE * FEWEST, 100])
def test_kept_answers_are_found(most: int | None, count: int) -> None:
    """A cache that forgets what is long ago is found as well."""
    compared = audited(keeping(most), count)

    assert compared is not None
    assert compared.caches
    assert compared.ratio > 10
    assert compared.slower == compared.inputs == min(MOST, count // SHARE)


def test_an_honest_predictor_is_not_suspected() -> None:
    """Neither one that takes the same for all, nor one that takes long for some."""
    for predict in (working, lambda inputs: [time.sleep(CALL_S * (1 + one % 5)) for one in inputs]):
        compared = audited(predict)

        assert compared is not None
        assert not compared.caches


def test_a_device_that_is_slow_for_a_while_is_no_cache() -> None:
    """Whatever the inputs: seen ones are slow in the same while."""
    calls = iter(range(10**9))

    def predict(inputs: Sequence[int]) -> Sequence[int]:
        time.sleep(10 * CALL_S if 100 <= next(calls) < 175 else CALL_S)  # the first round, and a little of the second
        return inputs

    seen, unseen = hold_back(range(100), seed=0)
    for one in seen:
        predict([one])
    compared = audit(predict, seen, unseen, lambda: None, limit_s=60)

    assert compared is not None
    assert not compared.caches


def test_the_device_is_waited_for() -> None:
    """Else a predictor that queues its work would look as quick for all."""
    queued: list[int] = []
    kept: set[int] = set()

    def predict(inputs: Sequence[int]) -> Sequence[int]:
        queued.extend(one for one in inputs if one not in kept)
        kept.update(inputs)
        return inputs

    def synchronise() -> None:
        time.sleep(CALL_S * len(queued))
        queued.clear()

    seen, unseen = hold_back(range(100), seed=0)
    predict(seen)
    synchronise()
    compared = audit(predict, seen, unseen, synchronise, limit_s=2)

    assert compared is not None
    assert compared.caches


def test_too_few_inputs_say_nothing() -> None:
    """Chance alone would look like a cache: all inputs are served, and nothing is said."""
    assert hold_back(range(SHARE * FEWEST - 1), seed=0) == (list(range(SHARE * FEWEST - 1)), [])
    assert audited(keeping(None), SHARE * FEWEST - 1) is None


def test_it_does_not_last_longer_than_it_may() -> None:
    """A slow predictor is sent the fewest inputs that say something."""
    compared = audited(lambda inputs: time.sleep(0.02) or inputs, limit_s=0.1)

    assert compared is not None
    assert compared.inputs == FEWEST


@given(count=st.integers(0, 500), seed=st.integers(0, 2**32))
def test_inputs_are_served_or_held_back(count: int, seed: int) -> None:
    """Each once, in their order; at most a third is held back."""
    served, held = hold_back(range(count), seed)

    assert sorted(served + held) == list(range(count))
    assert (served, held) == (sorted(served), sorted(held))
    assert len(held) <= count / SHARE
    assert hold_back(range(count), seed) == (served, held)


@pytest.mark.parametrize(
    ("ratio", "slower", "inputs", "caches"),
    [(2.0, 10, 10, True), (1.9, 10, 10, False), (99.0, 9, 10, False), (2.0, 20, 24, True), (2.0, 19, 24, False)],
)
def test_both_the_size_and_the_count_must_speak_for_it(ratio: float, slower: int, inputs: int, caches: bool) -> None:
    """By the sign test: 9 of 10 have a probability of 11/1024, 20 of 24 of 0.08 %, 19 of 24 of 0.33 %."""
    assert Audit(ratio, slower, inputs).caches is caches
