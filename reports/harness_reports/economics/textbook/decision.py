"""Decisions under uncertainty: value of information, and cost of errors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from harness.errors import FactError
from harness_reports.economics.checks import at_least, finite, within

_ROUNDING = 1e-9
"""Tolerance of probabilities that add up to 1."""


class PerfectInformation(NamedTuple):
    """The value of knowing the state before the decision."""

    best_action: str
    """Action with the highest expected payoff without information; the first of equals."""
    expected_usd: float
    """Its expected payoff."""
    expected_with_information_usd: float
    value_usd: float
    """EVPI, the upper bound of the value of any study."""


def perfect_information(
    probabilities: Sequence[float], payoffs_usd: Mapping[str, Sequence[float]]
) -> PerfectInformation:
    """Return the expected value of perfect information: E[max payoff] - max E[payoff].

    Args:
        probabilities: probability of each state.
        payoffs_usd: action → payoff in each state.

    Raises:
        FactError: probabilities that do not add up to 1, no action, or not one payoff for each state.
    """
    probabilities = _distribution("probabilities", probabilities)
    table = _payoffs(payoffs_usd, len(probabilities))
    action, expected = _best(probabilities, table)
    informed = math.fsum(
        p * max(column) for p, column in zip(probabilities, zip(*table.values(), strict=True), strict=True)
    )
    return PerfectInformation(action, expected, informed, max(0.0, informed - expected))


class SampleInformation(NamedTuple):
    """The value of an imperfect study, such as the next benchmark."""

    expected_without_usd: float
    expected_with_usd: float
    value_usd: float
    """EVSI, at most EVPI."""
    posteriors: dict[str, list[float] | None]
    """Result → posterior probability of each state; None for a result that cannot occur."""


def sample_information(
    prior: Sequence[float], payoffs_usd: Mapping[str, Sequence[float]], likelihoods: Mapping[str, Sequence[float]]
) -> SampleInformation:
    """Return the expected value of sample information, by pre-posterior analysis.

    Args:
        prior: probability of each state.
        payoffs_usd: action → payoff in each state.
        likelihoods: result of the study → its probability in each state.

    Raises:
        FactError: probabilities that do not add up to 1, no action, or not one number for each state.
    """
    probabilities = _distribution("prior", prior)
    table = _payoffs(payoffs_usd, len(probabilities))
    results = {name: [within(f"likelihood of {name}", p) for p in row] for name, row in likelihoods.items()}
    for state, column in enumerate(_columns("likelihoods", results, len(probabilities))):
        _distribution(f"likelihoods in state {state}", column)
    _, without = _best(probabilities, table)
    joint = {name: [p * q for p, q in zip(probabilities, row, strict=True)] for name, row in results.items()}
    informed = math.fsum(_best(row, table)[1] for row in joint.values())
    posteriors = {name: [p / total for p in row] if (total := math.fsum(row)) else None for name, row in joint.items()}
    return SampleInformation(without, informed, max(0.0, informed - without), posteriors)


def _best(weights: Sequence[float], table: Mapping[str, Sequence[float]]) -> tuple[str, float]:
    expected = {name: math.fsum(w * pay for w, pay in zip(weights, row, strict=True)) for name, row in table.items()}
    action = max(expected, key=lambda name: expected[name])
    return action, expected[action]


def _distribution(name: str, values: Sequence[float]) -> list[float]:
    probabilities = [within(name, value) for value in values]
    if not math.isclose(math.fsum(probabilities), 1, abs_tol=_ROUNDING):
        raise FactError(f"{name} add up to {math.fsum(probabilities):.6g}. Probabilities add up to 1.")
    return probabilities


def _payoffs(payoffs: Mapping[str, Sequence[float]], states: int) -> dict[str, list[float]]:
    table = {name: [finite(f"payoff of {name}", value) for value in row] for name, row in payoffs.items()}
    _columns("payoffs", table, states)
    return table


def _columns(name: str, rows: Mapping[str, Sequence[float]], states: int) -> list[tuple[float, ...]]:
    if not rows:
        raise FactError(f"There are no {name}. Give at least one row.")
    for row, values in rows.items():
        if len(values) != states:
            raise FactError(f"{name} of {row!r} has {len(values)} numbers for {states} states. Give one for each.")
    return list(zip(*rows.values(), strict=True))


# Errors -------------------------------------------------------------------------------------------------------


class ErrorCost(NamedTuple):
    """The cost of a classifier's errors, against no classifier."""

    false_positives: float
    false_negatives: float
    error_usd: float
    total_usd: float
    """Errors and inferences."""
    without_model_usd: float
    """The cheaper of all positive and all negative answers."""
    value_usd: float
    """Saving by the model; may be negative."""


def error_cost(
    cases: float,
    prevalence: float,
    *,
    true_positive_rate: float,
    false_positive_rate: float,
    usd_per_false_positive: float,
    usd_per_false_negative: float,
    usd_per_inference: float = 0.0,
) -> ErrorCost:
    """Return the expected cost of misclassification (Elkan 2001).

    Raises:
        FactError: a share outside 0 to 1, or a negative number.
    """
    positives = at_least("cases", cases) * within("prevalence", prevalence)
    negatives = cases * (1 - prevalence)
    fp_usd = at_least("usd_per_false_positive", usd_per_false_positive)
    fn_usd = at_least("usd_per_false_negative", usd_per_false_negative)
    wrong = negatives * within("false_positive_rate", false_positive_rate)
    missed = positives * (1 - within("true_positive_rate", true_positive_rate))
    errors = wrong * fp_usd + missed * fn_usd
    total = errors + cases * at_least("usd_per_inference", usd_per_inference)
    without = min(positives * fn_usd, negatives * fp_usd)
    return ErrorCost(wrong, missed, errors, total, without, without - total)


def bayes_threshold(usd_per_false_positive: float, usd_per_false_negative: float) -> float | None:
    """Return the probability above which "positive" is the cheaper answer: C_FP / (C_FP + C_FN) (Elkan 2001).

    None if neither error has a cost.

    Raises:
        FactError: a negative cost.
    """
    wrong = at_least("usd_per_false_positive", usd_per_false_positive)
    missed = at_least("usd_per_false_negative", usd_per_false_negative)
    return wrong / (wrong + missed) if wrong + missed else None


class AccuracyValue(NamedTuple):
    """The value of a more accurate model."""

    usd: float
    ceiling_usd_per_inference: float
    """The most that an inference of the better model may cost more."""


def value_of_accuracy(accuracy: float, better_accuracy: float, cases: float, usd_per_error: float) -> AccuracyValue:
    """Return (better - accuracy) · cases · cost per error, if both errors cost the same; else use `error_cost`.

    The difference has to be significant: test that first.

    Raises:
        FactError: a share outside 0 to 1, or a negative number.
    """
    gained = within("better_accuracy", better_accuracy) - within("accuracy", accuracy)
    per_case = gained * at_least("usd_per_error", usd_per_error)
    return AccuracyValue(per_case * at_least("cases", cases), per_case)
