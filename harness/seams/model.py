"""Models: what a learner has to do, and what it learned."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from harness.errors import Unsupported
from harness.seams.declaration import Declaration, Setting
from harness.seams.predictors import Predict, Usage
from harness.seams.spending import Quote, Spend
from harness.seams.task import Data

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

START = Literal["pretrained", "scratch", "as-is"]
"""What a model is before fine-tuning: pretrained, with new weights, or as it is: then it is not trained at all."""


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
    processes: int = 1
    """Processes that train together, each on a device and on a part of each batch."""


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
    as_is: bool = False
    """Whether it is measured as it is: nothing is trained, and nothing that was trained will be loaded."""
    attempts: Path | None = None
    """A folder for answers that must not be asked for again when this attempt is killed: the next attempt at the same
    evaluation finds it, and it is removed once one has succeeded. Make it when you need it. None where answers are
    timed."""
    spend: Spend | None = None
    """What its calls may cost: every call is written down there before it is made, and not made beyond the cap. None
    where the suite has no cap: then nothing that has a price is asked."""


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

    def data_parallel(self) -> bool:
        """Return whether several processes can train it together; by default they cannot.

        Each then builds this learner, finds the others in torch.distributed, reads a part of each batch, and takes each
        step by what all have computed: losses and what was consumed are those of all.
        """
        return False

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

    def usage(self) -> Usage | None:
        """Return what says what its answers consumed, or None if it does not count that."""
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

    def starts_on(self, kind: str) -> tuple[START, ...]:  # noqa: ARG002 - for those whose starts differ
        """Return the starts that it has on tasks of a kind; by default all that it declares."""
        return self.starts

    def formats_of(self, start: str) -> tuple[str, ...]:  # noqa: ARG002 - for those whose formats differ
        """Return the formats that it is exported to from a start; by default all that it declares."""
        return self.formats

    def identity(self, settings: Mapping[str, Any]) -> str:  # noqa: ARG002 - for those that read files
        """Return a name that changes with the files it reads (a digest); its plugin's sources are covered already."""
        return ""

    def check(self, data: Data, settings: Mapping[str, Any], start: str) -> Sequence[str]:  # noqa: ARG002 - for those that can
        """Return sentences on how it takes up these data, for the plan and for the record; by default none.

        Raise a `HarnessError` if it cannot. Called before anything is written, with loaded data.
        """
        return ()

    def quote(self, data: Data, settings: Mapping[str, Any], inputs: Sequence[Any], seed: int) -> Quote | None:  # noqa: ARG002 - for those that are paid by the call
        """Return what asking for inputs consumes and costs at most; None, the default, where no call is paid.

        Called before anything is asked or written.

        Args:
            data: where the inputs are from.
            settings: every setting of the model, defaults filled in.
            inputs: what a step will ask for, one call each.
            seed: the step's.

        Raises:
            SuiteError: calls have a price and no bound; names the remedy.
        """
        return None


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
