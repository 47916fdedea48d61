"""Serving with several requests in flight: which runs a scenario has, and which of them stands for it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, repeat
from typing import Any

from harness.errors import HarnessError
from harness.measure import loadgen
from harness.measure.batcher import Batcher
from harness.measure.closed_loop import in_flight
from harness.measure.draw import Draw
from harness.measure.loadgen import Load, Window, refuse_nothing
from harness.measure.loadgen_run import nothing
from harness.measure.runs import Run, System, Terms, Wire
from harness.measure.search import search
from harness.measure.server import at_rate, multi_stream
from harness.measure.warmup import warm_up
from harness.seams import BilledPredictor, Concurrent, Predict, Served

SCENARIOS = (*loadgen.SCENARIOS, "Server", "ClosedLoop")
FEW_CALLS = 3
"""Warm-up of what is paid by the call: connections, and caches on the way."""
TOKENS = ("input_tokens", "cached_tokens", "output_tokens", "attempts")


@dataclass(frozen=True)
class Loaded:
    """What a scenario with several requests in flight measured."""

    runs: Sequence[Run]
    chosen: int
    """Which run stands for the others: the one that a search found, else the last one that counts."""
    used: dict[str, Any]
    """How requests were batched and drawn, the warm-up, and what a search tried."""
    usage: list[Mapping[str, Any]]
    """What each call consumed, warm-up included, of a predictor that is billed."""

    @property
    def run(self) -> Run:
        """The run that stands for the others."""
        return self.runs[self.chosen]


def has_runs(scenario: str, predict: Predict) -> bool:
    """Return whether a scenario is served request by request: batch by batch a predictor in this process is faster."""
    return scenario in ("Server", "ClosedLoop") or (scenario == "MultiStream" and _concurrent(predict) is not None)


def _concurrent(predict: Predict) -> Concurrent | None:
    return predict.concurrent if isinstance(predict, BilledPredictor) else None


def under_load(
    predict: Predict, inputs: Sequence[Any], spec: Mapping[str, Any], synchronise: Callable[[], None], window: Window
) -> Loaded:
    """Serve a predictor in the scenario of the spec, after a warm-up.

    Args:
        predict: by its `concurrent` where it has one, else in batches in this thread.
        inputs: real ones; each is sent once while they last.
        spec: with `scenario`, `batch_size` (the largest batch, or the requests in flight), `load` and `seed`.
        synchronise: waits for the device.
        window: opens the meters of a run.

    Raises:
        SuiteError: limits make no sense or cannot be checked.
        DataError: there are no inputs.
        HarnessError: not one request of the warm-up was answered.
        Exception: whatever the predictor raises; requests that fail over a wire are counted by name.
    """
    load, size, scenario = spec["load"], spec["batch_size"], spec["scenario"]
    refuse_nothing(inputs, load["seconds"], load["queries"])
    draw = Draw(inputs, spec["seed"])
    terms = Terms(
        load["seconds"], load["queries"], spec["seed"], window, load.get("limits", {}), load.get("percentile", 99.0)
    )
    session = _Session(predict, draw, terms, synchronise, size, load.get("longest_wait_s", 0.0))
    call_s = session.warm_up()
    searched: dict[str, Any] = {}
    if scenario == "ClosedLoop":
        session.add(partial(in_flight, requests=size))
    elif scenario == "MultiStream":
        session.add(partial(multi_stream, samples=size))
    elif load["rates"]:
        for rate in dict.fromkeys(load["rates"]):
            session.add(partial(at_rate, rate_per_s=rate))
    else:
        done = search(
            lambda rate, queries: session.add(partial(at_rate, rate_per_s=rate), queries),
            1 / call_s, terms.limits, terms.percentile, load["queries"],
        )  # fmt: skip
        searched = {"rate_per_s": None if done.run is None else done.run.rate_per_s, "tried": done.tried}
        if done.run is not None:
            session.chosen = session.runs.index(done.run)
    used = {**session.described(), **draw.described(), **({"search": searched} if searched else {})}
    return Loaded(session.runs, session.chosen, used, session.usage)


class _Session:
    """A predictor, its runs so far and what they consumed."""

    def __init__(
        self, predict: Predict, draw: Draw, terms: Terms, synchronise: Callable[[], None], size: int, wait_s: float
    ) -> None:
        self._predict, self._draw, self._terms, self._synchronise = predict, draw, terms, synchronise
        self._size, self._wait_s = size, wait_s
        concurrent = _concurrent(predict)
        self._system: System = Batcher(predict, size, wait_s, synchronise) if concurrent is None else Wire(concurrent)
        if concurrent is not None:
            concurrent.prepare(draw.inputs)
        self.runs: list[Run] = []
        self.chosen = 0
        self.usage: list[Mapping[str, Any]] = []
        self._warm: dict[str, Any] = {}

    def warm_up(self) -> float:
        """Return the median seconds of a call, and take note whether answers come in pieces."""
        if isinstance(self._system, Wire):
            return self._warm_up_wire(self._system)
        calls = {"most_calls": FEW_CALLS} if isinstance(self._predict, BilledPredictor) else {}
        warm = warm_up(self._predict, self._draw, self._size, self._synchronise, limit_s=self._terms.seconds, **calls)
        self._warm = {"warm_up_calls": warm.batches, "warm_up_s": warm.seconds}
        self._billed()
        return warm.call_s

    def _warm_up_wire(self, wire: Wire) -> float:
        began = time.perf_counter()
        served: list[Served] = []
        for _ in range(FEW_CALLS):
            wire.send(self._draw.next(), nothing, nothing)
            served += wire.served()
        self._warm = {"warm_up_calls": FEW_CALLS, "warm_up_s": time.perf_counter() - began}
        self._consumed(served)
        answered = [one for one in served if one.failure is None]
        if not answered:
            named = ", ".join(sorted({str(one.failure) for one in served}))
            raise HarnessError(
                f"Not one of {FEW_CALLS} requests to warm up with was answered: {named}. Look at the server's log."
            )
        self._terms = replace(self._terms, streamed=all(one.streamed for one in answered))
        return statistics.median(one.chunks[-1] - one.sent for one in answered)

    def add(self, make: Callable[[System, Draw, Terms], Run], queries: int | None = None) -> Run:
        """Make a run; it is chosen if it counts, or if none did before."""
        terms = self._terms if queries is None else replace(self._terms, queries=queries)
        run = make(self._system, self._draw, terms)
        if run.wire:
            self._consumed(run.served)
        else:
            run = replace(run, served=_with_tokens(run.served, self._billed()))
        self.runs.append(run)
        if run.why_not is None or self.runs[self.chosen].why_not is not None:
            self.chosen = len(self.runs) - 1
        return run

    def _billed(self) -> list[Mapping[str, Any]]:
        """Return what the answers since the last call consumed, and add it to the usage."""
        rows = rows_of(self._predict)
        self.usage += rows
        return rows

    def _consumed(self, served: Sequence[Served]) -> None:
        self.usage += [{**{name: getattr(one, name) for name in TOKENS}, "why": one.failure} for one in served]

    def described(self) -> dict[str, Any]:
        """Return how requests are batched, whether answers come in pieces, and how the warm-up went."""
        policy = {"largest_batch": self._size, "longest_wait_s": self._wait_s}
        batching = None if isinstance(self._system, Wire) else policy
        return {"batching": batching, "streamed": self._terms.streamed, **self._warm}


def rows_of(predict: Predict) -> list[Mapping[str, Any]]:
    """Return what each answer since the last call consumed; nothing of a predictor that is not billed."""
    if not isinstance(predict, BilledPredictor):
        return []
    usage = predict.usage()
    return [dict(zip(usage, row, strict=True)) for row in zip(*usage.values(), strict=True)]


def _with_tokens(served: Sequence[Served], rows: Sequence[Mapping[str, Any]]) -> list[Served]:
    """Return requests that were answered in batches with what their answers consumed, as far as it is known."""
    counts = chain(rows, repeat({}))
    return [
        one._replace(**{name: row[name] for name in TOKENS if name in row})
        for one in served
        for row in [next(counts) if one.chunks else {}]
    ]


def run_of(load: Load, samples: int, *, repeats: bool) -> Run:
    """Return the run of a MultiStream that was answered batch by batch."""
    served = [
        Served(sent, (sent + latency_s,), streamed=False, batch=samples)
        for sent, latency_s in zip(load.sent, load.latency_s, strict=True)
        for _ in range(samples)
    ]
    ended, cpu = load.sent[0] + load.wall_s, load.readings.get("cpu_s")
    return Run(
        "MultiStream", None, samples, served, None, ended, 0.0 if cpu is None else cpu.value, [], wire=False,
        log=load.log, readings=load.readings, repeats=repeats,
    )  # fmt: skip
