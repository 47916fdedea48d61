"""The batcher: its policy holds whatever arrives, each request is answered once, and nothing waits for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.measure.batcher import Batcher
from harness.measure.draw import Draw
from harness.measure.validity import UNANSWERED
from harness.seams import Served


def nothing() -> None:
    """Do nothing."""


def serve(batcher: Batcher, gaps_s: Sequence[float]) -> list[Served]:
    """Send a request after each gap from another thread, answer in this one, and return all requests."""
    answered = threading.Semaphore(0)

    def send() -> None:
        for number, gap_s in enumerate(gaps_s):
            time.sleep(gap_s)
            batcher.send(number, nothing, answered.release)
        for _ in gaps_s:
            answered.acquire()
        batcher.close()

    sender = threading.Thread(target=send)
    sender.start()
    batcher.answer()
    sender.join()
    return batcher.served()


@settings(max_examples=25)
@given(
    gaps_s=st.lists(st.sampled_from([0.0, 0.0, 0.0005, 0.003]), min_size=1, max_size=12),
    largest=st.integers(1, 4),
    wait_s=st.sampled_from([0.0, 0.001, 0.004]),
)
def test_the_policy_holds(gaps_s: list[float], largest: int, wait_s: float) -> None:
    """Batches are in order and never too large; one that is not full began when its first request had waited enough."""
    batches: list[tuple[float, list[int]]] = []

    def predict(inputs: Sequence[int]) -> Sequence[int]:
        batches.append((time.perf_counter(), list(inputs)))
        time.sleep(0.001)
        return inputs

    served = serve(Batcher(predict, largest, wait_s), gaps_s)

    assert [one for _, batch in batches for one in batch] == list(range(len(gaps_s)))
    assert [one.batch for one in served] == [len(batch) for _, batch in batches for _ in batch]
    for began, batch in batches:
        assert len(batch) == largest or (len(batch) < largest and began >= served[batch[0]].sent + wait_s)
        ended = {served[one].chunks for one in batch}
        assert len(ended) == 1
        assert min(ended)[0] > began


def test_requests_that_wait_together_are_answered_together() -> None:
    """What arrives while the predictor works is the next batch, as far as it may be large."""
    batcher = Batcher(lambda inputs: inputs, 3, 10.0)
    for one in range(7):
        batcher.send(one, nothing, nothing)
    batcher.close()
    batcher.answer()

    assert [one.batch for one in batcher.served()] == [3, 3, 3, 3, 3, 3, 1]


@pytest.mark.parametrize(
    ("predict", "error"),
    [
        (lambda inputs: 1 / 0, ZeroDivisionError),
        (lambda inputs: inputs[1:], ValueError),
        (lambda _: [float("nan")], ValueError),
    ],
)
def test_what_the_predictor_does_wrong_comes_out(predict: Any, error: type[Exception]) -> None:
    """All requests end, so that no load generator waits; then the error is raised."""
    ended: list[int] = []
    batcher = Batcher(predict, 1, 0.0)
    for one in range(3):
        batcher.send(one, nothing, lambda: ended.append(1))
    batcher.close()
    batcher.answer()

    assert len(ended) == 3
    with pytest.raises(error):
        batcher.served()


def test_what_waits_when_the_time_is_up_is_named() -> None:
    """It has no time of an answer, and the next requests are answered as before."""
    batcher = Batcher(lambda inputs: time.sleep(0.02) or inputs, 1, 0.0)
    for one in range(5):
        batcher.send(one, nothing, nothing)
    batcher.last(0.01)
    batcher.close()
    batcher.answer()
    first, *others = batcher.served()
    again = serve(batcher, [0.0])

    assert first.failure is None
    assert {(one.failure, one.chunks, one.batch) for one in others} == {(UNANSWERED, (), None)}
    assert [one.failure for one in again] == [None]


@given(count=st.integers(1, 9), seed=st.integers(0, 99))
def test_inputs_are_drawn_without_replacement(count: int, seed: int) -> None:
    """Each once in an order by the seed, then again in another; as a sequence it gives the same."""
    draw, same = Draw(range(count), seed), Draw(range(count), seed)
    first = [draw.next() for _ in range(count)]

    assert not draw.repeats
    assert sorted(first) == sorted(draw.next() for _ in range(count)) == list(range(count))
    assert draw.described() == {"inputs": count, "requests": 2 * count, "inputs_repeat": True}
    assert [same[0] for _ in range(len(same))] == first
