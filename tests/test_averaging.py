"""Training in several processes is the training of one: gradients, losses and what is counted are the whole batch's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.distributed import FileStore, PrefixStore, ProcessGroupGloo

from harness import Assignment, Budget, Data, Progress, Unsupported
from harness.averaging import Share
from harness.plugins import load_plugins
from harness.torch_learner import TorchLearner

PLUGINS = load_plugins(silent=True)


class Member:
    """What `Share` takes of accelerate, for several in one process: which one this is, and sums by gloo over all."""

    def __init__(self, file: Path, rank: int, count: int) -> None:
        """Wait for the others."""
        self.process_index, self.num_processes = rank, count
        store = PrefixStore("gloo", FileStore(str(file), count))
        options = ProcessGroupGloo._Options()
        options._devices = [ProcessGroupGloo.create_device(hostname="127.0.0.1")]
        options._timeout = timedelta(seconds=20)
        self._group = ProcessGroupGloo(store, rank, count, options)

    def reduce(self, tensor: torch.Tensor, reduction: str) -> torch.Tensor:
        """Return the sum over all."""
        assert reduction == "sum"
        summed = tensor.clone()
        self._group.allreduce([summed]).wait()
        return summed


def trained_together(
    make: Callable[[], TorchLearner], count: int, steps: int
) -> tuple[Sequence[TorchLearner], list[list[Progress]]]:
    """Return learners that have trained together, and the steps of each.

    Args:
        make: builds one learner.
        count: how many.
        steps: how many steps they take.
    """
    with TemporaryDirectory() as folder, ThreadPoolExecutor(count) as threads:
        members = list(threads.map(lambda rank: Member(Path(folder) / "found", rank, count), range(count)))
        learners = []
        for member in members:  # one after the other: they draw from torch's global generator
            learner = make()
            accelerator: Any = member
            learner._share = Share(accelerator)
            learner.prepare()
            learners.append(learner)

        def train(learner: TorchLearner) -> list[Progress]:
            return [learner.step() for _ in range(steps)]

        return learners, list(threads.map(train, learners))


class Rows(Data):
    """So many rows of an input, a target and a mask, of numbers that look random."""

    digest = "rows"

    def __init__(self, count: int) -> None:
        self.count = count
        self.sizes = {"train": count, "validation": 0, "test": 0}

    def evaluate(self, predict: Any, batch_size: int, split: str = "test") -> Mapping[str, Sequence[float]]:
        """Return nothing."""
        return {}

    def queries(self) -> Sequence[float]:
        """Return nothing."""
        return []

    def random_baseline(self) -> Mapping[str, float]:
        """Return nothing."""
        return {}


class Net(nn.Module):
    """A layer that learns, one that nothing asks, and one that is frozen."""

    def __init__(self) -> None:
        super().__init__()
        self.used, self.unused, self.frozen = nn.Linear(3, 2), nn.Linear(2, 2), nn.Linear(2, 1)
        self.frozen.requires_grad_(False)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Return `y`, [n, 1]."""
        return {"y": self.frozen(torch.tanh(self.used(x)))}


class RowLearner(TorchLearner):
    """Learns the rows by their mean squared error."""

    def construct(self) -> nn.Module:
        """Return the network."""
        return Net()

    def examples(self) -> Sequence[Any]:
        """Return rows of x [3], y [1], mask [5] and a length."""
        drawn = np.random.default_rng(0)
        return [
            {"x": drawn.normal(size=3).astype(np.float32), "y": drawn.normal(size=1).astype(np.float32),
             "mask": np.array([1, *(drawn.random(4) < 0.5)], dtype=np.float32)}
            for _ in range(self.assignment.data.count)
        ]  # fmt: skip

    def length(self, example: Any) -> int:
        """Return how much of its mask is set."""
        return int(example["mask"].sum())

    def loss(self, network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        """Return the mean over rows."""
        return nn.functional.mse_loss(network(batch["x"])["y"], batch["y"])


class TokenLearner(RowLearner):
    """Learns by a mean over what the masks choose: rows count unequally."""

    def loss(self, network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        """Return the mean over what is chosen, NaN where nothing is."""
        errors = (network(batch["x"])["y"] - batch["y"]).square() * batch["mask"]
        return errors.sum() / batch["mask"].sum()

    def terms(self, batch: dict[str, Tensor]) -> float:
        """Return how much is chosen."""
        return float(batch["mask"].sum())


class RivalLearner(RowLearner):
    """Trains a second network in the same steps."""

    def optimizer(self, network: nn.Module) -> torch.optim.Optimizer:
        """Return plain descent for both."""
        self.rival = nn.Linear(3, 1)
        self.rivals = torch.optim.SGD(self.rival.parameters(), lr=1.0)
        return torch.optim.SGD(network.parameters(), lr=1.0)

    def update(self, network: nn.Module, optimizer: Any, batch: dict[str, Tensor]) -> dict[str, float]:
        """Descend with each in turn."""
        rival = self.descend(
            self.rival, self.rivals, lambda: nn.functional.mse_loss(self.rival(batch["x"]), batch["y"])
        )
        return {"rival": rival, "loss": self.descend(network, optimizer, lambda: self.loss(network, batch))}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """The networks are small."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def learner(of: type[RowLearner], rows: int, batch_size: int) -> RowLearner:
    """Return a new learner."""
    knobs = {"learning_rate": 0.05, "batch_size": batch_size, "weight_decay": 0.1}
    return of(Assignment("finetune", Rows(rows), "default", knobs, "cpu", "fp32", 3, Budget(steps=20)))


def weights(one: TorchLearner) -> np.ndarray:
    """Return all weights in one vector."""
    return np.concatenate([weight.detach().numpy().ravel() for weight in one.module().parameters()])


@pytest.mark.parametrize("of", [RowLearner, TokenLearner, RivalLearner])
@settings(max_examples=15)
@given(processes=st.integers(2, 4), rows=st.integers(5, 20), batch_size=st.integers(2, 9))
def test_weights_losses_and_counts_are_those_of_one_process(
    of: type[RowLearner], processes: int, rows: int, batch_size: int
) -> None:
    """Up to rounding, in batches of any size: of odd ones, and of fewer rows than processes."""
    alone = learner(of, rows, batch_size)
    expected = [alone.step() for _ in range(6)]
    together, steps = trained_together(lambda: learner(of, rows, batch_size), processes, 6)

    assert not np.allclose(weights(alone), weights(learner(of, rows, batch_size)), atol=1e-3)
    for one, taken in zip(together, steps, strict=True):
        assert np.allclose(weights(one), weights(alone), rtol=1e-4, atol=1e-5)
        assert [step.consumed for step in taken] == [step.consumed for step in expected]
        for step, other in zip(taken, expected, strict=True):
            assert step.losses == pytest.approx(other.losses, rel=1e-4, abs=1e-6)
    assert all(np.array_equal(weights(one), weights(together[0])) for one in together)


def test_a_mean_over_tokens_needs_their_number() -> None:
    """Weighted by rows, parts with few tokens would count too much."""

    class ByRows(TokenLearner):
        def terms(self, batch: dict[str, Tensor]) -> float:
            return TorchLearner.terms(self, batch)

    alone = learner(TokenLearner, 20, 8)
    for _ in range(6):
        alone.step()
    together, _ = trained_together(lambda: learner(ByRows, 20, 8), 2, 6)

    assert not np.allclose(weights(together[0]), weights(alone), atol=1e-4)


def test_a_part_without_terms_does_not_count() -> None:
    """Its loss is NaN, a mean over nothing; that of the whole batch is not."""

    class HalfMasked(TokenLearner):
        def examples(self) -> Sequence[Any]:
            return [{**row, "mask": row["mask"] * 0 + number % 2} for number, row in enumerate(super().examples())]

        def length(self, example: Any) -> int:
            return 0

        def _endless(self, examples: Sequence[Any], lengths: np.ndarray) -> Iterator[dict[str, Tensor]]:
            while True:
                yield self.collate([examples[row] for row in self._share.of(np.arange(8), 8)])

    alone = learner(HalfMasked, 8, 8)
    alone.step()
    together, _ = trained_together(lambda: learner(HalfMasked, 8, 8), 2, 1)

    assert np.allclose(weights(together[0]), weights(alone), rtol=1e-4, atol=1e-5)


def test_a_batch_without_terms_diverges_everywhere() -> None:
    """As in one process, where the mean over nothing is NaN."""

    class Masked(TokenLearner):
        def examples(self) -> Sequence[Any]:
            return [{**row, "mask": row["mask"] * 0} for row in super().examples()]

    with pytest.raises(FloatingPointError, match="training diverged"):
        trained_together(lambda: learner(Masked, 8, 8), 2, 1)


def test_a_step_that_does_not_descend_is_refused() -> None:
    """Each process would train a network of its own."""

    class Lonely(RowLearner):
        def update(self, network: nn.Module, optimizer: Any, batch: dict[str, Tensor]) -> dict[str, float]:
            value = self.loss(network, batch)
            value.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            return {"loss": value.item()}

    with pytest.raises(Unsupported, match="does not call `descend`"):
        trained_together(lambda: learner(Lonely, 8, 8), 2, 1)


def test_who_takes_its_own_steps_is_trained_in_one_process() -> None:
    """What a `step` of one's own does with a part of a batch is not known."""

    class Own(RowLearner):
        def step(self) -> Any:
            return super().step()

    assert learner(RowLearner, 8, 8).data_parallel()
    assert not learner(Own, 8, 8).data_parallel()


def test_each_process_drops_units_of_its_own() -> None:
    """They begin with the same weights, and then draw from generators of their own."""
    draws: list[tuple[list[float], float]] = []

    class Drawing(RowLearner):
        def examples(self) -> Sequence[Any]:
            return super().examples()

        def prepare(self) -> None:
            super().prepare()
            draws.append((weights(self).tolist(), float(torch.rand(()))))

    trained_together(lambda: learner(Drawing, 8, 8), 3, 1)

    assert draws[0][0] == draws[1][0] == draws[2][0]
    assert len({drawn for _, drawn in draws}) == 3


@pytest.mark.parametrize("size", [1, 3, 9])
@pytest.mark.parametrize("processes", [1, 2, 3, 4])
def test_parts_are_the_batch(size: int, processes: int) -> None:
    """Each row counts in one process, and a last batch leaves two rows for a process or is the first one's."""
    for rows in range(1, size + 1):
        counted, others = [], []
        for rank in range(processes):
            accelerator: Any = SimpleNamespace(process_index=rank, num_processes=processes)
            share = Share(accelerator)
            part = share.of(np.arange(rows), size).tolist()
            share.begin({"samples": len(part)}, 1.0)
            (counted if share._used["samples"] else others).append(part)

        assert sorted(chain(*counted)) == list(range(rows))
        assert all(part in ([], list(range(rows))) for part in others)
        assert rows == size or min(map(len, counted + others)) >= min(2, rows)


def test_batch_norm_learns_in_the_last_batch_too() -> None:
    """Of two rows: a part of one row would be an error, as it is in one process."""

    class Normed(RowLearner):
        def construct(self) -> nn.Module:
            network = Net()
            network.used = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
            return network

    together, steps = trained_together(lambda: learner(Normed, 10, 8), 2, 4)

    assert sorted(step.consumed["samples"] for step in steps[0]) == [2, 2, 8, 8]
    assert np.array_equal(weights(together[0]), weights(together[1]))
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        trained_together(lambda: learner(Normed, 9, 8), 2, 4)


def test_a_launcher_that_nobody_asked_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """And so is a budget for several processes in a single one."""
    with pytest.raises(Unsupported, match="for 2 processes, and 1 train"):
        RowLearner(
            Assignment("finetune", Rows(8), "default", {"batch_size": 4}, "cpu", "fp32", 3, Budget(1, processes=2))
        )


@pytest.mark.parametrize(
    ("model", "task", "stage"),
    [
        ("gpt", "language-modelling", "finetune"),
        ("bert", "text-classification", "pretrain"),
        ("t5", "translation", "finetune"),
        ("centernet", "object-detection", "finetune"),
        ("resnet", "image-classification", "finetune"),
    ],
)
def test_terms_weight_the_losses_of_parts(model: str, task: str, stage: Any) -> None:
    """The losses of two parts, by their terms, come to that of the whole batch: each model says of what it is a mean.

    Both are of unequal size, and so are texts and the number of objects. Norms and dropout are as in answering.
    """
    declared, spec = PLUGINS.models[model], PLUGINS.tasks[task]
    knobs, chosen = ({name: one.default for name, one in each.settings.items()} for each in (declared, spec))
    data = spec.data(None, chosen)
    one = declared.learner(Assignment(stage, data, declared.sizes[0], knobs, "cpu", "fp32", 0, Budget(steps=9)))
    network, examples = one.module().eval(), one.examples()[:7]

    def share(rows: slice) -> tuple[float, float]:
        torch.manual_seed(0)
        batch = cut(whole, rows) if whole else one.collate(examples[rows])
        return one.loss(network, batch).item(), one.terms(batch)

    torch.manual_seed(0)
    whole = {} if task == "object-detection" and stage == "finetune" else one.collate(examples)
    with torch.no_grad():
        (expected, total), (first, some), (second, others) = map(share, (slice(None), slice(5), slice(5, None)))

    assert total == some + others
    assert (first * some + second * others) / total == pytest.approx(expected, rel=1e-4)
    assert first != pytest.approx(second, rel=1e-3)


def cut(batch: dict[str, Tensor], rows: slice) -> dict[str, Tensor]:
    """Return some rows of a batch."""
    return {name: tensor[rows] for name, tensor in batch.items()}
