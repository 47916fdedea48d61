"""How long a plan will take, from earlier steps of the same kind."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from harness.plan import Step
from harness.records import Record

_TOTAL = ("data_s", "build_s", "load_s", "wall_s")


def estimate_s(steps: Iterable[Step], records: Iterable[Record]) -> tuple[float, int]:
    """Return the seconds of the steps that earlier records cover, and the number of steps that none covers."""
    seconds: dict[tuple[str, ...], list[float]] = {}
    for record in records:
        if record.outcome == "ok":
            took = sum(value for name in _TOTAL if (value := record.value(name)) is not None)
            seconds.setdefault(_key(record.step, record.spec), []).append(took)
    total, unknown = 0.0, 0
    for step in steps:
        if step.unsupported is None:
            earlier = seconds.get(_key(step.kind, step.spec))
            total += median(earlier) if earlier else 0.0
            unknown += earlier is None
    return total, unknown


def _key(kind: str, spec: dict[str, object]) -> tuple[str, ...]:
    return (kind, *(str(spec.get(name)) for name in ("model", "size", "task", "hardware", "runtime", "scenario")))
