"""What a plugin gives the harness: tasks, models, hardware, runtimes.

The core drives: it calls `Learner.step`, holds the clock, the budget, the seeds and the meters, and calls
`Data.evaluate` and the load generator with a `Predict`. Nothing here is heavy and nothing here names a family: what an
input and an output are is agreed between the tasks and the models of one `kind`.

Declarations (`Task`, `Model`, `Hardware`, `Runtime`) are made while a plugin loads and must stay light; everything
heavy is imported inside their methods, which run in a worker process.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from harness.errors import Unsupported
from harness.names import PACKAGED

if TYPE_CHECKING:
    from collections.abc import Hashable
    from pathlib import Path

    import numpy as np

Predict = Callable[[Sequence[Any]], Sequence[Any]]
"""A batch of inputs → as many outputs. What they are is the business of the task's kind."""


@dataclass(frozen=True)
class StreamingPredictor:
    """A `Predict` of what writes its answers piece by piece, so that the first token can be timed for itself."""

    whole: Predict
    first: Predict
    """Answers with the first piece only, and does no more than that takes: what one waits for who reads along."""

    def __call__(self, inputs: Sequence[Any]) -> Sequence[Any]:
        """Answer wholly."""
        return self.whole(inputs)


Scores = Mapping[str, Sequence[float]]
"""Column → one number per item (sentence, image, episode), all columns of one length; at least one column."""


class Grades(NamedTuple):
    """Scores, and how metrics that are no mean of them are computed."""

    scores: Scores
    over: Mapping[str, Callable[[np.ndarray], float]] = {}
    """Metric → its value over the items whose row numbers are given, some of them several times: a bootstrap asks for
    hundreds of such samples, so what each item adds is worked out beforehand."""
    used: Mapping[str, str] = {}
    """What decides the values beside the answers, by name, to be kept with the record: a library's signature."""


class Sample(NamedTuple):
    """Something small that lets people see what a model does."""

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
    """What is read from an evaluation."""

    name: str
    unit: str
    column: str | None
    """The metric is the mean of this column of the scores; None: `Grades.over` says how it is computed."""
    higher_is_better: bool = True
    ceiling: float | None = None


class Reading(NamedTuple):
    """One value as read."""

    value: float
    unit: str
    kind: Literal["measured", "estimated", "declared"] = "measured"


class Declaration(ABC):
    """What a plugin says of something it brings; light, and made while the plugin loads."""

    name: ClassVar[str]
    summary: ClassVar[str]
    """One line for lists."""
    imports: ClassVar[tuple[str, ...] | None] = None
    """The heavy modules that steps with it import, your own included: the fork server imports them once, before the
    first worker starts, and only where a step needs them. They must not start threads. None: not known; what the
    plugin's `harness_preload` names is imported, or where it has none, what all plugins name. The versions of libraries
    among them are part of a step's fingerprint, as are those that its sources import. Where one is not installed, the
    harness refuses to run it and says how to install it."""
    extra: ClassVar[str | None] = None
    """The extra of your distribution that brings these libraries. None: the extra that is called as your plugin's entry
    point, where there is one."""
    known_failures: ClassVar[Mapping[str, str]] = {}
    """Conformance check → why it is known to fail. One that passes all the same is a failure."""


# Tasks --------------------------------------------------------------------------------------------------------------


class Data(ABC):
    """A task's data, loaded: splits that do not overlap, the grading, and inputs for load generation."""

    digest: str
    """SHA-256 over the content of all splits."""

    sizes: Mapping[str, int]
    """Split → number of items."""

    @abstractmethod
    def evaluate(self, predict: Predict, batch_size: int, split: str = "test") -> Scores | Grades:
        """Grade `predict` item by item on a split (`validation` or `test`), in batches of at most `batch_size`."""

    @abstractmethod
    def queries(self) -> Sequence[Any]:
        """Return real inputs for load generation, from the test split."""

    @abstractmethod
    def random_baseline(self) -> Mapping[str, float]:
        """Return the value of each metric that guessing reaches, found from this data."""

    def keys(self, split: str) -> Sequence[Hashable] | None:  # noqa: ARG002 - for those that can
        """Return what makes each item of a split itself (a text, an image's digest, an episode's seed), or None."""
        return None

    def smaller(self, train: int, validation: int) -> Data:  # noqa: ARG002 - for those that can
        """Return the same data with at most so many items in `train` and in `validation`, its test split unchanged.

        The conformance kit checks models on it. The data itself unless overridden: the checks are slower then.
        """
        return self

    def references(self, split: str) -> Sequence[Any] | None:  # noqa: ARG002 - for those that can
        """Return a perfect model's outputs, in the order `evaluate` asks; None where no answer is right in itself."""
        return None

    def show(self, predict: Predict) -> Sequence[Sample]:  # noqa: ARG002 - for those that can
        """Return a few samples of what `predict` does, to be kept with the record; asked after the grading, untimed."""
        return ()

    def with_labels(self, count: int) -> Data:  # noqa: ARG002 - for those that can
        """Return it with so many labelled examples to learn from.

        Raises:
            Unsupported: its examples have no labels, or there are fewer.
        """
        raise Unsupported(f"{type(self).__name__} has no labels to take some of: leave `labels` out of the budget.")

    def work(self, outputs: Sequence[Any]) -> Mapping[str, int]:  # noqa: ARG002 - for those that can
        """Return how much a batch of outputs holds, by unit, such as `{"output_tokens": 57}`; of none, each unit's 0.

        Units are the data's, not a model's, so that models whose own tokens differ can be compared. Nothing is counted
        unless overridden; what was served in a measured window is added up after it, and is read under the unit's name.
        """
        return {}


class Task(Declaration):
    """What is asked of a model and how the answer is graded."""

    kind: ClassVar[str]
    """What an input and an output are; models declare the kinds they can do."""
    metrics: ClassVar[tuple[Metric, ...]]
    """The first is the one that decides."""
    use_case: ClassVar[str | None] = None
    baseline: ClassVar[str | None] = None
    """The cheap model that every other one is put beside."""
    pretrains_on: ClassVar[str | None] = None
    """The task whose data pretraining reads; itself when None. A model for data of one's own is pretrained on these."""
    source: ClassVar[str]
    """Where the default data comes from; `licence` is that source's."""
    licence: ClassVar[str]
    data_name: ClassVar[str] = PACKAGED
    """What the default data are called in tables."""
    former_names: ClassVar[Mapping[str, str]] = {}
    """Name that it had before → what data are called that were given under it; empty where each had a name of its own.
    Such a name still runs, and prints the new one; in records it is read as the new one. One that says what data are
    called asks for data: it stood for data of the user's alone."""
    settings: ClassVar[Mapping[str, Setting]] = {}
    takes_data: ClassVar[bool] = False
    """Whether `--data` may replace the default."""
    data_imports: ClassVar[tuple[str, ...]] = ()
    """What is imported beside `imports` where it does."""

    def kind_of(self, source: str | None) -> str:  # noqa: ARG002 - for those whose data decide it
        """Return what an input and an output are on these data; raise `DataError` where the data cannot be used."""
        return self.kind

    @abstractmethod
    def identity(self, source: str | None, settings: Mapping[str, Any]) -> str:
        """Name the data in a way that changes when its content does, without loading it: a version, a file's digest."""

    def check(self, source: str | None, settings: Mapping[str, Any]) -> None:
        """Raise `DataError` where the data cannot be used; called before anything is written."""
        del source, settings  # a task without outside data has nothing to check

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
    """Stop when the task's first metric on the validation split is this good; needs another limit beside it."""
    check_every_steps: int = 50
    labels: int | None = None
    """Labelled examples that a fine-tuning may see; the rest of the training split stays unread."""


@dataclass(frozen=True)
class Assignment:
    """What a learner is asked to do."""

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
    """So that a schedule can be laid over it; the core alone decides when to stop."""
    start: Path | None = None
    """The folder of the pretraining to start from; None is from scratch, or from weights that the model brings."""
    pretrained: bool = False
    """Whether to start from a pretraining: that in `start`, or the model's own where it brings its weights."""


class Progress(NamedTuple):
    """What one call of `Learner.step` used up and how it went."""

    consumed: Mapping[str, int]
    """Unit → count. `samples` is always there; `tokens`, `environment_steps` where they make sense."""
    losses: Mapping[str, float]
    """Name → value; what training makes smaller is called `loss`, other numbers are called otherwise."""
    done: bool = False
    """Nothing is left to learn: a fit that takes one step."""


class Codec(ABC):
    """How inputs become named arrays for a network and its arrays become outputs; needs no weights."""

    @abstractmethod
    def encode(self, inputs: Sequence[Any]) -> dict[str, np.ndarray]:
        """Return the network's inputs by name, batch first."""

    @abstractmethod
    def decode(self, arrays: Mapping[str, np.ndarray]) -> Sequence[Any]:
        """Return one output per input from the network's outputs by name."""

    def first(self) -> Codec | None:
        """Return a codec that asks the network for the first piece of each answer; None where answers come whole."""
        return None


class Learner(ABC):
    """A model at work on one assignment. Building it is cheap enough to be done for serving too."""

    def prepare(self) -> None:
        """Build what the first step needs: tokenizer, network, encoded examples, optimizer. Nothing by default.

        Called once before the first step of a training and timed as `build_s`, outside the training's time and meters.
        """
        return

    @abstractmethod
    def step(self) -> Progress:
        """Do the smallest useful piece of training: a gradient step, a rollout with its update, a whole fit."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write weights (safetensors) and whatever `load` and `Model.codec` need."""

    @abstractmethod
    def load(self, folder: Path) -> None:
        """Become what `save` wrote."""

    @abstractmethod
    def predict(self, inputs: Sequence[Any]) -> Sequence[Any]:
        """Answer in the framework the model was trained in, in evaluation mode."""

    def first(self) -> Predict | None:
        """Return what answers with the first piece of each answer only; None where answers come whole."""
        return None

    def parameters(self) -> int | None:
        """Return the number of trainable parameters; None where the word has no meaning."""
        return None

    def flops(self, inputs: Sequence[Any]) -> int | None:  # noqa: ARG002 - for those that can
        """Return the floating-point operations of answering a batch, a multiply-add being two; None if not known."""
        return None

    def module(self) -> Any:
        """Return the `torch.nn.Module` to export: it takes the codec's arrays by keyword, returns a dict of tensors."""
        raise Unsupported(f"{type(self).__name__} has no torch module to export")


class Model(Declaration):
    """An architecture or a checkpoint that can be built for the tasks of some kinds."""

    kinds: ClassVar[tuple[str, ...]]
    sizes: ClassVar[tuple[str, ...]] = ("default",)
    """Smallest first; the first is the default."""
    pretraining: ClassVar[str | None] = None
    """The objective it is pretrained with here; None where it has none."""
    brings_weights: ClassVar[bool] = False
    """Whether it comes pretrained, as a checkpoint does: `start: scratch` then draws the weights anew."""
    formats: ClassVar[tuple[str, ...]] = ()
    """What it can be exported to, beside its own framework: `onnx`."""
    draws_answers: ClassVar[bool] = False
    """Whether chance has a part in its answers, so that the same input may be answered otherwise."""
    settings: ClassVar[Mapping[str, Setting]] = {}

    @abstractmethod
    def learner(self, assignment: Assignment) -> Learner:
        """Build a learner for an assignment."""

    def codec(self, folder: Path) -> Codec:
        """Build the codec of a trained artifact, without its weights."""
        raise Unsupported(f"{self.name} runs in its own framework only: it has no codec for {folder.name}")

    def identity(self, settings: Mapping[str, Any]) -> str:  # noqa: ARG002 - for those that read files
        """Name what it reads beside its plugin's sources; the name changes with the content: a file's digest."""
        return ""


class ModelScheme(NamedTuple):
    """Models that are named by reference, `NAME:REFERENCE`: checkpoints, files."""

    name: str
    summary: str
    model: Callable[[str], Model]
    """From what stands behind the colon; raises `PluginError` where it leads nowhere."""
    imports: tuple[str, ...] = ()
    """The libraries that must be installed, as `Declaration.imports`."""
    extra: str | None = None
    """As `Declaration.extra`."""


# Hardware and runtimes ----------------------------------------------------------------------------------------------


class Meter(ABC):
    """Reads something of the machine over a window."""

    @abstractmethod
    def start(self) -> None:
        """Open the window."""

    @abstractmethod
    def stop(self) -> Mapping[str, Reading]:
        """Close the window and return what was read by name; what cannot be read is left out, never 0."""


class Hardware(Declaration):
    """Where a step runs."""

    device: ClassVar[str]
    """The torch device."""
    precisions: ClassVar[tuple[str, ...]] = ("fp32",)
    bit_reproducible: ClassVar[bool] = True
    """Whether the same step with the same seed gives the same bits here; records say so where it does not."""

    @abstractmethod
    def unavailable(self) -> str | None:
        """Return why it cannot be used here, or None; must not import a heavy library."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return what it is: always `device_name`, `price_item` (in price books) and `price_quantity` (how many)."""

    @abstractmethod
    def meters(self) -> Sequence[Meter]:
        """Return new meters for one window."""

    def synchronise(self) -> None:
        """Wait until the device has done what was asked of it; called at both ends of a measured window."""
        return  # nothing is queued on a device that answers at once


class Runtime(Declaration):
    """How a trained model is executed."""

    format: ClassVar[str | None] = None
    """The exported form it needs; None runs the trained artifact in the model's own framework."""
    precisions: ClassVar[tuple[str, ...]] = ("fp32",)
    devices: ClassVar[tuple[str, ...]] = ("cpu",)
    """Kinds of torch device it runs on (`cpu`, `cuda`): hardware of any name with such a device will do."""

    def unavailable(self, kind: str) -> str | None:  # noqa: ARG002 - for those that need more than the device
        """Return why it cannot run on one of these kinds here, or None; must not import a heavy library."""
        return None

    def export(
        self, model: Model, learner: Learner, trained: Path, inputs: Sequence[Any], folder: Path
    ) -> Mapping[str, Reading]:
        """Write the form it needs into `folder`; return readings of the check against the original on real inputs."""
        del model, learner, trained, inputs, folder
        raise Unsupported(f"{self.name} needs no export")

    @abstractmethod
    def predictor(self, model: Model, assignment: Assignment, trained: Path, exported: Path | None) -> Predict:
        """Load a model for serving."""


# Files to start from --------------------------------------------------------------------------------------------------


class Template(NamedTuple):
    """A plugin file that works as it stands; `harness new` writes it under a name of the user's."""

    name: str
    """What it makes: `model`, `task`, …"""
    summary: str
    file: Path
    """Its words `my-name`, `my_name` and `MyName` become the user's."""
    try_it: str
    """Arguments of `harness` that use it, with `my-name` and `my_name` in them."""
