"""A scaling law fitted to the measured sizes of a model, with intervals; or the reason why there is none.

error = a · parameters^-b, a straight line in logarithms. An error is a metric's distance to its ceiling, or a metric
that counts errors itself. A fit takes three sizes: a line through two has no interval. It holds for this task, data and
budget. It predicts nothing beyond ten times the largest size, or where the exponent's 95 % interval holds 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

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
"""Times the largest measured size: the largest size to predict for."""
_SHARE = 0.975
"""Upper end of a two-sided 95 % interval."""


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
            NoLawError: the exponent's interval holds 0, or the size is beyond `FARTHEST` times the largest.
        """
        from scipy import stats

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
    """Return the scaling law through sizes and their errors, by least squares in logarithms.

    Raises:
        NoLawError: there are fewer than three different sizes, or an error is not above 0.
    """
    from scipy import stats

    if len(set(params)) < LEAST:
        raise NoLawError("sizes few", count=len(set(params)), needed=LEAST)
    if min(errors) <= 0:
        raise NoLawError("size without errors")
    sizes, logs = np.log(np.array(params, dtype=float)), np.log(np.array(errors, dtype=float))
    line = stats.linregress(sizes, logs)
    reach = float(stats.t.ppf(_SHARE, sizes.size - 2) * line.stderr)
    left = logs - (line.intercept + line.slope * sizes)
    spread = math.sqrt(float((left**2).sum()) / (sizes.size - 2))
    exponent = -float(line.slope)
    return ScalingLaw(float(line.intercept), exponent, exponent - reach, exponent + reach, spread, sizes)


def size_table(records: Sequence[Record], params: float) -> pd.DataFrame:
    """Return one row for each model on a task: its scaling law, and the prediction for `params` parameters.

    Without a prediction, `refused` says why. Of each size the newest candidate counts, whatever its budget and runtime.
    """
    groups = _groups(Results.of(records)).values()
    return pd.DataFrame([_row(list(sizes.values()), params) for sizes in groups], columns=list(SIZES))


def _groups(results: Results) -> dict[tuple[Any, ...], dict[str, Measured]]:
    """Return (task, data, source, model, start) → size → its newest candidate."""
    groups: dict[tuple[Any, ...], dict[str, Measured]] = {}
    for candidate in results.evaluated:
        key = candidate.key
        sizes = groups.setdefault((key.task, key.data, key.source, key.model, key.start), {})
        if key.size not in sizes or _newest(candidate) > _newest(sizes[key.size]):
            sizes[key.size] = candidate
    return groups


def _newest(candidate: Measured) -> str:
    return max(chain.leaf.started_at for chain in candidate.evaluations)


def _row(sizes: Sequence[Measured], params: float) -> dict[str, Any]:
    key, graded = sizes[0].key, [candidate.quality for candidate in sizes if candidate.quality]
    measured = [
        (params_of_size, quality)
        for candidate, quality in zip(sizes, graded, strict=True)
        if (params_of_size := _params(candidate.evaluations))
    ]
    row: dict[str, Any] = {
        **dict.fromkeys(SIZES), "task": key.task, "data": key.data, "model": key.model, "start": key.start,
        "metric": graded[0].name, "sizes": len(measured), "params": params,
        "stale": next((candidate.key.stale for candidate in sizes if candidate.key.stale), None),
    }  # fmt: skip
    if measured:
        row |= {"params_low": min(size for size, _ in measured), "params_high": max(size for size, _ in measured)}
    try:
        law = fit([size for size, _ in measured], [_error(quality) for _, quality in measured])
        row |= {"exponent": law.exponent, "exponent_low": law.low, "exponent_high": law.high}
        row |= _predicted(graded[0], law.predict(params))
    except NoLawError as error:
        row["refused"] = error.reason
    return as_text(row)


def _params(chains: Sequence[Chain]) -> float | None:
    """Return the parameters as counted in training, or in the evaluation of what is not trained; None: nowhere."""
    counted = [chain.finetune or chain.leaf for chain in chains]
    return next((value for record in counted if (value := record.value("parameters"))), None)


def _error(quality: Quality) -> float:
    """Return the distance to the ceiling as a share of it; of a metric that counts errors, its value.

    Raises:
        NoLawError: the value is not finite, or more is better and the metric has no ceiling.
    """
    if not math.isfinite(quality.value):
        raise NoLawError("size not finite", metric=quality.name)
    if not quality.metric["higher_is_better"]:
        return quality.value
    ceiling = quality.metric.get("ceiling")
    if not ceiling:
        raise NoLawError("errors without ceiling", metric=quality.name)
    return 1 - quality.value / float(ceiling)


def _predicted(quality: Quality, errors: tuple[float, float, float]) -> dict[str, float]:
    if not quality.metric["higher_is_better"]:
        value, low, high = errors
    else:
        value, high, low = (float(quality.metric["ceiling"]) * (1 - error) for error in errors)
    return {"predicted": value, "predicted_low": low, "predicted_high": high}


def measured_mfu(records: Sequence[Record], peaks: Mapping[str, float], model: str | None = None) -> float:
    """Return the best model FLOPs utilisation of all trainings: 6 · parameters · tokens per second over the peak.

    Args:
        records: of any step.
        peaks: item of a price book → dense operations per second of one unit.
        model: only trainings of this model.

    Raises:
        FactError: no training of this model, or none that counted tokens and parameters on a device of known peak.
    """
    trained = [record for record in records if record.step in ("pretrain", "finetune") and record.outcome == "ok"]
    models = {str(record.spec["model"]) for record in trained}
    if model is not None and model not in models:
        raise FactError(unknown("trained model", model, models))
    values = [_mfu(record, peaks) for record in trained if model in (None, record.spec["model"])]
    if not any(values):
        raise FactError(
            "No training in the store counted its tokens and parameters on a device whose peak is known, so its "
            "utilisation is not known. Give one with --mfu."
        )
    return max(value for value in values if value)


def _mfu(record: Record, peaks: Mapping[str, float]) -> float | None:
    hardware = record.hardware
    peak, quantity = peaks.get(str(hardware.get("price_item"))), hardware.get("price_quantity")
    params, tokens, seconds = (record.value(name) for name in ("parameters", "tokens", "wall_s"))
    if not (peak and quantity and params and tokens and seconds):
        return None
    return 6 * params * tokens / seconds / (peak * float(quantity))
