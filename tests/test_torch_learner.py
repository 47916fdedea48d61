"""The helper for torch networks: seeds, order, schedule, weights' files, and what it refuses."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from harness import Assignment, Budget, Codec, Data, Unsupported
from harness.torch_learner import WEIGHTS, TorchLearner, count_flops, initialise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
POINTS = np.linspace(-1.0, 1.0, 64, dtype=np.float32)


class Curve(Data):
    """The task of the tests: y = x²."""

    digest = "curve"
    sizes: ClassVar[dict[str, int]] = {"train": 64, "validation": 0, "test": 0}

    def evaluate(self, predict: Any, batch_size: int, split: str = "test") -> Mapping[str, Sequence[float]]:
        """Return squared errors."""
        answers = np.asarray(predict(POINTS.tolist()))
        return {"squared_error": ((answers - POINTS**2) ** 2).tolist()}

    def queries(self) -> Sequence[float]:
        """Return points."""
        return list(POINTS.tolist())

    def random_baseline(self) -> Mapping[str, float]:
        """Return nothing."""
        return {}


class PointCodec(Codec):
    """Numbers to a column and back."""

    def encode(self, inputs: Sequence[Any]) -> dict[str, np.ndarray]:
        """Return `x`, float32 [n, 1]."""
        return {"x": np.asarray(inputs, dtype=np.float32)[:, None]}

    def decode(self, arrays: Mapping[str, np.ndarray]) -> Sequence[Any]:
        """Return the only column."""
        return list(arrays["y"][:, 0])


class Net(nn.Module):
    """One hidden layer."""

    def __init__(self, units: int) -> None:
        """Build the layers."""
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(1, units), nn.LayerNorm(units), nn.Tanh(), nn.Dropout(0.1), nn.Linear(units, 1)
        )

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return `y`."""
        return {"y": self.layers(x)}


class CurveLearner(TorchLearner):
    """Learns the curve."""

    units = 8

    def construct(self) -> nn.Module:
        """Return the network."""
        return Net(self.units)

    def examples(self) -> Sequence[Any]:
        """Return the points."""
        return list(POINTS)

    def collate(self, examples: Sequence[Any]) -> dict[str, torch.Tensor]:
        """Return points and their squares."""
        x = torch.tensor(np.array(examples))[:, None]
        return {"x": x, "y": x**2}

    def loss(self, network: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the mean squared error."""
        return nn.functional.mse_loss(network(x=batch["x"])["y"], batch["y"])

    def codec(self) -> Codec:
        """Return the codec."""
        return PointCodec()

    def write(self, folder: Path) -> None:
        """Write the number of units."""
        (folder / "net.json").write_text(json.dumps(self.units), encoding="utf-8")

    def read(self, folder: Path) -> None:
        """Read it."""
        self.units = json.loads((folder / "net.json").read_text(encoding="utf-8"))


def assignment(*, settings: dict[str, Any] | None = None, **changes: Any) -> Assignment:
    """Return an assignment on the curve."""
    knobs = {"learning_rate": 0.02, "batch_size": 10} | (settings or {})
    fixed = {"stage": "finetune", "data": Curve(), "size": "default", "device": "cpu", "precision": "fp32", "seed": 1}
    return Assignment(**(fixed | {"settings": knobs, "budget": Budget(steps=100)} | changes))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small networks gain nothing by more threads and lose much where the machine is shared."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def train(learner: TorchLearner, steps: int) -> list[float]:
    """Take steps and return their losses."""
    return [learner.step().losses["loss"] for _ in range(steps)]


def error(learner: TorchLearner) -> float:
    """Return the mean squared error on the curve."""
    return float(np.mean(Curve().evaluate(learner.predict, 64)["squared_error"]))


def test_it_learns() -> None:
    """A hundred steps leave a small part of the first error."""
    learner = CurveLearner(assignment())
    before = error(learner)
    train(learner, 100)

    assert error(learner) < before / 5


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not() -> None:
    """Losses and answers of two runs with one seed are equal to the bit."""
    runs = []
    for seed in (1, 1, 2):
        learner = CurveLearner(assignment(seed=seed))
        runs.append((train(learner, 12), list(learner.predict([0.5, -0.25]))))

    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_looking_between_steps_changes_nothing() -> None:
    """Predicting in the middle of training, as a quality target does, leaves the training as it was."""
    expected = train(CurveLearner(assignment()), 6)
    watched = CurveLearner(assignment())
    losses = train(watched, 3)
    watched.predict([0.1])
    losses += train(watched, 3)

    assert losses == expected


def test_every_example_is_seen_once_an_epoch() -> None:
    """Seven batches of at most ten hold each of the 64 examples once, the second epoch in another order."""
    learner = CurveLearner(assignment())
    stream = learner._stream(learner.examples())
    epochs = [torch.cat([next(stream)["x"] for _ in range(7)])[:, 0].tolist() for _ in range(2)]

    assert sorted(epochs[0]) == sorted(epochs[1]) == POINTS.tolist()
    assert epochs[0] != epochs[1]


def test_batches_hold_examples_of_similar_length() -> None:
    """Where examples have lengths, the spread within a batch is far below the spread of all."""

    class Sorted(CurveLearner):
        def length(self, example: Any) -> int:
            return int(1000 * (example + 1))

    learner = Sorted(assignment())
    stream = learner._stream(learner.examples())
    spreads = [float(np.ptp(next(stream)["x"].numpy())) for _ in range(7)]

    assert max(spreads) < 0.4


def test_a_step_says_what_it_consumed() -> None:
    """Samples are counted, the short last batch too."""
    learner = CurveLearner(assignment())
    consumed = [learner.step().consumed["samples"] for _ in range(7)]

    assert sum(consumed) == 64
    assert set(consumed) == {10, 4}


@pytest.mark.parametrize("budget", [Budget(steps=20), Budget(samples=200), Budget(steps=20, samples=10_000)])
def test_the_learning_rate_rises_and_falls_to_zero_at_the_budgets_end(budget: Budget) -> None:
    """Twenty steps of ten samples: two of warm-up, the top, then down to nothing."""
    factor = CurveLearner(assignment(budget=budget))._factor

    assert factor(0) == 0.5
    assert factor(1) == 1.0
    assert factor(11) == 0.5
    assert factor(20) == factor(30) == 0.0


def test_the_learning_rate_stays_up_where_the_end_is_not_known() -> None:
    """A budget in seconds has no last step."""
    factor = CurveLearner(assignment(budget=Budget(seconds=3)))._factor

    assert factor(0) < factor(50) < factor(100) == factor(10_000) == 1.0


def test_a_diverged_loss_is_an_error_that_says_so() -> None:
    """A learning rate out of this world ends in a sentence, not in weights full of NaN."""

    class Diverging(CurveLearner):
        def loss(self, network: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
            return super().loss(network, batch) * math.inf

    with pytest.raises(FloatingPointError, match=r"The loss became (inf|nan): training diverged\. Lower learning_rate"):
        Diverging(assignment()).step()


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    """A loaded learner answers to the bit like the one that was saved, whatever its own seed and shape."""
    learner = CurveLearner(assignment())
    learner.units = 5
    train(learner, 5)
    learner.save(tmp_path / "new" / "folder")
    other = CurveLearner(assignment(seed=9))
    other.load(tmp_path / "new" / "folder")

    assert (tmp_path / "new" / "folder" / WEIGHTS).is_file()
    assert list(other.predict([0.3, 0.7])) == list(learner.predict([0.3, 0.7]))
    assert other.parameters() == learner.parameters() == 5 + 5 + 10 + 6


class TwoLayers(nn.Module):
    """Layers that can share a weight."""

    def __init__(self) -> None:
        """Build the layers."""
        super().__init__()
        self.inner, self.outer = nn.Linear(1, 1), nn.Linear(1, 1)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return `y` of `x`."""
        return {"y": self.outer(self.inner(x))}


class Tied(CurveLearner):
    """A learner whose layers share one weight."""

    def construct(self) -> nn.Module:
        """Return the two layers."""
        network = TwoLayers()
        network.outer.weight = network.inner.weight
        return network


@needs_cuda
@pytest.mark.usefixtures("no_precision_yet")
def test_attention_plans_nothing_for_each_length() -> None:
    """Attention by cuDNN is off on a device: it takes longer to plan for a new length than to compute."""
    CurveLearner(assignment(device="cuda:0"))

    assert not torch.backends.cuda.cudnn_sdp_enabled()


@pytest.mark.parametrize("kind", [CurveLearner, Tied])
def test_weights_in_one_storage_are_saved(tmp_path: Path, kind: type[CurveLearner]) -> None:
    """As a layer of cuDNN keeps them; a weight with two names is one weight again afterwards."""
    learner = kind(assignment(), PointCodec())
    weights = list(learner.module().parameters())
    whole = torch.cat([weight.detach().flatten() for weight in weights])
    parts = whole.split([weight.numel() for weight in weights])
    for weight, part in zip(weights, parts, strict=True):
        weight.data = part.view_as(weight)

    learner.save(tmp_path)
    again = kind(assignment(seed=1), PointCodec())
    again.load(tmp_path)

    assert again.predict([0.5]) == learner.predict([0.5])
    assert len(list(again.module().parameters())) == len(weights)


class Attention(nn.Module):
    """Attention of one head, in one kernel or as two matrix products."""

    def __init__(self, *, fused: bool) -> None:
        """Choose the way; the layer has no weights."""
        super().__init__()
        self.fused = fused

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return `y` of `x` [n, length, width]."""
        if self.fused:
            heads = x.unsqueeze(1)
            return {"y": nn.functional.scaled_dot_product_attention(heads, heads, heads)}
        return {"y": (x @ x.transpose(1, 2) / math.sqrt(x.shape[-1])).softmax(-1) @ x}


class Recurrent(nn.Module):
    """An LSTM."""

    def __init__(self) -> None:
        """Build the layer."""
        super().__init__()
        self.layer = nn.LSTM(4, 8, batch_first=True)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return `y` of `x` [n, length, width]."""
        return {"y": self.layer(x)[0]}


COUNTED = {
    "fused": (lambda: Attention(fused=True), 2 * (2 * 3 * 5 * 5 * 4)),
    "apart": (lambda: Attention(fused=False), 2 * (2 * 3 * 5 * 5 * 4)),
    "recurrent": (Recurrent, 2 * 3 * 5 * (4 + 8) * 4 * 8),
}


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_cuda)])
@pytest.mark.parametrize("name", COUNTED)
def test_operations_are_counted_alike_whatever_kernel_does_them(name: str, device: str) -> None:
    """A multiply-add is two; 3 inputs of length 5 and width 4, the LSTM's four gates have 8 units."""
    network, expected = COUNTED[name]

    assert count_flops(network().to(device), {"x": np.zeros((3, 5, 4), dtype=np.float32)}) == expected


def test_dropout_is_off_in_prediction_and_on_in_training() -> None:
    """Two predictions agree, and a step afterwards trains again."""
    learner = CurveLearner(assignment())
    train(learner, 2)
    first, second = learner.predict([0.4]), learner.predict([0.4])

    assert first == second
    assert not learner.module().training
    train(learner, 1)
    assert learner.module().training


def test_a_pretraining_is_refused_where_none_can_be_used(tmp_path: Path) -> None:
    """A learner without `transfer` says that it cannot start from one."""
    with pytest.raises(Unsupported, match="CurveLearner cannot start from a pretraining"):
        CurveLearner(assignment(start=tmp_path)).step()


def test_an_unknown_precision_is_unsupported() -> None:
    """The sentence names the precisions there are."""
    with pytest.raises(Unsupported, match=r"Training in int4 is not offered. Use one of fp32, bf16"):
        CurveLearner(assignment(precision="int4"))


@pytest.mark.usefixtures("no_precision_yet")
def test_bf16_trains() -> None:
    """Products are rounded and the loss still falls."""
    learner = CurveLearner(assignment(precision="bf16"))
    losses = train(learner, 60)

    assert learner.accelerator.mixed_precision == "bf16"
    assert sum(losses[-10:]) < sum(losses[:10]) / 2


@pytest.mark.usefixtures("no_precision_yet")
@pytest.mark.parametrize("rounds", [True, False])
def test_bf16_answers(tmp_path: Path, *, rounds: bool) -> None:
    """Weights are rounded once, when they are loaded to answer, and stay whole where the learner says so."""

    class Rounding(CurveLearner):
        rounds_weights = rounds

    learner = Rounding(assignment(precision="bf16"), PointCodec())
    train(learner, 60)
    learner.save(tmp_path)
    again = Rounding(assignment(precision="bf16"), PointCodec())
    again.load(tmp_path)
    weights = dict(again.module().named_parameters())

    assert {weight.dtype for weight in weights.values()} == {torch.bfloat16 if rounds else torch.float32}
    for name, weight in learner.module().named_parameters():
        assert torch.equal(weights[name], weight.to(weights[name].dtype))
    points = [-0.5, 0.25, 0.75]
    assert again.predict(points) == pytest.approx(learner.predict(points), abs=0.02)
    assert again.flops(points) == learner.flops(points)


def test_preparing_changes_nothing_of_the_training() -> None:
    """The network and the examples are made before the first step, once, and the losses are the same to the bit."""
    events: list[str] = []

    class Telling(CurveLearner):
        def construct(self) -> nn.Module:
            events.append("network")
            return super().construct()

        def examples(self) -> Sequence[Any]:
            events.append("examples")
            return super().examples()

    prepared = Telling(assignment())
    prepared.prepare()
    assert events == ["network", "examples"]

    assert train(prepared, 5) == train(CurveLearner(assignment()), 5)
    assert events == ["network", "examples"]


class RivalLearner(CurveLearner):
    """A second network learns the curve's mirror image in the same steps, at its own pace."""

    def optimizer(self, network: nn.Module) -> torch.optim.Optimizer:
        """Return plain descent for the first; the second begins anew with each training."""
        self.rival = nn.Linear(1, 1)
        self.rivals = torch.optim.SGD(self.rival.parameters(), lr=1.0)
        return torch.optim.SGD(network.parameters(), lr=1.0)

    def update(self, network: nn.Module, optimizer: Any, batch: dict[str, torch.Tensor]) -> dict[str, float]:
        """Descend with each in turn."""
        rival = self.descend(
            self.rival, self.rivals, lambda: nn.functional.mse_loss(self.rival(batch["x"]), -batch["x"])
        )
        return {"rival": rival, "own": self.descend(network, optimizer, lambda: self.loss(network, batch))}


def test_a_step_may_train_two_networks() -> None:
    """Both losses are told and fall; both optimizers follow the schedule; only the first network is saved."""
    learner = RivalLearner(assignment(settings={"learning_rate": 0.2}))
    steps = [learner.step() for _ in range(100)]
    losses = {name: [step.losses[name] for step in steps] for name in steps[0].losses}

    assert set(losses) == {"rival", "own"}
    assert all(np.mean(values[-10:]) < np.mean(values[:10]) / 2 for values in losses.values())
    assert learner.rivals.param_groups[0]["lr"] == pytest.approx(0.2 / 90)
    assert learner.parameters() == sum(weight.numel() for weight in learner.module().parameters())


def test_either_of_two_networks_may_diverge() -> None:
    """Whichever of them it is, training ends there."""

    class Diverging(RivalLearner):
        def loss(self, network: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
            return super().loss(network, batch) * math.inf

    with pytest.raises(FloatingPointError, match="training diverged"):
        Diverging(assignment()).step()


# Initialisation ---------------------------------------------------------------------------------------------


def _every_kind_of_layer() -> nn.Module:
    layers = [nn.Embedding(300, 64, padding_idx=0), nn.Linear(64, 200), nn.LayerNorm(200), nn.LSTM(200, 50)]
    return nn.ModuleList([*layers, nn.Conv1d(20, 30, 5)])


@pytest.mark.parametrize(("scheme", "deviation"), [("random", 1.0), ("gaussian", 0.02)])
def test_normal_schemes_draw_their_deviation(scheme: str, deviation: float) -> None:
    """The weights' mean and deviation are those of the scheme, in every kind of layer."""
    module = _every_kind_of_layer()
    initialise(module, scheme, seed=0)
    for weight in (module[0].weight[1:], module[1].weight, module[3].weight_hh_l0, module[4].weight):
        assert weight.mean().item() == pytest.approx(0.0, abs=deviation / 10)
        assert weight.std().item() == pytest.approx(deviation, rel=0.05)


def test_xavier_draws_uniformly_within_glorots_bound() -> None:
    """Weights come close to sqrt(6 / (fan_in + fan_out)) and never go beyond; the deviation is bound / sqrt(3)."""
    module = _every_kind_of_layer()
    initialise(module, "xavier", seed=0)
    bound = math.sqrt(6 / (64 + 200))

    assert module[1].weight.abs().max().item() == pytest.approx(bound, rel=0.01)
    assert module[1].weight.abs().max().item() <= bound
    assert module[1].weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.05)


@pytest.mark.parametrize("scheme", ["random", "gaussian", "xavier"])
def test_biases_and_padding_are_zero_and_norms_stay(scheme: str) -> None:
    """Biases of linear and recurrent layers become 0; a layer norm keeps weight 1 and bias 0."""
    module = _every_kind_of_layer()
    initialise(module, scheme, seed=0)

    assert not any(bias.any() for bias in (module[1].bias, module[3].bias_ih_l0, module[3].bias_hh_l0, module[4].bias))
    assert not module[0].weight[0].any()
    assert torch.equal(module[2].weight, torch.ones(200))


class ShiftedLearner(CurveLearner):
    """Begins with an answer of its own."""

    def draw(self, network: nn.Module) -> None:
        """Draw as the setting says, but for the last bias."""
        super().draw(network)
        nn.init.constant_(network.layers[4].bias, 5.0)


def test_a_learner_may_draw_some_weights_its_own_way(tmp_path: Path) -> None:
    """The setting decides on the others; what is loaded is not drawn."""
    learner = ShiftedLearner(assignment(settings={"initialisation": "xavier"}))
    bias = learner.module().layers[4].bias
    begun = bias.item(), learner.module().layers[0].bias.abs().max().item()
    train(learner, 3)
    learner.save(tmp_path)
    loaded = ShiftedLearner(assignment())
    loaded.load(tmp_path)

    assert begun == (5.0, 0.0)
    assert loaded.module().layers[4].bias.item() == bias.item() != 5.0


def test_default_leaves_what_torch_drew() -> None:
    """Nothing is drawn."""
    module = nn.Linear(4, 4)
    before = module.weight.clone()
    initialise(module, "default")

    assert torch.equal(module.weight, before)


@given(seed=st.integers(0, 2**31), scheme=st.sampled_from(["random", "gaussian", "xavier"]))
def test_a_seed_fixes_the_draw(seed: int, scheme: str) -> None:
    """Two networks initialised with one seed are equal, whatever the global generator does."""
    first, second = nn.Linear(3, 4), nn.Linear(3, 4)
    initialise(first, scheme, seed)
    torch.rand(5)
    initialise(second, scheme, seed)

    assert torch.equal(first.weight, second.weight)


def test_an_unknown_scheme_names_the_known_ones() -> None:
    """A typing error is not taken for a scheme."""
    with pytest.raises(ValueError, match=r"Unknown initialisation 'glorot'. Known: default, random, gaussian, xavier"):
        initialise(nn.Linear(1, 1), "glorot")
