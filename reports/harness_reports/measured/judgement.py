"""Checks of a record's numbers: what is wrong and what to do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from harness.records import Record
from harness_reports.measured.graded import PEOPLE_NEEDED
from harness_reports.measured.graded_record import graded_by
from harness_reports.measured.latency import minimum_count
from harness_reports.measured.loads import faults, in_process
from harness_reports.measured.people_sample import not_random
from harness_reports.measured.rates import durations
from harness_reports.measured.runs import Load, cached_tokens, loads_of
from harness_reports.reasons import Reason, Reasons

MINIMUM_WINDOW_S = 1.0
MAXIMUM_SPREAD = 0.10
"""Standard deviation over mean, as pyperf's `check` warns."""
MAXIMUM_OVERHEAD = 0.10
"""Share of a window that the load generator and the check of outputs may take."""
MINIMUM_ITEMS = 30
"""Below this many items an interval is not reliable."""


def judge(record: Record) -> Reasons:
    """Return what is wrong with a record's numbers and what to do next; empty where nothing is."""
    return Reasons([*judge_whole(record), *(reason for load in loads_of([record]) for reason in _named(load))])


def judge_whole(record: Record) -> Reasons:
    """Return what is wrong with a record as a whole: that of its single runs of load is left out."""
    return Reasons(reason for check in _CHECKS.get(record.step, ()) if (reason := check(record)))


def judge_load(load: Load) -> Reasons:
    """Return what is wrong with the runs of one rate, or number in flight, and what to do next."""
    cached = cached_tokens(load)
    reasons = [*faults(load)]
    if not reasons and load.requests_per_s is None:
        reasons.append(Reason("load too short"))
    if cached and cached.cached:
        reasons.append(Reason("prompts cached", {"share": cached.cached / cached.input}))
    elif cached is None and any(run.about.get("inputs_repeat") and not in_process(run) for run in load.runs):
        reasons.append(Reason("prompts repeat"))
    if (seconds := min((run.whole.seconds for run in load.runs if run.whole), default=0.0)) < MINIMUM_WINDOW_S:
        reasons.append(Reason("window short", {"seconds": seconds}))
    if (count := len(load.waits_s)) < minimum_count(0.99):
        reasons.append(Reason("requests few", {"needed": minimum_count(0.99), "count": count}))
    return Reasons(reasons)


def _named(load: Load) -> Reasons:
    return Reasons(Reason("of a run", {"run": load.name, "why": [reason]}) for reason in judge_load(load))


def window_s(record: Record) -> float | None:
    """Return a serving's observed seconds: the load generator's clock where it was read, else the predictor's.

    The load generator's is longer for a predictor of microseconds, which waits for it most of the time.
    """
    clocks = [record.value("wall_s"), (record.used.get("load_generator") or {}).get("elapsed_s")]
    return max((seconds for seconds in clocks if seconds is not None), default=None)


def _short(record: Record) -> Reason | None:
    seconds = window_s(record)
    if record.used.get("runs"):
        return None  # each run has a window: see `judge_load`
    if seconds is None:
        return Reason("window not measured")
    return Reason("window short", {"seconds": seconds}) if seconds < MINIMUM_WINDOW_S else None


def _invalid(record: Record) -> Reason | None:
    log = record.used.get("load_generator") or {}
    if log.get("result_valid") is not False or record.used.get("runs"):  # runs are held to the suite's limits
        return None
    return Reason("load invalid", {"why": log.get("invalid_reason") or "serve for longer"})


def _noisy(record: Record) -> Reason | None:
    """Compare tenths of an Offline window: single batches differ as their inputs do, tenths should not."""
    batch_s = durations(record)
    if record.spec.get("scenario") != "Offline" or batch_s.size < 2:  # noqa: PLR2004 - one duration has no spread
        return None
    tenths = np.array([part.mean() for part in np.array_split(batch_s, min(10, batch_s.size))])
    spread = tenths.std(ddof=1) / tenths.mean()
    if spread <= MAXIMUM_SPREAD:
        return None
    return Reason("window noisy", {"spread": float(spread)})


def _overhead(record: Record) -> Reason | None:
    """Report a predictor so fast that its rate is partly the load generator's."""
    wall_s, overhead_s = record.value("wall_s"), record.value("overhead_s")
    if not wall_s or overhead_s is None or overhead_s / wall_s <= MAXIMUM_OVERHEAD:
        return None
    return Reason("overhead large", {"share": overhead_s / wall_s})


def _cached(record: Record) -> Reason | None:
    ratio = record.value("unseen_over_repeated")
    return Reason("answers cached", {"ratio": ratio}) if record.used.get("caches_answers") else None


def _drifted(record: Record) -> Reason | None:
    batch_s = durations(record)
    half = batch_s.size // 2
    if half < 5:  # noqa: PLR2004 - medians of fewer say nothing
        return None
    change = float(np.median(batch_s[half:]) / np.median(batch_s[:half]) - 1)
    if abs(change) <= MAXIMUM_SPREAD:
        return None
    return Reason("window drifted", {"change": change})


def _busy(record: Record) -> Reason | None:
    """Report other work on the machine: an earlier step of a suite leaves a load below twice the cores."""
    load, cores = record.environment.get("load_average_1m"), record.environment.get("usable_cores")
    if load is None or not cores or load <= 2 * cores:
        return None
    return Reason("machine busy", {"load": load, "cores": cores})


def _threads(record: Record) -> Reason | None:
    """Report a model that sets its own number of threads: runtimes are compared at the number set for all."""
    threads, torch_threads = record.environment.get("threads"), record.environment.get("torch_threads")
    if threads is None or torch_threads in (None, threads):
        return None
    return Reason("threads differ", {"given": threads, "taken": torch_threads})


def _unsupported(record: Record) -> Reason | None:
    count = len(record.series.get("latency_s", []))
    needed = minimum_count(0.99)
    if record.spec.get("scenario") != "SingleStream" or count >= needed:
        return None
    return Reason("queries few", {"needed": needed, "count": count})


def _items(record: Record) -> int:
    return len(next(iter(record.scores.values()), []))


def _few_items(record: Record) -> Reason | None:
    items = _items(record)
    return Reason("few items", {"items": items, "needed": MINIMUM_ITEMS}) if items < MINIMUM_ITEMS else None


def _no_answers(record: Record) -> Reason | None:
    whys = record.usage.get("test", {}).get("why", ())
    failures = Counter(why for why in whys if why is not None)
    if not failures:
        return None
    counts = {"failed": failures.total(), "count": len(whys)}
    return Reason("no answers", {**counts, "failures": failures.most_common()})


def not_graded(record: Record) -> Reason | None:
    """Return that open answers have no quality, since not all of them were graded, and what to do."""
    graded = graded_by(record)
    if graded is None or graded.by is not None:
        return None
    if graded.judge and graded.judged == graded.answers:
        gave = graded.answers - graded.without_grade
        return Reason("judge gave few grades", {"judge": graded.judge, "graded": gave, "answers": graded.answers})
    counts = {"judged": graded.judged, "answers": graded.answers}
    return Reason("answers not judged", {**counts, "judge": graded.judge or "MODEL"})


def not_validated(record: Record) -> Reason | None:
    """Return that quality is a judge's alone, as people graded too few answers to say how far it can be trusted."""
    graded = graded_by(record)
    if graded is None or graded.by != "judge":
        return None
    counts = {"people": graded.people, "answers": graded.answers, "needed": min(PEOPLE_NEEDED, graded.answers)}
    return Reason("judged not validated", {**counts, "judge": graded.judge, "rubric": graded.rubric})


def _corrected(record: Record) -> Reason | None:
    """Say by how many of people's grades a judge's are corrected: where `not_validated` says that they are not."""
    graded = graded_by(record)
    if graded is None or graded.by != "corrected":
        return None
    counts = {"both": graded.both, "answers": graded.answers}
    return Reason("judge corrected", {**counts, "judge": graded.judge, "rubric": graded.rubric})


def _not_random(record: Record) -> Reason | None:
    """Report that people graded no random sample of the answers: the correction needs one."""
    graded = graded_by(record)
    if graded is None or graded.by != "corrected":
        return None
    columns = record.answers["test"]
    judge, people = (np.array(columns[name], dtype=float) for name in ("judge_grade", "people_grade"))
    answered = np.array([bool(output) for output in columns["output"]])
    return not_random(judge[answered], people[answered])


def _without_grade(record: Record) -> Reason | None:
    graded = graded_by(record)
    if graded is None or graded.by is None or not graded.without_grade:
        return None
    return Reason("answers without a grade", {"count": graded.without_grade, "answers": graded.answers})


def _broken_scores(record: Record) -> Reason | None:
    broken = sum(int((~np.isfinite(np.array(column, dtype=float))).sum()) for column in record.scores.values())
    return Reason("scores not finite", {"count": broken}) if broken else None


def _unrepeatable(record: Record) -> Reason | None:
    return Reason("items not repeatable") if record.used.get("repeatable") is False else None


def _alike(record: Record) -> Reason | None:
    return Reason("items all alike", {"items": _items(record)}) if record.used.get("all_alike") else None


def _sampled(record: Record) -> Reason | None:
    sample = (record.used.get("sample") or {}).get("test")
    return Reason("items sampled", sample) if sample else None


def _errorless(record: Record) -> Reason | None:
    """Report a deciding error of exactly 0: 0 bits for every text are those of a model that knows all of them."""
    for metric in record.metrics[:1]:
        column = record.scores.get(metric["column"])
        if column and not metric["higher_is_better"] and metric.get("random_baseline") and not any(column):
            return Reason("no error at all", {"metric": metric["name"], "items": len(column)})
    return None


_CHECKS: Mapping[str, Sequence[Callable[[Record], Reason | None]]] = {
    "serve": (_cached, _short, _invalid, _noisy, _overhead, _drifted, _busy, _threads, _unsupported),
    "evaluate": (
        not_graded,
        not_validated,
        _corrected,
        _not_random,
        _without_grade,
        _sampled,
        _unrepeatable,
        _alike,
        _no_answers,
        _few_items,
        _broken_scores,
        _errorless,
    ),
}
