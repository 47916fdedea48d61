"""The checks of a model."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import SkipTest

from harness.environment import seed_libraries
from harness.errors import DataError, Unsupported
from harness.grading import grade, lacking
from harness.measure.outputs import finite
from harness.plan import filled
from harness.plugins import Plugins
from harness.seams import Assignment, Budget, Data, Learner, Model, Task
from harness.testing.compare import FLOAT32, demand_equal, distance
from harness.testing.declarations import demand_declaration, demand_settings
from harness.testing.findings import CheckFailed, Rules

if TYPE_CHECKING:
    import torch

STEPS = 3
"""Of training, where a check needs a model that was trained at all."""
REPEATS = 50
"""Of one batch, for the loss to fall."""
FALL = 0.1
"""The loss must fall by this share of what it began with."""
INPUTS = 7
"""Real inputs that are answered: no power of two, so that a last batch is uneven."""
EXPORTED = 1e-3
"""Two engines may differ by this much."""
UNSAFE = (".pkl", ".pickle", ".pt", ".pth", ".bin", ".joblib", ".npz")
PICKLE = b"\x80"
FLOPS_TOLERANCE = 0.05
SAMPLED = 10_000
"""Weights in a matrix before its spread says how it was drawn."""

MODEL: Rules[ModelBench] = Rules()


class ModelBench:
    """A model with what its checks share: tasks that bring data, learners, an artifact."""

    def __init__(
        self,
        model: Model,
        plugins: Plugins,
        folder: Path,
        settings: Mapping[str, Any] | None = None,
        kind: str | None = None,
    ) -> None:
        self.model = model
        self.kinds = model.kinds if kind is None else (kind,)
        self.settings = filled(settings or {}, model.settings)
        self.plugins = plugins
        self._folder = folder

    def folder(self) -> Path:
        """Return a new empty folder."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=self._folder))

    @cached_property
    def tasks(self) -> list[tuple[Task, Data]]:
        """Tasks of the model's kinds with the data they bring."""
        found = []
        for task in self.plugins.tasks.values():
            if task.kind in self.kinds:
                try:
                    found.append((task, task.data(None, {k: s.default for k, s in task.settings.items()})))
                except DataError:
                    continue  # it has no data of its own
        return found

    @property
    def task(self) -> tuple[Task, Data]:
        """The task most checks are made on: the first."""
        if not self.tasks:
            raise SkipTest(
                f"No installed task of the kinds {', '.join(self.kinds)} brings data. Name its plugin with --plugin."
            )
        return self.tasks[0]

    def assignment(self, seed: int = 0, data: Data | None = None, **settings: Any) -> Assignment:
        """Return a fine-tuning in the smallest size, from scratch or from the weights the model brings."""
        return Assignment(
            stage="finetune",
            data=data or self.task[1],
            size=self.model.sizes[0],
            settings=self.settings | settings,
            device="cpu",
            precision="fp32",
            seed=seed,
            budget=Budget(steps=REPEATS),
            pretrained=self.model.brings_weights,
        )

    def learner(self, seed: int = 0, data: Data | None = None, **settings: Any) -> Learner:
        """Build a learner as a worker does, and count on nothing the last one left behind."""
        assignment = self.assignment(seed, data, **settings)
        seed_libraries(seed)
        return self.model.learner(assignment)

    def trained(self, seed: int = 0) -> Learner:
        """Return a new learner after a few steps."""
        learner = self.learner(seed)
        for _ in range(STEPS):
            if learner.step().done:
                break
        return learner

    @cached_property
    def shared(self) -> Learner:
        """A trained learner for checks that only ask it."""
        return self.trained()

    @cached_property
    def artifact(self) -> Path:
        """What `shared` saved."""
        folder = self.folder()
        self.shared.save(folder)
        return folder

    @cached_property
    def inputs(self) -> list[Any]:
        """A few real inputs, the shortest and the longest among them, the longest at the end."""
        queries = list(self.task[1].queries())
        sized = sorted(queries, key=_size)
        return [sized[0], *queries[: INPUTS - 2], sized[-1]]

    def demand_same(self, one: Any, other: Any, what: str, tolerance: float = FLOAT32) -> None:
        """Hold two answers to be equal, unless the model draws them."""
        if self.model.draws_answers:
            raise SkipTest("It draws its answers.")
        demand_equal(one, other, what, tolerance)

    def module(self, learner: Learner) -> torch.nn.Module:
        """Return a learner's torch module."""
        try:
            module: torch.nn.Module = learner.module()
        except Unsupported as error:
            raise SkipTest(str(error)) from None
        return module


def _size(one: Any) -> int:
    return len(one) if hasattr(one, "__len__") else 1


def _answers(learner: Learner, inputs: Sequence[Any]) -> list[Any]:
    answers = list(learner.predict(inputs))
    if len(answers) != len(inputs):
        raise CheckFailed(f"{len(inputs)} inputs were answered by {len(answers)} outputs.")
    return answers


@MODEL.rule("Fill in what is missing; harness/seams.py says what each field is.")
def declaration(bench: ModelBench) -> None:
    """Name, summary, kinds, sizes, formats and settings are there and make sense."""
    model = bench.model
    demand_declaration(model)
    demand_settings(model.settings)
    for field in ("kinds", "sizes"):
        values = getattr(model, field)
        if not values or isinstance(values, str) or len(set(values)) != len(values):
            raise CheckFailed(f"{field} is {values!r}: give a tuple of different names, at least one.")


@MODEL.rule("Build from `assignment` alone: `data`, `size`, `settings`, `device`, `seed`.")
def builds(bench: ModelBench) -> None:
    """It is built in its smallest size for every task of its kinds that brings data, pretraining included."""
    _ = bench.task
    for task, data in bench.tasks:
        try:
            bench.learner(data=data)
        except Exception as error:
            raise CheckFailed(f"For task {task.name}: {type(error).__name__}: {error}") from error
    if bench.model.pretraining is not None:
        _pretrain(bench)


def _pretrain(bench: ModelBench) -> None:
    from dataclasses import replace

    learner = bench.model.learner(replace(bench.assignment(), stage="pretrain", pretrained=False))
    learner.step()
    folder = bench.folder()
    learner.save(folder)
    bench.model.learner(replace(bench.assignment(), start=folder, pretrained=True)).step()


@MODEL.rule("Answer in the form that the task's kind asks for: its data's `evaluate` says which.")
def answers_are_graded(bench: ModelBench) -> None:
    """Its outputs are finite, one for each input, and the task can grade them."""
    task, data = bench.task
    if not finite(_answers(bench.shared, bench.inputs)):
        raise CheckFailed("An output is not finite.")
    missing = lacking(task.metrics, grade(bench.shared.predict, data, INPUTS, split="validation"))
    if missing:
        raise CheckFailed(f"The grades lack {', '.join(missing)}.")


@MODEL.rule("Put the network into evaluation mode in `predict`, and draw nothing at random there.")
def steady_answers(bench: ModelBench) -> None:
    """Asked twice it answers the same: dropout is off, nothing is drawn."""
    learner = bench.trained()
    learner.step()  # leaves the network as training does
    bench.demand_same(
        _answers(learner, bench.inputs), _answers(learner, bench.inputs), "The same inputs were answered differently", 0
    )


@MODEL.rule(
    "Let nothing cross between the items of a batch: mask the padding, keep running statistics out of `predict`."
)
def batch_of_one(bench: ModelBench) -> None:
    """An input alone is answered as in a batch."""
    alone = [_answers(bench.shared, [one])[0] for one in bench.inputs]
    bench.demand_same(
        alone, _answers(bench.shared, bench.inputs), "An input is answered otherwise alone than in a batch"
    )


@MODEL.rule("Take the batch size from the inputs; nothing may depend on it.")
def uneven_last_batch(bench: ModelBench) -> None:
    """A batch that is not full is answered as part of a full one."""
    *most, last = bench.inputs
    whole = _answers(bench.shared, bench.inputs)
    bench.demand_same(_answers(bench.shared, most), whole[:-1], "A batch with one input less is answered otherwise")
    bench.demand_same(_answers(bench.shared, [last, last]), [whole[-1]] * 2, "A batch of two is answered otherwise")


@MODEL.rule("Mask the padding, divide by the number of real items, and cut what is longer than the model can read.")
def longest_input(bench: ModelBench) -> None:
    """The longest input, beside the shortest, gives a finite answer; text may be ten times as long as any seen."""
    shortest, longest = bench.inputs[0], bench.inputs[-1]
    batch = [shortest, longest * 10 if isinstance(longest, str) else longest, longest]
    answers = _answers(bench.shared, batch)
    if not finite(answers):
        raise CheckFailed("A batch of the shortest and the longest input gives an output that is not finite.")
    bench.demand_same(
        answers[0], _answers(bench.shared, [shortest])[0], "A short input is answered otherwise beside a long one"
    )


@MODEL.rule("Write all that `predict` needs in `save` and read it in `load`; register every layer with the module.")
def save_and_load(bench: ModelBench) -> None:
    """A learner of another seed that loads the artifact answers as the one that saved it."""
    again = bench.learner(seed=1)
    again.load(bench.artifact)
    bench.demand_same(
        _answers(again, bench.inputs), _answers(bench.shared, bench.inputs), "What was loaded answers otherwise"
    )


@MODEL.rule("Write numbers with safetensors and the rest as JSON: a pickle runs code when it is opened.")
def no_pickle(bench: ModelBench) -> None:
    """An artifact holds no pickle."""
    files = [file for file in bench.artifact.rglob("*") if file.is_file()]
    unsafe = [file.name for file in files if file.suffix in UNSAFE or _is_pickle(file)]
    if unsafe:
        raise CheckFailed(f"The artifact holds {', '.join(sorted(unsafe))}.")


def _is_pickle(file: Path) -> bool:
    """Tell whether a file begins as a pickle does; the length of safetensors' header may begin with that byte too."""
    with file.open("rb") as stream:
        begins = stream.read(9)
    return begins.startswith(PICKLE) and begins[8:] != b"{"


@MODEL.rule("Draw from generators that `assignment.seed` seeds, and from no others.")
def same_seed(bench: ModelBench) -> None:
    """Two trainings with one seed give the same answers."""
    again = bench.trained()
    bench.demand_same(
        _answers(again, bench.inputs),
        _answers(bench.shared, bench.inputs),
        "A second training with the same seed answers otherwise",
    )


@MODEL.rule("Seed with `assignment.seed` and nothing else; a fixed seed inside makes all intervals too narrow.")
def another_seed(bench: ModelBench) -> None:
    """Weights that are drawn are drawn otherwise under another seed."""
    from dataclasses import replace

    seed_libraries(0)
    first, second = (
        dict(bench.module(bench.model.learner(replace(bench.assignment(seed), pretrained=False))).named_parameters())
        for seed in (0, 1)
    )
    if not first:
        raise SkipTest("It has no parameters.")
    if all(distance(weight.detach(), second[name].detach()) == 0 for name, weight in first.items()):
        raise CheckFailed("The weights of seed 0 and seed 1 are the same.")


@MODEL.rule("Look at the loss, the learning rate's default and what is left out of the gradient.")
def loss_falls(bench: ModelBench) -> None:
    """The loss falls on one batch that is repeated."""
    losses = list(itertools.islice(_losses(bench), REPEATS))
    first, last = (sum(part) / len(part) for part in (losses[:5], losses[-5:]))
    if not first - last > FALL * abs(first):
        raise CheckFailed(f"After {REPEATS} repetitions of a batch the loss is {last:.4g}; it began with {first:.4g}.")


def _losses(bench: ModelBench) -> Iterator[float]:
    from harness.torch_learner import TorchLearner

    learner = bench.learner()
    if isinstance(learner, TorchLearner):
        batch = learner.examples()[: learner.assignment.settings["batch_size"]]
        learner.examples = lambda: batch  # type: ignore[method-assign]
    while True:
        progress = learner.step()
        if progress.done:
            raise SkipTest("It learns in one step: there is nothing to repeat.")
        if "loss" not in progress.losses:
            raise SkipTest(f"It reports no `loss`, only {', '.join(progress.losses) or 'nothing'}: nothing must fall.")
        yield progress.losses["loss"]


@MODEL.rule("Use every layer in `forward`, detach nothing, and freeze what is not to be trained (requires_grad=False).")
def gradients_reach_everything(bench: ModelBench) -> None:
    """Every trainable parameter gets a gradient within a few steps."""
    learner = bench.learner()
    module = bench.module(learner)
    missing = {name for name, weight in module.named_parameters() if weight.requires_grad}
    if not missing:
        raise SkipTest("It has no trainable parameters.")
    handles = [
        weight.register_hook(lambda gradient, name=name: missing.discard(name) if gradient.any() else None)
        for name, weight in module.named_parameters()
        if weight.requires_grad
    ]
    for _ in range(STEPS):
        learner.step()
    for handle in handles:
        handle.remove()
    if missing:
        raise CheckFailed(f"No gradient reaches {', '.join(sorted(missing))}.")


@MODEL.rule("Keep layers in nn.ModuleList or nn.ModuleDict, not in a list or a dict.")
def layers_are_registered(bench: ModelBench) -> None:
    """Every layer and parameter that the module holds is registered with it, so that it is trained and saved."""
    import torch

    module = bench.module(bench.learner())
    known = {id(part) for part in itertools.chain(module.parameters(), module.buffers())}
    hidden = [
        f"{type(owner).__name__}.{name}"
        for owner in module.modules()
        for name, value in vars(owner).items()
        if name not in ("_modules", "_parameters", "_buffers")
        for part in _inside(value)
        for weight in (part.parameters() if isinstance(part, torch.nn.Module) else [part])
        if isinstance(weight, torch.nn.Parameter) and id(weight) not in known
    ]
    if hidden:
        raise CheckFailed(f"Not registered: {', '.join(sorted(set(hidden)))}.")


def _inside(value: Any) -> Iterator[Any]:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple | set) else [value]
    for part in parts:
        yield part
        if isinstance(part, dict | list | tuple | set):
            yield from _inside(part)


@MODEL.rule("Return what is trained: `sum(p.numel() for p in module.parameters() if p.requires_grad)`.")
def parameter_count(bench: ModelBench) -> None:
    """The number of parameters it declares is that of its module."""
    learner = bench.learner()
    module = bench.module(learner)
    counted = sum(weight.numel() for weight in module.parameters() if weight.requires_grad)
    if learner.parameters() != counted:
        raise CheckFailed(f"It declares {learner.parameters()} parameters; its module has {counted}.")


@MODEL.rule("A multiply-add is two operations; leave `flops` out where there is no formula.")
def flop_count(bench: ModelBench) -> None:
    """The operations it declares for a batch are those that are counted."""
    from harness.torch_learner import TorchLearner, count_flops

    declared = bench.shared.flops(bench.inputs)
    if declared is None:
        raise SkipTest("It declares none.")
    if isinstance(bench.shared, TorchLearner) and type(bench.shared).flops is TorchLearner.flops:
        raise SkipTest("They are counted, not declared.")
    counted = count_flops(bench.module(bench.shared), bench.model.codec(bench.artifact).encode(bench.inputs))
    if abs(declared - counted) > FLOPS_TOLERANCE * counted:
        raise CheckFailed(f"It declares {declared} operations for {len(bench.inputs)} inputs; {counted} were counted.")


@MODEL.rule("Call `harness.torch_learner.initialise(network, settings['initialisation'])` once the network is built.")
def initialisation(bench: ModelBench) -> None:
    """Each named initialisation draws other weights, with the spread its name promises."""
    setting = bench.model.settings.get("initialisation")
    if setting is None:
        raise SkipTest("It has no setting `initialisation`.")
    from dataclasses import replace

    drawn = {}
    for scheme in setting.choices:
        assignment = replace(bench.assignment(initialisation=scheme), pretrained=False)
        matrices = [w.detach() for w in bench.module(bench.model.learner(assignment)).parameters() if w.dim() == 2]  # noqa: PLR2004
        drawn[scheme] = max(matrices, key=lambda weight: weight.numel())
    for one, other in itertools.combinations(drawn, 2):
        if distance(drawn[one], drawn[other]) == 0:
            raise CheckFailed(f"{one} and {other} draw the same weights.")
    for scheme, weight in drawn.items():
        _demand_spread(scheme, weight)


def _demand_spread(scheme: str, weight: torch.Tensor) -> None:
    bound = (6 / sum(weight.shape)) ** 0.5
    wanted = {"random": 1.0, "gaussian": 0.02, "xavier": bound / 3**0.5}.get(scheme)
    if wanted is None or weight.numel() < SAMPLED:
        return
    spread = float(weight.std())
    if not 0.9 * wanted < spread < 1.1 * wanted:
        raise CheckFailed(f"{scheme} draws weights with a standard deviation of {spread:.3g}, not {wanted:.3g}.")


@MODEL.rule("Take sizes from tensors (`x.shape[0]`), reshape with -1, and let `codec` build from the artifact alone.")
def exports(bench: ModelBench) -> None:
    """Exported to each of its formats it answers as before, at any batch size."""
    if not bench.model.formats:
        raise SkipTest("It declares no format.")
    runtimes = [r for r in bench.plugins.runtimes.values() if r.format in bench.model.formats and "cpu" in r.devices]
    if not runtimes:
        raise SkipTest(f"No installed runtime on a CPU takes {', '.join(bench.model.formats)}.")
    learner = bench.learner()
    learner.load(bench.artifact)
    expected = _answers(learner, bench.inputs)
    for runtime in runtimes:
        folder = bench.folder()
        runtime.export(bench.model, learner, bench.artifact, bench.inputs, folder)
        predict = runtime.predictor(bench.model, bench.assignment(), bench.artifact, folder)
        for size in (1, INPUTS - 2, INPUTS):
            bench.demand_same(
                list(predict(bench.inputs[:size])),
                expected[:size],
                f"In {runtime.name} a batch of {size} is answered otherwise",
                EXPORTED,
            )
