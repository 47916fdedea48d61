"""Tasks: their data, and how outputs are graded."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from harness.errors import Unsupported
from harness.names import PACKAGED
from harness.seams.declaration import Declaration, Setting
from harness.seams.predictors import Predict

if TYPE_CHECKING:
    from collections.abc import Hashable

    import numpy as np

    from harness.reading import HowRead
    from harness.seams.prompts import Prompts

Scores = Mapping[str, Sequence[float]]
"""Column → one number per item (sentence, image, episode), all columns of one length; at least one column."""


class Grades(NamedTuple):
    """Scores, and how metrics that are not a mean of them are computed."""

    scores: Scores
    over: Mapping[str, Callable[[np.ndarray], float]] = {}
    """Metric → function from row numbers of items, with repeats, to its value over them. A bootstrap calls it hundreds
    of times: compute each item's contribution beforehand."""
    used: Mapping[str, str] = {}
    """What else determines the values, by name, kept with the record: a library's signature."""
    answers: Mapping[str, Sequence[Any]] = {}
    """What was answered, for people and their own tools: `output` in words or plain values, and `confidence` from 0 to
    1 where the model gives one; one of each per item."""


class Sample(NamedTuple):
    """A small example of what a model does, for people."""

    caption: str
    media_type: Literal["image/png", "image/gif", "text/plain"]
    content: bytes
    """At most 200,000 bytes; texts in UTF-8."""


class Metric(NamedTuple):
    """A figure of an evaluation."""

    name: str
    unit: str
    column: str | None
    """The metric is the mean of this column of the scores; None: `Grades.over` computes it."""
    higher_is_better: bool = True
    ceiling: float | None = None


class Data(ABC):
    """A task's data, loaded: splits that do not overlap, the grading, and inputs for load generation."""

    digest: str
    """SHA-256 over the content of all splits."""

    sizes: Mapping[str, int]
    """Split → number of items."""

    how_read: HowRead | None = None
    """How the user's source was read, kept with the record of an evaluation; None for data that come with the task."""

    metrics: Sequence[Metric] | None = None
    """The metrics of these data, where they are not the task's: of the user's data that lack what those need."""

    row_names: ClassVar[Mapping[str, str]] = {}
    """Column of `items` → its name in `rows`: that of the column in the user's data."""

    @abstractmethod
    def evaluate(self, predict: Predict, batch_size: int, split: str = "test") -> Scores | Grades:
        """Grade `predict` item by item on a split (`validation` or `test`), in batches of at most `batch_size`."""

    def items(self, split: str) -> Mapping[str, Sequence[Any]]:  # noqa: ARG002 - for those that can
        """Return what is asked, in the order of `evaluate`, for people and their own tools.

        The record of an evaluation keeps it; `harness data` shows it, of all splits, unless `rows` is overridden.

        Returns:
            `input`, a text or a digest, and `reference`, in words or plain values; one of each per item. More columns,
            such as a question's `context`, are kept as well.
        """
        return {}

    @abstractmethod
    def queries(self) -> Sequence[Any]:
        """Return real inputs for load generation, from the test split."""

    @abstractmethod
    def random_baseline(self) -> Mapping[str, float]:
        """Return what guessing reaches in each metric, computed from this data."""

    def repeatable(self) -> bool:
        """Return whether another evaluation grades the same items, as it does unless an environment ignores its seed.

        Where it does not, record, screen and tables say so.
        """
        return True

    def all_alike(self) -> bool:
        """Return whether all items are the same, as the episodes of an environment that does the same for every seed.

        Then one says as much as all; record, screen and tables say so.
        """
        return False

    def keys(self, split: str) -> Sequence[Hashable] | None:  # noqa: ARG002 - for those that can
        """Return a key for the content of each item (a text, an image's digest, an episode's seed), or None."""
        return None

    def smaller(self, train: int, validation: int) -> Data:  # noqa: ARG002 - for those that can
        """Return the same data with at most so many items in `train` and in `validation`, and the same test split.

        The conformance kit checks models on it; unless this is overridden, on all of the data, which is slower.
        """
        return self

    def only(self, split: str, places: Sequence[int]) -> Data:  # noqa: ARG002 - for those that can
        """Return the same data with the items of `validation` or `test` at these places alone, in their order.

        `max_items` evaluates such a sample. How an item is asked for and graded does not depend on the others.

        Raises:
            Unsupported: its grade is of the whole split.
        """
        raise Unsupported(f"{type(self).__name__} is graded on a whole split: leave `max_items` out.")

    def references(self, split: str) -> Sequence[Any] | None:  # noqa: ARG002 - for those that can
        """Return a perfect model's outputs, in the order of `evaluate`; None if there is no single right output."""
        return None

    def prompts(self) -> Prompts | None:
        """Return how an item is asked in words, None if it cannot be."""
        return None

    def rows(self, split: str) -> Iterable[Mapping[str, str]] | None:
        """Return what `harness data` shows and writes as CSV, column → text; None if there is no such form.

        By default the columns of `items`, named by `row_names`. Override it where people need another form: of a
        picture or a clip the file and the size.
        """
        columns = {self.row_names.get(name, name): map(_as_text, column) for name, column in self.items(split).items()}
        return (
            (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)) if columns else None
        )

    def show(self, predict: Predict) -> Sequence[Sample]:  # noqa: ARG002 - for those that can
        """Return a few samples of what `predict` does, kept with the record; called after the grading, untimed."""
        return ()

    def with_labels(self, count: int) -> Data:  # noqa: ARG002 - for those that can
        """Return it with `count` labelled examples for training.

        Raises:
            Unsupported: it has no labels, or fewer.
        """
        raise Unsupported(f"{type(self).__name__} has no labels to take some of: leave `labels` out of the budget.")

    def work(self, outputs: Sequence[Any]) -> Mapping[str, int]:  # noqa: ARG002 - for those that can
        """Return the amounts in a batch of outputs, by unit, such as `{"output_tokens": 57}`; for an empty batch 0.

        Units are the data's, not a model's, so that models with different tokens can be compared. The amounts of a
        measured window are added up after it, and become readings under the units' names. Default: nothing is counted.
        """
        return {}


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class Task(Declaration):
    """What a model has to do and how the answer is graded."""

    kind: ClassVar[str]
    """Names the types of input and output; models declare the kinds they support."""
    metrics: ClassVar[tuple[Metric, ...]]
    """The first decides."""
    use_case: ClassVar[str | None] = None
    baseline: ClassVar[str | None] = None
    """The cheap model that all others are compared with."""
    pretrains_on: ClassVar[str | None] = None
    """The task whose data pretraining reads, also for the user's data; None: this task."""
    source: ClassVar[str]
    """Where the default data comes from; `licence` is that source's."""
    licence: ClassVar[str]
    data_name: ClassVar[str] = PACKAGED
    """The name of the default data."""
    former_names: ClassVar[Mapping[str, str]] = {}
    """Former name → name of the data that it stood for, empty if it did not imply any. A former name still runs, with a
    note; records with it are read under the current name. One that implies a data name requires the user's data."""
    settings: ClassVar[Mapping[str, Setting]] = {}
    takes_data: ClassVar[bool] = False
    """Whether `--data` may replace the default."""
    data_imports: ClassVar[tuple[str, ...]] = ()
    """What the user's data need beside `imports`."""

    def kind_of(self, source: str | None) -> str:  # noqa: ARG002 - for those whose data decide it
        """Return the kind for these data; raise `DataError` if they cannot be used."""
        return self.kind

    @abstractmethod
    def identity(self, source: str | None, settings: Mapping[str, Any]) -> str:
        """Return a name that changes with the content of the data, without loading them: a version, a file's digest."""

    def check(self, source: str | None, settings: Mapping[str, Any]) -> Data | None:
        """Raise `DataError` if the data cannot be used; called before anything is written.

        By default the user's data are loaded.

        Returns:
            The data if they were loaded, so that they are not loaded again; else None.
        """
        return None if source is None else self.data(source, settings)

    @abstractmethod
    def data(self, source: str | None, settings: Mapping[str, Any]) -> Data:
        """Load the data; the same source and settings give the same splits."""
