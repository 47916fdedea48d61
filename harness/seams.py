"""What a plugin gives the harness: tasks, models, hardware, runtimes.

The core is in control: it calls `Learner.step`, holds the clock, the budget, the seeds and the meters, and calls
`Data.evaluate` and the load generator with a `Predict`. Nothing here is heavy or specific to a family: the tasks and
the models of one `kind` agree on what an input and an output are.

Declarations (`Task`, `Model`, `Hardware`, `Runtime`) are made while a plugin loads and must be light. Their methods run
in a worker process and import what is heavy.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from harness.errors import Unsupported
from harness.names import PACKAGED

if TYPE_CHECKING:
    from collections.abc import Hashable
    from pathlib import Path

    import numpy as np

    from harness.reading import HowRead

START = Literal["pretrained", "scratch", "as-is"]
"""What a model is before fine-tuning: pretrained, with new weights, or as it is: then it is not trained at all."""
Predict = Callable[[Sequence[Any]], Sequence[Any]]
"""A batch of inputs → as many outputs, of the types of the task's kind."""


@dataclass(frozen=True)
class StreamingPredictor:
    """A `Predict` that can also stop at the first token, so that the time to the first token can be measured."""

    whole: Predict
    first: Predict
    """Answers with the first token only, and computes no more than that needs."""

    def __call__(self, inputs: Sequence[Any]) -> Sequence[Any]:
        """Return complete outputs."""
        return self.whole(inputs)


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


class Setting(NamedTuple):
    """A knob of a model or a task that a suite may turn."""

    default: Any
    help: str
    choices: tuple[Any, ...] = ()


class Metric(NamedTuple):
    """A figure of an evaluation."""

    name: str
    unit: str
    column: str | None
    """The metric is the mean of this column of the scores; None: `Grades.over` computes it."""
    higher_is_better: bool = True
    ceiling: float | None = None


class Reading(NamedTuple):
    """One value as read."""

    value: float
    unit: str
    kind: Literal["measured", "estimated", "declared"] = "measured"


class Declaration(ABC):
    """A part that a plugin brings; light, and made while the plugin loads."""

    name: ClassVar[str]
    summary: ClassVar[str]
    """One line for lists."""
    imports: ClassVar[tuple[str, ...] | None] = None
    """The heavy modules that steps with it import, yours included: the fork server imports them once, before the first
    worker starts, and only if a step needs them. They must not start threads. None: unknown; then what the plugin's
    `harness_preload` names is imported, or without that hook what all plugins name. The versions of libraries among
    them are part of a step's fingerprint, as are those that its sources import. If one is not installed, the harness
    does not run it and says how to install it."""
    extra: ClassVar[str | None] = None
    """The extra of your distribution with these libraries. None: the extra with the name of your plugin's entry point,
    if there is one."""
    known_failures: ClassVar[Mapping[str, str]] = {}
    """Conformance check → why it fails. A check that is named here and passes is a failure."""


# Tasks --------------------------------------------------------------------------------------------------------------


class Data(ABC):
    """A task's data, loaded: splits that do not overlap, the grading, and inputs for load generation."""

    digest: str
    """SHA-256 over the content of all splits."""

    sizes: Mapping[str, int]
    """Split → number of items."""

    how_read: HowRead | None = None
    """How the user's source was read, kept with the record of an evaluation; None for data that come with the task."""

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

    def keys(self, split: str) -> Sequence[Hashable] | None:  # noqa: ARG002 - for those that can
        """Return a key for the content of each item (a text, an image's digest, an episode's seed), or None."""
        return None

    def smaller(self, train: int, validation: int) -> Data:  # noqa: ARG002 - for those that can
        """Return the same data with at most so many items in `train` and in `validation`, and the same test split.

        The conformance kit checks models on it; unless this is overridden, on all of the data, which is slower.
        """
        return self

    def references(self, split: str) -> Sequence[Any] | None:  # noqa: ARG002 - for those that can
        """Return a perfect model's outputs, in the order of `evaluate`; None if there is no single right output."""
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


# Models -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Budget:
    """When training stops: at the first limit reached. At least one is set."""

    steps: int | None = None
    samples: int | None = None
    seconds: float | None = None
    quality: float | None = None
    """Stop once the task's first metric on the validation split is this good; needs another limit as well."""
    check_every_steps: int = 50
    labels: int | None = None
    """Labelled examples that fine-tuning may read of the training split."""


@dataclass(frozen=True)
class Assignment:
    """What a learner has to do."""

    stage: Literal["pretrain", "finetune"]
    data: Data
    size: str
    settings: Mapping[str, Any]
    """Every setting of the model, defaults filled in."""
    device: str
    """A torch device: `cpu`, `cuda:0`."""
    precision: str
    seed: int
    budget: Budget = field(default_factory=Budget)
    """For learning-rate schedules; the core decides when to stop."""
    start: Path | None = None
    """The folder of the pretraining to start from; None: from scratch, or from weights that the model brings."""
    pretrained: bool = False
    """Whether to start from a pretraining: that in `start`, or the weights that the model brings."""


class Progress(NamedTuple):
    """What one call of `Learner.step` consumed, and its losses."""

    consumed: Mapping[str, int]
    """Unit → count: always `samples`; `tokens` or `environment_steps` if they make sense."""
    losses: Mapping[str, float]
    """Name → value. `loss` is what training minimises; other numbers have other names."""
    done: bool = False
    """Training is complete, as after a fit in one step."""


class Codec(ABC):
    """Preprocessor and postprocessor: inputs to a network's named arrays, and its arrays to outputs. No weights."""

    @abstractmethod
    def encode(self, inputs: Sequence[Any]) -> dict[str, np.ndarray]:
        """Return the network's inputs by name, batch first."""

    @abstractmethod
    def decode(self, arrays: Mapping[str, np.ndarray]) -> Sequence[Any]:
        """Return one output per input from the network's outputs by name."""

    def answers(self, arrays: Mapping[str, np.ndarray]) -> Sequence[Any]:
        """Return `decode(arrays)`; runtimes and learners call this.

        Raises:
            ValueError: a number is NaN or +infinity, which decoding may hide, as an argmax does. -infinity is allowed:
                networks mask with it what cannot be.
        """
        for name, array in arrays.items():
            if array.dtype.kind == "f" and not (sound := array < float("inf")).all():
                count = sum(not row.all() for row in sound)
                raise ValueError(
                    f"{count} of {len(array)} outputs of a batch are not finite (NaN or infinity in {name!r}): "
                    "a broken answer is neither graded nor timed. Look at the weights and the precision."
                )
        return self.decode(arrays)

    def first(self) -> Codec | None:
        """Return a codec that asks the network for the first token only, or None if the model does not stream."""
        return None


class Learner(ABC):
    """A model on one assignment. Must be cheap to build: serving builds one too."""

    def prepare(self) -> None:
        """Build what the first step needs: tokenizer, network, encoded examples, optimizer. Nothing by default.

        Called once before the first step of a training and timed as `build_s`, outside the training's time and meters.
        """
        return

    @abstractmethod
    def step(self) -> Progress:
        """Do the smallest useful unit of training: a gradient step, a rollout with its update, a whole fit."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write weights (safetensors) and what `load` and `Model.codec` need."""

    @abstractmethod
    def load(self, folder: Path) -> None:
        """Restore what `save` wrote."""

    @abstractmethod
    def predict(self, inputs: Sequence[Any]) -> Sequence[Any]:
        """Return outputs in the training framework, in evaluation mode."""

    def first(self) -> Predict | None:
        """Return a predictor of the first token, or None if the model does not stream."""
        return None

    def parameters(self) -> int | None:
        """Return the number of trainable parameters, None if it has none."""
        return None

    def flops(self, inputs: Sequence[Any]) -> int | None:  # noqa: ARG002 - for those that can
        """Return the floating-point operations for a batch, a multiply-add counting as two; None if unknown."""
        return None

    def module(self) -> Any:
        """Return the `torch.nn.Module` to export: takes the codec's arrays by keyword, returns a dict of tensors."""
        raise Unsupported(f"{type(self).__name__} has no torch module to export")


class Model(Declaration):
    """An architecture or a checkpoint for the tasks of some kinds."""

    kinds: ClassVar[tuple[str, ...]]
    sizes: ClassVar[tuple[str, ...]] = ("default",)
    """Smallest first; the first is the default."""
    pretraining: ClassVar[str | None] = None
    """The objective of its pretraining here, None if it has none."""
    brings_weights: ClassVar[bool] = False
    """Whether it comes pretrained, as a checkpoint does; `start: scratch` then initialises the weights."""
    starts: ClassVar[tuple[START, ...]] = ("pretrained", "scratch")
    """The starts that it has; a suite that asks for another gets the last one. What is measured `as-is` is evaluated
    and served, and no step trains it: the learner is asked to `predict` as it is built, or to `save` for an export."""
    formats: ClassVar[tuple[str, ...]] = ()
    """Export formats, such as `onnx`."""
    devices: ClassVar[tuple[str, ...] | None] = None
    """Types of torch device it computes on, None for any. A suite on other hardware measures it on hardware that has
    one: a model that leaves an accelerator idle does not cost the accelerator's hour."""
    draws_answers: ClassVar[bool] = False
    """Whether its outputs are random: the same input may give another output."""
    settings: ClassVar[Mapping[str, Setting]] = {}

    @abstractmethod
    def learner(self, assignment: Assignment) -> Learner:
        """Build a learner for an assignment."""

    def codec(self, folder: Path) -> Codec:
        """Build the codec of a trained artifact, without its weights."""
        raise Unsupported(f"{self.name} runs in its own framework only: it has no codec for {folder.name}")

    def identity(self, settings: Mapping[str, Any]) -> str:  # noqa: ARG002 - for those that read files
        """Return a name that changes with the files it reads (a digest); its plugin's sources are covered already."""
        return ""

    def check(self, data: Data, settings: Mapping[str, Any], start: str) -> Sequence[str]:  # noqa: ARG002 - for those that can
        """Return sentences on how it takes up these data, for the plan and for the record; by default none.

        Raise a `HarnessError` if it cannot. Called before anything is written, with loaded data.
        """
        return ()


class ModelScheme(NamedTuple):
    """Models that are named by reference, `NAME:REFERENCE`: checkpoints, files."""

    name: str
    summary: str
    model: Callable[[str], Model]
    """From the text behind the colon to a model; raises `PluginError` if there is none."""
    imports: tuple[str, ...] = ()
    """The libraries that must be installed, as `Declaration.imports`."""
    extra: str | None = None
    """As `Declaration.extra`."""


# Hardware and runtimes ----------------------------------------------------------------------------------------------


class Meter(ABC):
    """Measures the machine over a window."""

    @abstractmethod
    def start(self) -> None:
        """Open the window."""

    @abstractmethod
    def stop(self) -> Mapping[str, Reading]:
        """Close the window and return readings by name; what cannot be read is left out, never 0."""


class Hardware(Declaration):
    """Where a step runs."""

    device: ClassVar[str]
    """The torch device."""
    precisions: ClassVar[tuple[str, ...]] = ("fp32",)
    bit_reproducible: ClassVar[bool] = True
    """Whether the same step with the same seed gives the same bits; if not, records note it."""

    @abstractmethod
    def unavailable(self) -> str | None:
        """Return why it cannot be used here, or None; must not import a heavy library."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return its description: always `device_name`, `price_item` (in price books) and `price_quantity`."""

    @abstractmethod
    def meters(self) -> Sequence[Meter]:
        """Return new meters for one window."""

    def synchronise(self) -> None:
        """Wait until the device has finished its queue; called at both ends of a measured window."""
        return  # no-op: a synchronous device queues nothing


class Runtime(Declaration):
    """How a trained model is executed."""

    format: ClassVar[str | None] = None
    """The export format it needs; None: it runs the trained artifact in the training framework."""
    precisions: ClassVar[tuple[str, ...]] = ("fp32",)
    devices: ClassVar[tuple[str, ...]] = ("cpu",)
    """Types of torch device it runs on (`cpu`, `cuda`), on hardware of any name."""

    def unavailable(self, kind: str) -> str | None:  # noqa: ARG002 - for those that need more than the device
        """Return why it cannot run on such a device here, or None; must not import a heavy library."""
        return None

    def export(
        self, model: Model, learner: Learner, trained: Path, inputs: Sequence[Any], folder: Path
    ) -> Mapping[str, Reading]:
        """Write the export into `folder`; return readings of its comparison with the original on real inputs."""
        del model, learner, trained, inputs, folder
        raise Unsupported(f"{self.name} needs no export")

    @abstractmethod
    def predictor(self, model: Model, assignment: Assignment, trained: Path | None, exported: Path | None) -> Predict:
        """Load a model for serving; without `trained` as it is."""


# Files to start from --------------------------------------------------------------------------------------------------


class Template(NamedTuple):
    """A plugin file that works unchanged; `harness new` writes it under a name of the user's."""

    name: str
    """What it makes: `model`, `task`, …"""
    summary: str
    file: Path
    """Its words `my-name`, `my_name` and `MyName` become the user's."""
    try_it: str
    """Arguments of `harness` that use it, with `my-name` and `my_name` in them."""
