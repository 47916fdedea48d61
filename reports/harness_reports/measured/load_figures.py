"""The figures of the load table: times of requests, and rates of the part in which requests come and answers go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

import numpy as np

from harness_reports.figures.explained import Explained, derived
from harness_reports.measured import readings as leaf
from harness_reports.measured.intervals import RESAMPLES, interval_of
from harness_reports.measured.latency import median_interval, minimum_count
from harness_reports.measured.loads import in_process
from harness_reports.measured.runs import LIMITS, Load, Run, Window, cached_tokens
from harness_reports.measured.serving_figures import percentile_figure

TIMES: Mapping[str, tuple[str, str]] = {
    "first_token": ("first_token_s", "answers that were streamed"),
    "per_token": ("per_token_s", "streamed answers of two tokens or more"),
    "gap": ("gap_s", "gaps between chunks with content; a chunk may hold several tokens"),
    "latency": ("latency_s", "answers, from the start of the request to their end"),
}
"""Beginning of a column → the attribute of a run, and what the times are of."""
PERCENTILES = {"p90": 0.9, "p99": 0.99}
_PARTS = 10
"""Of a steady part, for the interval of its rate: neighbouring answers depend on each other, tenths hardly do."""
_Counted = Callable[[Run, Window], float | None]


def load_figures(load: Load) -> dict[str, Explained]:
    """Return the figures of a row of the load table by column."""
    rates = (_answers(load), _tokens(load), _goodput(load))
    figures = [*_times(load), *(figure for rate in rates for figure in rate), *_shares(load), *_limits(load)]
    by_name = {figure.name: figure for figure in figures}
    token = by_name["per_token_median_s"]
    return by_name | {"user_tokens_per_s": derived("user_tokens_per_s", "1/s", "1 / per_token_median_s", token)}


def _source(load: Load) -> str:
    return "; ".join(_where(run) for run in load.runs)


def _where(run: Run) -> str:
    return f"run {run.name} of {leaf.who(run.record)}"


def _times(load: Load) -> Iterator[Explained]:
    for name, (attribute, what) in TIMES.items():
        seconds = load.seconds(attribute)
        if load.about.get("scenario") == "MultiStream" and attribute != "gap_s":
            what = f"queries, each by the slowest of its requests: {what}"  # noqa: PLW2901 - said of queries
        yield _median(f"{name}_median_s", seconds, what, _source(load))
        for percentile, share in PERCENTILES.items():
            yield percentile_figure(f"{name}_{percentile}_s", seconds, share, _source(load), what)


def _median(name: str, seconds: list[float], what: str, source: str) -> Explained:
    interval = median_interval(seconds)
    if interval is None:
        return Explained(name, None, "s", note=f"needs {minimum_count(0.5)} {what}, there are {len(seconds)}")
    # Gaps of one answer resemble each other, so their median is less certain than that of as many requests.
    ends = "" if name.startswith("gap") else f"; its 95 % interval is {interval[0]:.4g} to {interval[1]:.4g} s"
    note = f"median of {len(seconds):,} {what}{ends}"
    return Explained(name, float(np.median(seconds)), "s", note=note, source=source, kind="measured")


def answer_rate(load: Load) -> Explained:
    """Return the answers per second of the steady parts."""
    return _answers(load)[0]


def _answers(load: Load) -> list[Explained]:
    return _rate(load, "answers_per_s", "answers", Run.answers, ("low", "high"), "no answer is counted twice")


def _tokens(load: Load) -> list[Explained]:
    name, ends = "output_tokens_per_s", ("output_tokens_low", "output_tokens_high")
    return _rate(load, name, "output_tokens", Run.tokens, ends, "the tokens of an answer are spread over its chunks")


def _goodput(load: Load) -> list[Explained]:
    limits = load.limits

    def kept(run: Run, window: Window) -> float | None:
        among = run.kept(limits) if limits else None
        return None if among is None else run.answers(window, among)

    stated = ", ".join(f"{name} {limit_s:g} s" for name, limit_s in limits.items()) or "the suite states no limit"
    return _rate(load, "goodput_per_s", "kept_answers", kept, ("goodput_low", "goodput_high"), f"limits: {stated}")


def _rate(
    load: Load, name: str, counted: str, count: _Counted, ends: tuple[str, str], note: str
) -> list[Explained]:  # fmt: skip
    """Return a rate of the steady parts of all runs, and the ends of its interval."""
    parts = [figure for run in load.runs for figure in _part(run, counted, count, note)]
    rate = derived(name, "1/s", f"sum({counted}) / sum(steady_s)", *parts)
    draws = None if rate.value is None else _draws(load, count)
    if draws is None:
        return [rate, *(Explained(end, None, "1/s", note="the rate is not known", inputs=(rate,)) for end in ends)]
    texts = [f"{share}th percentile of {RESAMPLES:,} rates: tenths of the steady parts are resampled"
             for share in ("2.5", "97.5")]  # fmt: skip
    return [rate, *(Explained(end, value, "1/s", note=text, inputs=(rate,))
                    for end, value, text in zip(ends, interval_of(draws), texts, strict=True))]  # fmt: skip


def _part(run: Run, counted: str, count: _Counted, note: str) -> tuple[Explained, Explained]:
    """Return what was counted in a run's steady part, and its seconds."""
    window = run.steady
    if window is None:
        missing = "the run has no part in which requests come and answers go: serve for longer"
        return Explained(counted, None, note=missing), Explained("steady_s", None, "s", note=missing)
    began = _began(run)
    span = f"from {began} at {window.begin_s:.4g} s to the last request at {window.end_s:.4g} s"
    number = count(run, window)
    if number is None:
        return Explained(counted, None, note=f"not known of every request; {note}"), _seconds(window, span, run)
    return Explained(counted, number, note=note, source=_where(run), kind="measured"), _seconds(window, span, run)


def _began(run: Run) -> str:
    if not run.open_loop:
        return "the first request"
    return "a third of the requests" if run.saturated else "the first request and the time that 99 of 100 answers take,"


def _seconds(window: Window, span: str, run: Run) -> Explained:
    return Explained("steady_s", window.seconds, "s", note=span, source=_where(run), kind="measured")


def _draws(load: Load, count: _Counted) -> np.ndarray:
    counts, seconds = [], []
    for run in load.runs:
        assert run.steady is not None  # noqa: S101 - the rate is known
        edges = np.linspace(run.steady.begin_s, run.steady.end_s, _PARTS + 1)
        counts += [count(run, Window(*ends)) or 0.0 for ends in pairwise(edges)]
        seconds += [run.steady.seconds / _PARTS] * _PARTS
    random = np.random.default_rng([4, len(counts)])
    chosen = random.integers(0, len(counts), (RESAMPLES, len(counts)))
    return np.asarray(np.array(counts)[chosen].sum(axis=1) / np.array(seconds)[chosen].sum(axis=1))


def _shares(load: Load) -> Iterator[Explained]:
    failures = load.failures
    note = ", ".join(f"{count} {name}" for name, count in failures.most_common()) or "none failed"
    failed = Explained("failed", failures.total(), "count", note=note, source=_source(load), kind="measured")
    requests = Explained("requests", load.requests, "count", source=_source(load), kind="measured")
    yield requests
    yield derived("failed_share", "", "failed / requests", failed, requests)
    yield _cached(load)
    yield _client(load)


def _cached(load: Load) -> Explained:
    """Return the share of input tokens that the server had in its cache, of requests of which it says both."""
    tokens = cached_tokens(load)
    if tokens is None:
        return Explained("cached_share", None, note="the server does not say how many input tokens were cached")
    read = [Explained(name, float(count), "count", source=_source(load), kind="measured")
            for name, count in (("cached_tokens", tokens.cached), ("input_tokens", tokens.input))]  # fmt: skip
    note = f"of the {tokens.requests:,} requests of which the server says it"
    return derived("cached_share", "", "cached_tokens / input_tokens", *read, note=note)


def _client(load: Load) -> Explained:
    name = "client_cpu_share"
    if any(in_process(run) for run in load.runs):
        return Explained(name, None, note="the model answers in the process that sends")
    parts = [Explained(part, run.about.get(part), "s", source=_where(run), kind="measured")
             for run in load.runs for part in ("client_cpu_s", "wall_s")]  # fmt: skip
    return derived(name, "", "sum(client_cpu_s) / sum(wall_s)", *parts)


def _limits(load: Load) -> Iterator[Explained]:
    for name in LIMITS:
        column, limit_s = name.replace("_s", "_limit_s"), load.limits.get(name)
        note = "" if limit_s else "the suite states none"
        yield Explained(column, limit_s, "s", note=note, source="the suite" if limit_s else "", kind="assumed")
