"""Records grouped by candidate, once for all tables, charts, pages and reports.

`Results.of` groups a list of records. Callers that make several tables build `Results` once and pass them on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, TypeVar, cast, overload

import numpy as np

from harness.damaged import tell
from harness.errors import StoreError, unknown
from harness.records import Record
from harness_reports.figures.explained import Explained
from harness_reports.measured.graded import with_grades
from harness_reports.measured.graded_record import graded_by
from harness_reports.measured.lineage import (
    Candidate,
    Chain,
    candidate,
    chains,
    differences,
    finished,
    key_columns,
    not_superseded,
    replicates,
)
from harness_reports.measured.open_answers import GRADING
from harness_reports.measured.quality import Quality, metric_of
from harness_reports.measured.rates import rate_draws
from harness_reports.measured.readings import rate
from harness_reports.measured.runs import Load, loads_of

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Serving:
    """A candidate served in one scenario and batch size, once for each pair of seeds."""

    scenario: str
    batch_size: int
    chains: Sequence[Chain]

    @cached_property
    def leaves(self) -> list[Record]:
        """Its records."""
        return [chain.leaf for chain in self.chains]

    @cached_property
    def speed(self) -> Explained:
        """Samples over the seconds of all windows."""
        return rate(self.leaves)

    @property
    def samples_per_s(self) -> float | None:
        """The value of `speed`, None where samples or seconds were not read."""
        return cast("float | None", self.speed.value)

    @property
    def under_load(self) -> bool:
        """Whether its records hold runs of load: their rate is that of arrivals or of a number in flight."""
        return any(leaf.used.get("runs") for leaf in self.leaves)

    @cached_property
    def loads(self) -> list[Load]:
        """Its runs of load, those of one name together; none in other scenarios."""
        return loads_of(self.leaves) if self.under_load else []

    @property
    def rates(self) -> list[float]:
        """Samples per second of each record, without those where they were not read."""
        rates = (rate([leaf]).value for leaf in self.leaves)
        return [each for each in rates if each is not None]

    @cached_property
    def rate_draws(self) -> np.ndarray | None:
        """Draws of `speed`, None where the seconds of each batch were not recorded."""
        return rate_draws(self.leaves)

    def latencies_s(self, series: str = "latency_s") -> list[float]:
        """Return the latencies of single queries; none for Offline, where no one waits for a single query."""
        if self.scenario == "Offline":
            return []
        return [value for leaf in self.leaves for value in leaf.series.get(series, [])]


class Judging(NamedTuple):
    """Answers of a candidate that a judge graded."""

    judge: Measured
    """The judge's evaluation in which it did."""
    part: float
    """Of the answers that it graded there."""


@dataclass(frozen=True, eq=False)
class Measured:
    """The evaluations and servings of one candidate."""

    key: Candidate
    variant: str | None
    """How it differs from candidates of the same names, None where there is only one."""
    evaluations: Sequence[Chain]
    """One for each pair of seeds."""
    servings: Sequence[Serving]
    """By scenario and batch size."""
    _made: dict[tuple[str, str], tuple[Any, Any]] = field(default_factory=dict, init=False, repr=False)
    """By name and metric: what several tables take, and what it was made with."""

    def once(self, name: str, metric: str, make: Callable[[], T], *, given: Any = None) -> T:
        """Return what is made of this candidate, made once; made again when it is made with another object.

        Args:
            name: of what is made.
            metric: that it is made of; empty where it is of none.
            make: makes it.
            given: what it is made with beside the candidate, such as prices.
        """
        made = self._made.get((name, metric))
        if made is None or made[0] is not given:
            self._made[name, metric] = made = (given, make())
        value: T = made[1]
        return value

    @property
    def columns(self) -> dict[str, Any]:
        """The cells that every row of a table begins with."""
        return key_columns(self.key, self.variant)

    @property
    def chains(self) -> Sequence[Chain]:
        """Its evaluations; where there are none, its first serving."""
        return self.evaluations or self.servings[0].chains

    @cached_property
    def fastest(self) -> Mapping[str, Serving]:
        """Scenario → the fastest batch size, of equals the smallest; on one machine the fastest is the cheapest.

        Servings under load are left out: their rate is that of the requests that came.
        """
        timed = [serving for serving in self.servings if serving.samples_per_s and not serving.under_load]
        ranked = sorted(timed, key=lambda serving: (serving.speed.value, -serving.batch_size))
        return {serving.scenario: serving for serving in ranked}

    @cached_property
    def pretrainings(self) -> Sequence[Record | None]:
        """The pretrainings that all seeds share, None for a missing record.

        Empty from scratch, as it is, and for a checkpoint that was pretrained elsewhere.
        """
        if self.key.start in ("scratch", "as-is"):
            return []
        here = [chain for chain in self.chains if chain.finetune is None or "pretrained" in chain.finetune.inputs]
        return list({chain.pretrain and chain.pretrain.fingerprint: chain.pretrain for chain in here}.values())

    @property
    def machine(self) -> Record:
        """A record that describes its machine."""
        return self.chains[0].leaf

    @cached_property
    def judgings(self) -> Sequence[Judging]:
        """The gradings of its open answers by a judge; empty of other tasks, and where people graded them."""
        graded = (graded_by(chain.leaf) for chain in self.evaluations)
        return [Judging(alone(record), part) for each in graded if each for record, part in each.bills]

    @cached_property
    def quality(self) -> Quality | None:
        """Its evaluations in the task's deciding metric, None where there are none."""
        return Quality(self.key, self.evaluations) if self.evaluations else None

    def quality_in(self, metric: str) -> Quality | None:
        """Return its evaluations in a metric, None where the newest has no such metric."""
        if self.quality is None or metric_of(self.quality.newest, metric) is None:
            return None
        if metric == self.quality.name:
            return self.quality
        return self.once("quality", metric, lambda: Quality(self.key, self.evaluations, metric))


class Results(Sequence[Record]):
    """Records, and their candidates. Immutable."""

    left_out: tuple[str, ...] = ()
    """A sentence for each record of the store that could not be read."""

    def without(self, record_id: str, why: str) -> Results:
        """Return these without a record that cannot be read, and tell why on stderr."""
        sentence = f"a record is left out: {why}"
        tell(sentence)
        others = Results(record for record in self if record.id != record_id)
        others.left_out = (*self.left_out, sentence)
        return others

    def __init__(self, records: Iterable[Record]) -> None:
        """Take records of any outcome and in any order; they are grouped on first use.

        Open answers get the quality that the grades in other records give them.

        Raises:
            StoreError: a grade is outside its rubric's scale.
        """
        self._records = tuple(with_grades(tuple(records)))

    @classmethod
    def of(cls, records: Sequence[Record]) -> Results:
        """Return records as results; results are returned unchanged, so that nothing is grouped twice."""
        return records if isinstance(records, Results) else cls(records)

    @overload
    def __getitem__(self, place: int) -> Record: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Record]: ...
    def __getitem__(self, place: int | slice) -> Record | Sequence[Record]:
        """Return a record by its index, or several by a slice."""
        return self._records[place]

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self._records)

    @cached_property
    def candidates(self) -> Mapping[Candidate, Measured]:
        """The candidates, in an order that does not depend on that of the records; superseded ones are left out.

        Judges come last: readers look for the candidates that they graded.
        """
        evaluated, served = (_by_candidate(self, step) for step in ("evaluate", "serve"))
        variants = differences({**evaluated, **served})
        return {
            key: Measured(key, variants[key], replicates(evaluated.get(key, ())), _servings(served.get(key, ())))
            for key in sorted(variants, key=lambda key: (key.task == GRADING, *map(str, key)))
        }

    @property
    def evaluated(self) -> Iterator[Measured]:
        """The candidates that were evaluated."""
        return (candidate for candidate in self.candidates.values() if candidate.evaluations)

    @cached_property
    def metric_names(self) -> list[str]:
        """The metrics of all evaluations, the deciding ones first."""
        names = [[metric["name"] for metric in record.metrics] for record in finished(self) if record.metrics]
        return list(dict.fromkeys([*(names[0] for names in names), *(name for names in names for name in names)]))

    def qualities(self, metric: str | None = None) -> dict[Candidate, Quality]:
        """Return the quality of every candidate in its task's deciding metric, or in `metric` where it has that.

        Raises:
            StoreError: no evaluation has this metric.
        """
        if metric is not None and metric not in self.metric_names:
            raise StoreError(unknown("metric", metric, self.metric_names))
        qualities = {
            candidate.key: candidate.quality if metric is None else candidate.quality_in(metric)
            for candidate in self.evaluated
        }
        return {key: graded for key, graded in qualities.items() if graded is not None}


def _by_candidate(records: Sequence[Record], step: str) -> dict[Candidate, list[Chain]]:
    grouped: dict[Candidate, list[Chain]] = defaultdict(list)
    for chain in chains(records, step):
        grouped[candidate(chain)].append(chain)
    return {key: grouped[key] for key in not_superseded(grouped)}


def _servings(group: Iterable[Chain]) -> list[Serving]:
    loads: dict[tuple[str, int], list[Chain]] = defaultdict(list)
    for chain in group:
        loads[chain.leaf.spec["scenario"], chain.leaf.spec["batch_size"]].append(chain)
    return [Serving(*load, replicates(loads[load])) for load in sorted(loads)]


def alone(record: Record) -> Measured:
    """Return a record's candidate with this evaluation alone: all that its price takes."""
    chain = Chain(record, None, None, None)
    return Measured(candidate(chain), None, [chain], [])
