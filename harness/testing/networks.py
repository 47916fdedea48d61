"""The checks of a model that is a network: its loss, gradients, layers, counts and exported forms."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from unittest import SkipTest

from harness.testing.bench import INPUTS, REPEATS, ModelBench, answered, trainable
from harness.testing.compare import distance
from harness.testing.findings import CheckFailed, Rules

if TYPE_CHECKING:
    import torch

BATCH = 16
"""Most examples in the repeated batch."""
LOOK = 5
"""Losses that are averaged at the beginning and at the end."""
FALL = 0.1
"""The loss must fall by this share of its first value."""
EXPORTED = 1e-3
"""Tolerance between two engines."""
FLOPS_TOLERANCE = 0.05
"""Relative, since formulas leave out small operations."""
SAMPLED = 10_000
"""Weights in a matrix from which its standard deviation shows the initialisation."""

NETWORK: Rules[ModelBench] = Rules()


@NETWORK.rule("Check the loss, the learning rate's default and what is detached from the gradient.")
def loss_falls(bench: ModelBench) -> None:
    """The loss falls on one repeated batch."""
    losses: list[float] = []
    for loss in itertools.islice(_losses(bench), REPEATS):
        losses.append(loss)
        if len(losses) >= 2 * LOOK and _fell(losses, max(losses[-LOOK:])):
            return  # each of the last few is low enough, which is no coincidence
    last = sum(losses[-LOOK:]) / LOOK
    if not _fell(losses, last):
        raise CheckFailed(
            f"After {REPEATS} repetitions of a batch the loss is {last:.4g}; it was {_begin(losses):.4g} at first."
        )


def _begin(losses: Sequence[float]) -> float:
    return sum(losses[:LOOK]) / LOOK


def _fell(losses: Sequence[float], last: float) -> bool:
    return _begin(losses) - last > FALL * abs(_begin(losses))


def _losses(bench: ModelBench) -> Iterator[float]:
    from harness.torch_learner import TorchLearner

    learner = bench.learner()
    if isinstance(learner, TorchLearner):
        batch = learner.examples()[: min(BATCH, learner.assignment.settings["batch_size"])]
        learner.examples = lambda: batch  # type: ignore[method-assign]
    while True:
        progress = learner.step()
        if progress.done:
            raise SkipTest("It learns in one step.")
        if "loss" not in progress.losses:
            raise SkipTest(f"It reports no `loss`, only {', '.join(progress.losses) or 'nothing'}.")
        yield progress.losses["loss"]


@NETWORK.rule("Use every layer in `forward`, detach nothing, and freeze untrained parameters (requires_grad=False).")
def gradients_reach_everything(bench: ModelBench) -> None:
    """Every trainable parameter gets a gradient within a few steps."""
    if not trainable(bench.module(bench.shared)):
        raise SkipTest("It has no trainable parameters.")
    if bench.retrained.missed:
        raise CheckFailed(f"No gradient reaches {', '.join(bench.retrained.missed)}.")


@NETWORK.rule("Keep layers in nn.ModuleList or nn.ModuleDict, not in a list or a dict.")
def layers_are_registered(bench: ModelBench) -> None:
    """Every layer and parameter of the module is registered, so that it is trained and saved."""
    import torch

    module = bench.module(bench.shared)
    registered = {id(part) for part in itertools.chain(module.parameters(), module.buffers())}
    hidden = [
        f"{type(owner).__name__}.{name}"
        for owner in module.modules()
        for name, value in vars(owner).items()
        if name not in ("_modules", "_parameters", "_buffers")
        for part in _inside(value)
        for weight in (part.parameters() if isinstance(part, torch.nn.Module) else [part])
        if isinstance(weight, torch.nn.Parameter) and id(weight) not in registered
    ]
    if hidden:
        raise CheckFailed(f"Not registered: {', '.join(sorted(set(hidden)))}.")


def _inside(value: Any) -> Iterator[Any]:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple | set) else [value]
    for part in parts:
        yield part
        if isinstance(part, dict | list | tuple | set):
            yield from _inside(part)


@NETWORK.rule("Return `sum(p.numel() for p in module.parameters() if p.requires_grad)`.")
def parameter_count(bench: ModelBench) -> None:
    """The declared number of parameters is that of its module."""
    declared = bench.shared.parameters()
    counted = sum(weight.numel() for weight in bench.module(bench.shared).parameters() if weight.requires_grad)
    if declared != counted:
        raise CheckFailed(f"It declares {declared} parameters; its module has {counted}.")


@NETWORK.rule("Count a multiply-add as two operations; leave `flops` out if there is no formula.")
def flop_count(bench: ModelBench) -> None:
    """The declared operations of a batch are those that torch counts."""
    from harness.torch_learner import TorchLearner, count_flops

    declared = bench.shared.flops(bench.inputs)
    if declared is None:
        raise SkipTest("It declares none.")
    if isinstance(bench.shared, TorchLearner) and type(bench.shared).flops is TorchLearner.flops:
        raise SkipTest("They are counted, not declared.")
    counted = count_flops(bench.module(bench.shared), bench.model.codec(bench.artifact).encode(bench.inputs))
    if abs(declared - counted) > FLOPS_TOLERANCE * counted:
        raise CheckFailed(f"It declares {declared} operations for {len(bench.inputs)} inputs; {counted} were counted.")


@NETWORK.rule("Call `harness.torch_learner.initialise(network, settings['initialisation'])` once the network is built.")
def initialisation(bench: ModelBench) -> None:
    """Each named initialisation draws other weights, with the standard deviation of its name."""
    setting = bench.model.settings.get("initialisation")
    if setting is None:
        raise SkipTest("It has no setting `initialisation`.")
    from dataclasses import replace

    by_scheme = {}
    for scheme in setting.choices:
        assignment = replace(bench.assignment(initialisation=scheme), pretrained=False)
        matrices = [w.detach() for w in bench.module(bench.built(assignment)).parameters() if w.dim() == 2]  # noqa: PLR2004
        by_scheme[scheme] = max(matrices, key=lambda weight: weight.numel())
    for one, other in itertools.combinations(by_scheme, 2):
        if distance(by_scheme[one], by_scheme[other]) == 0:
            raise CheckFailed(f"{one} and {other} draw the same weights.")
    for scheme, weight in by_scheme.items():
        _demand_spread(scheme, weight)


def _demand_spread(scheme: str, weight: torch.Tensor) -> None:
    bound = (6 / sum(weight.shape)) ** 0.5  # Glorot: uniform in ±bound, with the standard deviation bound / √3
    expected = {"random": 1.0, "gaussian": 0.02, "xavier": bound / 3**0.5}.get(scheme)
    if expected is None or weight.numel() < SAMPLED:
        return
    spread = float(weight.std())
    if not 0.9 * expected < spread < 1.1 * expected:
        raise CheckFailed(f"{scheme} draws weights with a standard deviation of {spread:.3g}, not {expected:.3g}.")


@NETWORK.rule("Take sizes from tensors (`x.shape[0]`), reshape with -1, and let `codec` build from the artifact alone.")
def exports(bench: ModelBench) -> None:
    """Exported to each of its formats it has the same answers, at any batch size."""
    if not bench.model.formats:
        raise SkipTest("It declares no format.")
    runtimes = [r for r in bench.plugins.runtimes.values() if r.format in bench.model.formats and "cpu" in r.devices]
    if not runtimes:
        raise SkipTest(f"No installed runtime on a CPU takes {', '.join(bench.model.formats)}.")
    learner = bench.learner()
    learner.load(bench.artifact)
    expected = answered(learner, bench.inputs)
    for runtime in runtimes:
        folder = bench.folder()
        runtime.export(bench.model, learner, bench.artifact, bench.inputs, folder)
        predict = runtime.predictor(bench.model, bench.assignment(), bench.artifact, folder)
        for size in (1, INPUTS - 2, INPUTS):  # alone, another size than the exported one, and that size
            bench.demand_same(
                list(predict(bench.inputs[:size])),
                expected[:size],
                f"In {runtime.name} a batch of {size} has other answers",
                EXPORTED,
            )
