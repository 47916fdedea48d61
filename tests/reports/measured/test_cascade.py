"""Cascades of planted predictors: quality and share by hand, and properties that hold for any answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import FactError
from harness_reports.measured.cascade import Answers, Pair, checked_threshold
from harness_reports.measured.intervals import mean_interval
from harness_reports.measured.results import Results
from harness_reports.measured.single_latency import chained_s

SURE, UNSURE, GUESS = 0.9, 0.6, 0.3
# Ten items: confidence of the cheap one, whether it is right, whether the expensive one is.
PLANTED = [
    (SURE, 1, 1), (SURE, 1, 1), (SURE, 1, 0), (SURE, 1, 1), (SURE, 0, 1),
    (UNSURE, 1, 1), (UNSURE, 0, 1), (UNSURE, 0, 1), (GUESS, 0, 1), (GUESS, 0, 0),
]  # fmt: skip


def planted(rows: Sequence[tuple[float, int, int]] = PLANTED) -> Answers:
    """Return the answers of one seed."""
    return Answers(*(np.array([column], dtype=float) for column in zip(*rows, strict=True)))


def test_the_curve_by_hand() -> None:
    """Right alone: 5 and 8 of 10. Above 0.3 two items are passed on, above 0.6 five, at 1 all."""
    curve = planted().curve()

    assert curve.threshold.tolist() == [0.0, UNSURE, SURE, 1.0]
    assert curve.share.tolist() == pytest.approx([0.0, 0.2, 0.5, 1.0])
    # Nothing passed on: 5. The two guesses: one more right. The three unsure ones: two more. All: 8.
    assert curve.value.tolist() == pytest.approx([0.5, 0.6, 0.8, 0.8])


ANSWERS = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=40
).map(planted)  # fmt: skip


@settings(deadline=None)
@given(ANSWERS, st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_thresholds_from_all_to_nothing(answers: Answers, thresholds: list[float]) -> None:
    """At 0 the cheap one alone, above 1 the expensive one alone; what is passed on grows with the threshold."""
    shares = [answers.passed(threshold).mean() for threshold in [0.0, *sorted(thresholds), math.nextafter(1, 2)]]

    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert (answers.scores(0.0) == answers.cheap).all()
    assert (answers.scores(math.nextafter(1, 2)) == answers.expensive).all()


@settings(deadline=None)
@given(ANSWERS)
def test_the_curve_is_what_each_threshold_gives(answers: Answers) -> None:
    """Sums over sorted items against one threshold at a time."""
    curve = answers.curve()

    assert curve.value == pytest.approx([answers.scores(threshold).mean() for threshold in curve.threshold])
    assert curve.share == pytest.approx([answers.passed(threshold).mean() for threshold in curve.threshold])
    assert len(set(curve.share.tolist())) >= len(curve.share) - 1  # 1 may pass on no more than the one before it


@pytest.mark.parametrize("threshold", [-0.1, 1.01, math.nan, math.inf])
def test_a_threshold_is_a_confidence(threshold: float) -> None:
    """From 0 to 1; the message says what the ends mean."""
    with pytest.raises(FactError, match=r"Give a confidence from 0 \(the cheap one answers everything\) to 1"):
        checked_threshold(threshold)

    assert [checked_threshold(end) for end in (0.0, 1.0)] == [0.0, 1.0]


def test_latencies_are_chained_where_requests_are_passed_on() -> None:
    """A quarter of eight: two of them take the expensive one's second too. Each measured one counts once."""
    assert sorted(chained_s([0.1] * 8, [1.0] * 8, 0.25)) == pytest.approx([0.1] * 6 + [1.1] * 2)
    assert sorted(chained_s([0.1] * 100, [1.0] * 2, 0.25)) == pytest.approx([0.1] * 6 + [1.1] * 2)
    assert chained_s([0.1, 0.2, 0.3], [], 0.0) != []
    assert sorted(chained_s([0.1, 0.1], [1.0, 2.0], 1.0)) == pytest.approx([1.1, 2.1])
    assert chained_s([0.1] * 5, [math.inf] * 5, 0.2).count(math.inf) == 1


MakePair = Callable[..., Pair]


@pytest.fixture
def pair(make_cascade: Callable[..., list[Any]]) -> MakePair:
    """Return a maker of the pair of `make_cascade`."""

    def make(records: list[Any] | None = None, metric: str | None = None, **changes: Any) -> Pair:
        results = Results.of(records or make_cascade(**changes))
        by_model = {each.key.model: each for each in results.evaluated}
        return Pair(by_model["tfidf"], by_model["bert"], metric)

    return make


def test_the_threshold_is_chosen_on_validation_and_read_on_test(pair: MakePair) -> None:
    """On validation 0.6 keeps all but a hundredth of the expensive one's quality; test is what test says."""
    validation = [(SURE, 1, 1)] * 60 + [(UNSURE, 1, 1)] * 20 + [(GUESS, 0, 1)] * 20
    test = [(SURE, 1, 1)] * 60 + [(UNSURE, 0, 1)] * 30 + [(GUESS, 0, 0)] * 10
    made = pair(validation=validation, test=test)
    threshold = made.cheapest()

    assert made.gap() is None
    assert threshold == UNSURE
    assert made.tolerance() == pytest.approx(0.01)
    joined = made.quality(threshold)
    assert joined.value == pytest.approx(0.6)  # the 10 guesses are passed on, and wrong there too
    assert joined.minus(made.qualities[1]).high < 0
    assert made.answers("test").passed(threshold).mean() == pytest.approx(0.1)


def test_what_may_be_lost_of_a_metric_without_a_ceiling_is_of_validation(
    pair: MakePair, make_cascade: Callable[..., list[Any]]
) -> None:
    """A hundredth of the expensive one's value there: that on test would make test items part of the choice."""
    validation = [(SURE, 1, 1)] * 60 + [(GUESS, 0, 1)] * 20 + [(GUESS, 0, 0)] * 20
    records = [
        replace(each, metrics=[{**metric, "ceiling": None} for metric in each.metrics])
        for each in make_cascade(validation=validation)
    ]

    assert pair(records).qualities[1].value == pytest.approx(0.92)
    assert pair(records).tolerance() == pytest.approx(0.008)


def test_a_cheap_one_that_errs_where_it_is_sure_has_no_threshold(pair: MakePair) -> None:
    """Its confidence is 1 where it is wrong."""
    made = pair(validation=[(1.0, 0, 1)] * 20 + [(SURE, 1, 1)] * 80)

    assert made.cheapest() is None


def test_seeds_stand_beside_each_other(pair: MakePair, make_cascade: Callable[..., list[Any]]) -> None:
    """Two trainings of the cheap one beside the single expensive one; two of each in pairs."""
    one, other = make_cascade(), make_cascade(test=[(GUESS, 0, 1)] * 100, seed=1)
    cheap_twice = [*one, *(record for record in other if record.spec["model"] == "tfidf")]
    made = pair(cheap_twice)
    assert made.answers("test").cheap.shape == (2, 100)
    assert made.quality(0.5).value == pytest.approx((made.answers("test").scores(0.5)).mean())

    assert pair([*one, *other]).answers("test").expensive.shape == (2, 100)


def test_a_sample_is_what_both_were_graded_on(pair: MakePair, make_cascade: Callable[..., list[Any]]) -> None:
    """The expensive one answered 20 of the 100 items; the cascade is read on these."""
    from harness.sampling import places

    records, kept = make_cascade(), places(100, 20)
    sample = {split: {"items": 20, "of": 100, "seed": 0} for split in ("test", "validation")}
    few = [
        replace(
            record, scores={"correct": [record.scores["correct"][place] for place in kept]}, used={"sample": sample},
            answers={split: {name: [column[place] for place in kept] for name, column in columns.items()}
                     for split, columns in record.answers.items()},
        )
        if record.spec["model"] == "bert" and record.step == "evaluate" else record
        for record in records
    ]  # fmt: skip
    whole, made = pair(records), pair(few)

    assert made.answers("test").cheap.shape == (1, 20)
    assert (made.answers("test").cheap == whole.answers("test").cheap[:, kept]).all()
    assert (made.answers("test").confidence == whole.answers("test").confidence[:, kept]).all()
    assert made.quality(0.5).items == 20
    assert made.quality(0.5).minus(made.qualities[0]).low <= 1


def without(records: list[Any], model: str, split: str, column: str) -> list[Any]:
    """Return records in which a model's answers to a split lack a column."""

    def stripped(record: Any) -> Any:
        columns = {name: values for name, values in record.answers[split].items() if name != column}
        return replace(record, answers={**record.answers, split: columns})

    return [
        stripped(record) if record.step == "evaluate" and record.spec["model"] == model else record
        for record in records
    ]


def test_what_is_missing_is_said(pair: MakePair, make_cascade: Callable[..., list[Any]]) -> None:
    """No confidence, no answers to validation, no mean: each with what to do."""
    records = make_cascade()
    unkept = [replace(record, spec={k: v for k, v in record.spec.items() if k != "validation"}) for record in records]
    gaps = {
        "says no": pair(without(records, "tfidf", "test", "confidence")).gap(),
        "no validation": pair(unkept).gap(),
        "other items": pair(without(records, "bert", "validation", "correct")).gap(),
    }

    assert all(gaps.values())
    assert "tfidf@eager does not say how confident it is" in str(gaps["says no"])
    assert "set `validation: true` under `evaluate` in the suite" in str(gaps["no validation"])
    assert "no answers to the same items" in str(gaps["other items"])
    assert pair(unkept).gap(("test",)) is None  # a threshold that is given needs no validation
    f1 = {"name": "f1", "unit": "share", "column": None, "higher_is_better": True, "ceiling": 1.0,
          "random_baseline": None, "value": 0.5, "replicates": [0.4, 0.6]}  # fmt: skip
    graded = [replace(record, metrics=[*record.metrics, f1]) if record.step == "evaluate" else record
              for record in records]  # fmt: skip
    assert "f1 is no mean of scores" in str(pair(graded, metric="f1").gap())


def test_what_is_chosen_on_validation_is_not_flattered_on_test() -> None:
    """Of 1,000 experiments the interval holds the true quality in 93 % or more; on validation itself it is too good."""
    random, flattered, missed, held = np.random.default_rng(3), [], [], 0

    def drawn(count: int) -> Answers:
        confidence = random.beta(2, 1, (1, count))
        cheap, expensive = random.random((1, count)) < confidence, random.random((1, count)) < 0.9
        return Answers(confidence, cheap.astype(float), expensive.astype(float))

    for _ in range(1000):
        validation, test = drawn(300), drawn(300)
        curve = validation.curve()
        place = int(np.argmax(curve.value - 0.1 * curve.share))
        threshold = float(curve.threshold[place])
        # The confidence c has the density 2c; the cheap one is right with that probability, the other one with 0.9.
        true = 0.9 * threshold**2 + 2 / 3 * (1 - threshold**3)
        low, high = mean_interval(test.scores(threshold))
        held += low <= true <= high
        missed.append(test.scores(threshold).mean() - true)
        flattered.append(curve.value[place] - true)

    assert held >= 930
    assert abs(np.mean(missed)) < 3 * np.std(missed) / np.sqrt(1000)
    assert np.mean(flattered) > 3 * np.std(flattered) / np.sqrt(1000)
