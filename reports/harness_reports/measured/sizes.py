"""A scaling law through the sizes of a model that were measured here, with its interval; without one, nothing is said.

error = a · parameters^-b, a straight line in logarithms. An error is what is missing to a metric's ceiling, or a metric
that counts errors itself. Three sizes at least: a line through two has no interval. Whatever the line says, it is of
this task, this data and this budget; beyond ten times the largest size, and where the exponent's interval holds 0,
nothing is foretold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from harness.errors import FactError, unknown
from harness.records import Record
from harness_reports.measured.lineage import Chain
from harness_reports.measured.quality import Quality
from harness_reports.measured.results import Measured, Results
from harness_reports.reasons import Reason, as_text

SIZES = (
    "task", "data", "model", "start", "metric", "sizes", "params_low", "params_high", "exponent", "exponent_low",
    "exponent_high", "params", "predicted", "predicted_low", "predicted_high", "refused", "stale",
)  # fmt: skip
LEAST = 3
FARTHEST = 10.0
"""Times the largest measured size; beyond it nobody here has seen anything."""
_SHARE = 0.975


class NoLawError(FactError):
    """The measured sizes support no scaling law, or none at this size."""

    def __init__(self, code: str, **values: Any) -> None:
        """Keep the reason; its English sentence is the message."""
        self.reason = Reason(code, values)
        super().__init__(str(self.reason))


class ScalingLaw(NamedTuple):
    """A fit of log error on log parameters."""

    intercept: float
    exponent: float
    """b: by how much errors fall; 0.1 means 7 % fewer at twice the size."""
    low: float
    high: float
    """Ends of the exponent's 95 % interval, Student's t with n - 2 degrees of freedom."""
    spread: float
    """Standard deviation of the residuals."""
    sizes: np.ndarray
    """Logarithms of the parameters."""

    def predict(self, params: float) -> tuple[float, float, float]:
        """Return the error at a size, and the ends of its 95 % prediction interval.

        Raises:
            FactError: there is no law to go by, or the size lies too far beyond what was measured.
        """
        if self.low <= 0 <= self.high:
            raise NoLawError("exponent unclear", low=self.low, high=self.high)
        farthest = math.exp(float(self.sizes.max())) * FARTHEST
        if params > farthest:
            raise NoLawError("size too large", params=params, times=FARTHEST)
        at = math.log(params)
        away, count = self.sizes - self.sizes.mean(), self.sizes.size
        error = self.spread * math.sqrt(1 + 1 / count + (at - float(self.sizes.mean())) ** 2 / float((away**2).sum()))
        reach = float(stats.t.ppf(_SHARE, count - 2)) * error
        middle = self.intercept - self.exponent * at
        return math.exp(middle), math.exp(middle - reach), math.exp(middle + reach)


def fit(params: Sequence[float], errors: Sequence[float]) -> ScalingLaw:
    """Return the line through sizes and their errors.

    Raises:
        FactError: fewer than three different sizes, or an error that is not above 0.
    """
    if len(set(params)) < LEAST:
        raise NoLawError("sizes few", count=len(set(params)), needed=LEAST)
    if min(errors) <= 0:
        raise NoLawError("size without errors")
    sizes, logs = np.log(np.array(params, dtype=float)), np.log(np.array(errors, dtype=float))
    found = stats.linregress(sizes, logs)
    reach = float(stats.t.ppf(_SHARE, sizes.size - 2) * found.stderr)
    left = logs - (found.intercept + found.slope * sizes)
    spread = math.sqrt(float((left**2).sum()) / (sizes.size - 2))
    exponent = -float(found.slope)
    return ScalingLaw(float(found.intercept), exponent, exponent - reach, exponent + reach, spread, sizes)


def size_table(records: Sequence[Record], params: float) -> pd.DataFrame:
    """Return one row for each model with several sizes on a task: its scaling law, and what it says of `params`.

    Where it says nothing, `refused` says why. Sizes differ by their name alone: budget, data and runtime are
    those of the newest candidate of each.
    """
    groups = _groups(Results.of(records)).values()
    return pd.DataFrame([_row(list(sizes.values()), params) for sizes in groups], columns=list(SIZES))


def _groups(results: Results) -> dict[tuple[Any, ...], dict[str, Measured]]:
    """Return task, data, their source, model and start → size → its newest candidate."""
    found: dict[tuple[Any, ...], dict[str, Measured]] = {}
    for own in results.evaluated:
        key = own.key
        sizes = found.setdefault((key.task, key.data, key.source, key.model, key.start), {})
        if key.size not in sizes or _newest(own) > _newest(sizes[key.size]):
            sizes[key.size] = own
    return found


def _newest(own: Measured) -> str:
    return max(chain.leaf.started_at for chain in own.evaluations)


def _row(sizes: Sequence[Measured], params: float) -> dict[str, Any]:
    key, graded = sizes[0].key, [own.quality for own in sizes if own.quality]
    measured = [(size, own) for one, own in zip(sizes, graded, strict=True) if (size := _params(one.evaluations))]
    row: dict[str, Any] = {
        **dict.fromkeys(SIZES), "task": key.task, "data": key.data, "model": key.model, "start": key.start,
        "metric": graded[0].name, "sizes": len(measured), "params": params,
        "stale": next((own.key.stale for own in sizes if own.key.stale), None),
    }  # fmt: skip
    if measured:
        row |= {"params_low": min(size for size, _ in measured), "params_high": max(size for size, _ in measured)}
    try:
        line = fit([size for size, _ in measured], [_error(own) for _, own in measured])
        row |= {"exponent": line.exponent, "exponent_low": line.low, "exponent_high": line.high}
        row |= _predicted(graded[0], line.predict(params))
    except NoLawError as error:
        row["refused"] = error.reason
    return as_text(row)


def _params(chains: Sequence[Chain]) -> float | None:
    """Return the parameters that were counted in training, None where they were not."""
    return next((value for chain in chains if chain.finetune and (value := chain.finetune.value("parameters"))), None)


def _error(own: Quality) -> float:
    """Return what is missing to the ceiling, as a share of it; of a metric that counts errors its value.

    Raises:
        FactError: the value is no number, or more is better and there is no ceiling to miss.
    """
    if not math.isfinite(own.value):
        raise NoLawError("size not finite", metric=own.name)
    if not own.metric["higher_is_better"]:
        return own.value
    ceiling = own.metric.get("ceiling")
    if not ceiling:
        raise NoLawError("errors without ceiling", metric=own.name)
    return 1 - own.value / float(ceiling)


def _predicted(own: Quality, errors: tuple[float, float, float]) -> dict[str, float]:
    if not own.metric["higher_is_better"]:
        value, low, high = errors
    else:
        value, high, low = (float(own.metric["ceiling"]) * (1 - error) for error in errors)
    return {"predicted": value, "predicted_low": low, "predicted_high": high}


def measured_mfu(records: Sequence[Record], peaks: Mapping[str, float], model: str | None = None) -> float:
    """Return the best model FLOPs utilisation of the trainings here: 6 · parameters · tokens a second over the peak.

    Args:
        records: what was measured.
        peaks: item of a price book → dense operations per second of one unit.
        model: only of this model.

    Raises:
        FactError: no training counted its tokens and parameters on a device whose peak is known.
    """
    trained = [record for record in records if record.step in ("pretrain", "finetune") and record.outcome == "ok"]
    models = {str(record.spec["model"]) for record in trained}
    if model is not None and model not in models:
        raise FactError(unknown("trained model", model, models))
    found = [_mfu(record, peaks) for record in trained if model in (None, record.spec["model"])]
    known = [mfu for mfu in found if mfu]
    if not known:
        raise FactError(
            "No training in the store counted its tokens and parameters on a device whose peak is known, so its "
            "utilisation is not known. Give one with --mfu."
        )
    return max(known)


def _mfu(record: Record, peaks: Mapping[str, float]) -> float | None:
    hardware = record.environment.get("hardware") or {}
    peak, quantity = peaks.get(str(hardware.get("price_item"))), hardware.get("price_quantity")
    params, tokens, seconds = (record.value(name) for name in ("parameters", "tokens", "wall_s"))
    if not (peak and quantity and params and tokens and seconds):
        return None
    return 6 * params * tokens / seconds / (peak * float(quantity))
