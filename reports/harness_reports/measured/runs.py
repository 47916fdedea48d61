"""Runs of load: what the requests of one arrival rate, or of one number in flight, took.

A record of `Server`, `ClosedLoop` or `MultiStream` holds runs; this module reads them. All times are in seconds. A
request starts when it was scheduled where arrivals follow a clock (open loop), and when it was sent where an answer
brings the next request (closed loop). Requests that failed are in no latency and in no rate, and keep no limit. A query
of `MultiStream` has several requests: rates count requests, percentiles and limits queries, each by its slowest one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from harness.measure.validity import backlog_grows, full_from, per_token_s
from harness.records import Record
from harness_reports.measured.latency import LatencyObjective, latency_objective

LIMITS = ("first_token_s", "per_token_s", "latency_s")
"""The times of a request that a suite may limit."""
LEAST_STEADY = 1 / 3
"""Share of the requests that has to come in the steady part of an open loop: in less of a run there is no rate."""


class Window(NamedTuple):
    """A part of a run, in seconds from its beginning; its end belongs to it."""

    begin_s: float
    end_s: float

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end_s - self.begin_s


@dataclass(frozen=True, eq=False)
class Run:
    """One run of a record. Arrays have one value for each request, NaN where it has none."""

    record: Record
    name: str
    columns: Mapping[str, Sequence[Any]]
    """As in the record's `runs`."""
    about: Mapping[str, Any]
    """Its entry in the record's `used["runs"]`: rate, number in flight, seconds of the client."""

    @property
    def open_loop(self) -> bool:
        """Whether requests arrived by a clock."""
        return self.about.get("rate_per_s") is not None

    def by_query(self, values: np.ndarray, join: np.ufunc) -> np.ndarray:
        """Return one value for each query: in `MultiStream` that of its requests, joined; else of each request."""
        size = self.about.get("in_flight") or 1
        if self.about.get("scenario") != "MultiStream" or not values.size:
            return values
        return np.asarray(join.reduceat(values, np.arange(0, values.size, size)))

    @cached_property
    def start_s(self) -> np.ndarray:
        """When each request was scheduled, or sent where it was not."""
        scheduled, sent = _numbers(self.columns.get("scheduled_s", ())), _numbers(self.columns["sent_s"])
        return sent if scheduled.shape != sent.shape else np.where(np.isnan(scheduled), sent, scheduled)

    @cached_property
    def failures(self) -> Counter[str]:
        """Name of what went wrong → how many requests it ended."""
        return Counter(failure for failure in self.columns["failure"] if failure is not None)

    @cached_property
    def answered(self) -> np.ndarray:
        """Whether each request was answered, shape (requests,)."""
        pairs = zip(self.columns["failure"], self.columns["chunks_s"], strict=True)
        return np.array([failure is None and len(chunks) > 0 for failure, chunks in pairs], dtype=bool)

    @cached_property
    def first_s(self) -> np.ndarray:
        """When the first content of each answer came."""
        return self._of_chunks(0)

    @cached_property
    def end_s(self) -> np.ndarray:
        """When each answer was complete."""
        return self._of_chunks(-1)

    def _of_chunks(self, place: int) -> np.ndarray:
        pairs = zip(self.answered, self.columns["chunks_s"], strict=True)
        return np.array([chunks[place] if answered else np.nan for answered, chunks in pairs], dtype=float)

    @cached_property
    def streamed(self) -> np.ndarray:
        """Whether each answer came in pieces as it was made, shape (requests,)."""
        return np.asarray(np.array(self.columns["streamed"], dtype=bool) & self.answered)

    @cached_property
    def output_tokens(self) -> np.ndarray:
        """Output tokens of each answer, as the server or the tokenizer counts them: reasoning that is not shown too."""
        return np.asarray(np.where(self.answered, _numbers(self.columns["output_tokens"]), np.nan))

    @cached_property
    def latency_s(self) -> np.ndarray:
        """From the start of each request to the end of its answer."""
        return np.asarray(self.end_s - self.start_s)

    @cached_property
    def first_token_s(self) -> np.ndarray:
        """From the start of each request to the first content of its answer; NaN where it was not streamed."""
        return np.asarray(np.where(self.streamed, self.first_s - self.start_s, np.nan))

    @cached_property
    def per_token_s(self) -> np.ndarray:
        """Seconds of each output token after the first (TPOT); NaN for one token, and where it was not streamed.

        Tokens that came in no chunk do not count: they took their time before the first one.
        """
        return _numbers(self._token_s)

    @cached_property
    def _token_s(self) -> list[float | None]:
        """`per_token_s` of each request: NaN where it has none, None where it is not known."""
        unseen = _numbers(self.columns.get("unseen_tokens") or [0] * self.answered.size)
        counts = [None if np.isnan(count) else float(count) for count in self.output_tokens - unseen]
        rows = zip(self.answered, self.columns["chunks_s"], self.streamed, counts, strict=True)
        return [
            per_token_s(chunks, streamed, count) if answered else np.nan for answered, chunks, streamed, count in rows
        ]

    @cached_property
    def gap_s(self) -> np.ndarray:
        """Gaps between chunks with content (ITL) of all streamed answers; a chunk may hold several tokens."""
        chunks = zip(self.streamed, self.columns["chunks_s"], strict=True)
        gaps = [np.diff(np.asarray(times, dtype=float)) for streamed, times in chunks if streamed]
        return np.concatenate([*gaps, np.array([])])

    @cached_property
    def whole(self) -> Window | None:
        """From the first start to the end of the last answer; None where nothing was answered."""
        if not self.answered.any():
            return None
        return Window(float(self.start_s.min()), float(np.nanmax(self.end_s)))

    @cached_property
    def steady(self) -> Window | None:
        """The part in which requests come and answers go; None where there is none, or the run is too short for it.

        It ends with the last start: after it answers end and no request follows. In a closed loop it begins with the
        first start. In an open loop it begins so long after it as 99 of 100 answers take: before, requests in flight
        become more though none waits, and fewer go than come. At least a third of the requests has to come after that.
        Of a saturated run, in which they always become more, it is what follows `full_from`.
        """
        if not self.answered.any():
            return None
        start_s, last = self.start_s[self.answered], float(self.start_s.max())
        if not self.open_loop:
            begin = float(self.start_s.min())
        elif self.saturated:
            begin = full_from(start_s.tolist(), self.end_s[self.answered].tolist())
        else:
            begin = float(start_s.min()) + float(np.nanquantile(self.latency_s, 0.99, method="inverted_cdf"))
            if (self.start_s > begin).mean() < LEAST_STEADY:
                return None
        return Window(begin, last) if last > begin else None

    def answers(self, window: Window, among: np.ndarray | None = None) -> int:
        """Return how many answers ended in a window.

        Args:
            window: part of the run.
            among: which requests count, shape (requests,); by default all.
        """
        ended = self.answered & (self.end_s > window.begin_s) & (self.end_s <= window.end_s)
        return int((ended if among is None else ended & among).sum())

    def tokens(self, window: Window) -> float | None:
        """Return the output tokens of a window, all that are billed: an answer's are spread evenly over its chunks.

        None where the number of an answer's tokens is not known, or nothing was answered.
        """
        counts = self.output_tokens[self.answered]
        if not counts.size or np.isnan(counts).any():
            return None
        times, tokens = self._tokens_by_chunk
        return float(tokens[(times > window.begin_s) & (times <= window.end_s)].sum())

    @cached_property
    def _tokens_by_chunk(self) -> tuple[np.ndarray, np.ndarray]:
        """When each chunk came, and its part of the answer's tokens."""
        chunks = [times for answered, times in zip(self.answered, self.columns["chunks_s"], strict=True) if answered]
        sizes = np.array([len(times) for times in chunks])
        return np.concatenate(chunks), np.repeat(self.output_tokens[self.answered] / sizes, sizes)

    def kept(self, limits: Mapping[str, float | None]) -> np.ndarray | None:
        """Return whether each request kept every stated limit, shape (requests,); None where that is not known.

        Args:
            limits: those of `LIMITS` that are stated, in seconds. An answer of one token, or none, has no time per
                token and keeps that limit; one whose tokens are not known, or that was not streamed, leaves it unknown.
        """
        kept = self.answered.copy()
        for name, limit_s in limits.items():
            if limit_s is None:
                continue
            seconds = getattr(self, name)
            missing = np.isnan(seconds[self.answered]).any()
            if None in self._token_s if name == "per_token_s" else missing:
                return None
            kept &= ~(seconds > limit_s)
        return kept

    @cached_property
    def saturated(self) -> bool:
        """Whether the backlog grows: requests come faster than they are answered."""
        if not self.open_loop:
            return False
        return backlog_grows(self.start_s[self.answered].tolist(), self.end_s[self.answered].tolist())


def _numbers(values: Sequence[float | None]) -> np.ndarray:
    """Return numbers, NaN for None."""
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def runs_of(record: Record) -> list[Run]:
    """Return the runs of a record; none of other scenarios, and of records before version 8."""
    about = {each["name"]: each for each in record.used.get("runs") or ()}
    runs: Mapping[str, Mapping[str, Sequence[Any]]] = record.runs
    return [Run(record, name, columns, about.get(name, {})) for name, columns in runs.items() if columns["sent_s"]]


class Load(NamedTuple):
    """The runs of one rate, or number in flight: one of each record."""

    name: str
    runs: Sequence[Run]

    @property
    def about(self) -> Mapping[str, Any]:
        """Rate or number in flight."""
        return self.runs[0].about

    @property
    def open_loop(self) -> bool:
        """Whether requests arrived by a clock."""
        return self.runs[0].open_loop

    @property
    def requests(self) -> int:
        """How many there were."""
        return sum(run.answered.size for run in self.runs)

    @property
    def failures(self) -> Counter[str]:
        """Name of what went wrong → how many requests it ended."""
        return sum((run.failures for run in self.runs), Counter())

    def seconds(self, name: str) -> list[float]:
        """Return the times of one kind, such as `latency_s`, of all queries that have one and were answered."""
        times = np.concatenate([_of_queries(run, name) for run in self.runs])
        return [float(second) for second in times[~np.isnan(times)]]

    @property
    def waits_s(self) -> list[float]:
        """From the start to the end of every query, without end where one of its requests failed."""
        waits = [run.by_query(np.where(run.answered, run.latency_s, np.inf), np.maximum) for run in self.runs]
        return [float(second) for second in np.concatenate(waits)]

    @property
    def limits(self) -> dict[str, float]:
        """The limits that its suite states, in seconds."""
        stated = self._plan.get("limits") or {}
        return {name: stated[name] for name in LIMITS if stated.get(name) is not None}

    @property
    def share(self) -> float:
        """The share of requests that have to keep every limit."""
        return float(self._plan.get("percentile", 99)) / 100

    @property
    def _plan(self) -> Mapping[str, Any]:
        plan: Mapping[str, Any] = self.runs[0].record.spec.get("load") or {}
        return plan

    def kept(self) -> LatencyObjective | None:
        """Return whether the share kept every stated limit; None where none is stated, or it is not known."""
        kept = [run.kept(self.limits) for run in self.runs]
        if not self.limits or any(each is None for each in kept):
            return None
        broken = np.concatenate(
            [run.by_query(~each, np.logical_or) for run, each in zip(self.runs, kept, strict=True) if each is not None]
        )
        return latency_objective(broken.astype(float).tolist(), 0.5, self.share)

    @property
    def requests_per_s(self) -> float | None:
        """Answers per second of the steady part; None where a run has none."""
        windows = [run.steady for run in self.runs]
        if None in windows:
            return None
        ended = sum(run.answers(window) for run, window in zip(self.runs, windows, strict=True) if window)
        return ended / sum(window.seconds for window in windows if window)

    def objective(self, limit_s: float, share: float) -> LatencyObjective:
        """Return whether a share of queries was answered within a limit; failed ones were not."""
        return latency_objective(self.waits_s, limit_s, share)


def _of_queries(run: Run, name: str) -> np.ndarray:
    """Return the times of one kind; NaN for a query that has none, or of which a request failed."""
    seconds: np.ndarray = getattr(run, name)
    if name == "gap_s":
        return seconds
    slowest, answered = run.by_query(seconds, np.fmax), run.by_query(run.answered, np.logical_and)
    return np.where(answered, slowest, np.nan)


def loads_of(records: Sequence[Record]) -> list[Load]:
    """Return the loads of several records of one candidate and scenario, runs of one name together."""
    by_name: dict[str, list[Run]] = {}
    for run in (run for record in records for run in runs_of(record)):
        by_name.setdefault(run.name, []).append(run)
    return [Load(*load) for load in by_name.items()]


class CachedTokens(NamedTuple):
    """Input tokens of the requests of which the server says how many it had in its cache."""

    requests: int
    cached: int
    input: int


def cached_tokens(load: Load) -> CachedTokens | None:
    """Return what a server had in its cache; None where it says it of no request."""
    pairs = [
        (cached, given)
        for run in load.runs
        for cached, given in zip(run.columns["cached_tokens"], run.columns["input_tokens"], strict=True)
        if cached is not None and given is not None
    ]
    total = sum(given for _, given in pairs)
    return CachedTokens(len(pairs), sum(cached for cached, _ in pairs), total) if total else None
