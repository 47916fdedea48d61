"""The common case of a learner: a torch network, shuffled examples, one gradient step at a time.

It imports torch, so import this module inside a function or in a module that is itself imported inside a function.
A subclass says what the network is, what the examples are and what the loss is; this class owns the seeds, the device
and precision (accelerate), the order of the examples, the optimizer and its schedule, and the weights' file.

Settings it reads: `learning_rate`, `batch_size`, and where the model offers them `weight_decay` and `initialisation`.
"""

from __future__ import annotations

import math
import random
import warnings
from abc import abstractmethod
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from accelerate import Accelerator
from safetensors.torch import load_model, save_file
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.data import default_collate
from torch.utils.flop_counter import FlopCounterMode

from harness.averaging import Share
from harness.errors import Unsupported
from harness.seams import Assignment, Codec, Learner, Predict, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["CLIP", "PRECISIONS", "WARMUP", "WEIGHTS", "TorchLearner", "count_flops", "initialise", "seed_everything"]
WEIGHTS = "weights.safetensors"
PRECISIONS = {"fp32": "no", "bf16": "bf16"}
"""Precision → accelerate's `mixed_precision`: weights stay in float32 while they are trained."""
WARMUP = 0.1
"""Share of the budget over which the learning rate rises."""
CLIP = 1.0
"""Largest norm of the gradient."""
_POOL = 50
"""Batches whose examples are sorted by length together."""
_NORMS = (nn.LayerNorm, nn.GroupNorm, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.RMSNorm)


def seed_everything(seed: int) -> None:
    """Seed Python, numpy and torch on every device."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - libraries that a network uses may draw from the global generator
    torch.manual_seed(seed)


def initialise(module: nn.Module, scheme: str, seed: int | None = None) -> None:
    """Draw the weights of a network anew, in place.

    `default` leaves what torch drew. The others draw each weight matrix (linear, embedding, convolution, recurrent):
    `random` from N(0, 1), `gaussian` from N(0, 0.02) (a standard deviation of 0.02, as GPT and BERT do), `xavier`
    uniformly from ±sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio, 2010). Biases become 0, rows of padding in embeddings
    too; normalisation layers stay as they are.

    Args:
        module: the network.
        scheme: `default`, `random`, `gaussian` or `xavier`.
        seed: of the draw; None draws from torch's global generator.

    Raises:
        ValueError: there is no such scheme.
    """
    if scheme == "default":
        return
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    draws = {
        "random": lambda weight: nn.init.normal_(weight, 0.0, 1.0, generator=generator),
        "gaussian": lambda weight: nn.init.normal_(weight, 0.0, 0.02, generator=generator),
        "xavier": lambda weight: nn.init.xavier_uniform_(weight, generator=generator),
    }
    if scheme not in draws:
        raise ValueError(f"Unknown initialisation {scheme!r}. Known: default, {', '.join(draws)}.")
    normalised = {id(p) for layer in module.modules() if isinstance(layer, _NORMS) for p in layer.parameters()}
    with torch.no_grad():
        for weight in module.parameters():
            if id(weight) not in normalised:
                _ = draws[scheme](weight) if weight.dim() > 1 else weight.zero_()
        for layer in module.modules():
            if isinstance(layer, nn.Embedding) and layer.padding_idx is not None:
                layer.weight[layer.padding_idx].zero_()


class TorchLearner(Learner):
    """A network trained (by AdamW, unless overridden) on examples that fit in memory, on one device a process.

    With one seed, one machine and a budget in steps or samples, the weights are equal to the bit on a CPU.

    Where several processes train it together, `batch_size` is that of all: each computes the gradient of its part of
    the examples, and all descend by the mean. Layers that look at the whole batch, as batch norm does, look at their
    process's part.
    """

    rounds_weights: ClassVar[bool] = True
    """Whether answering in bf16 rounds the weights and all that is computed from them. Where outputs need more than 8
    binary digits, as the corners of boxes do, False leaves the rounding to autocast: products alone are rounded."""

    def __init__(self, assignment: Assignment, codec: Codec | None = None) -> None:
        """Seed everything and open the device; the network is built when it is first needed.

        Args:
            assignment: what to learn.
            codec: between inputs, the network's arrays and outputs; override `codec` where it is learned from the data.

        Raises:
            Unsupported: the precision is none that accelerate computes in here, or a launcher started other processes
                than the budget asks for.
        """
        if assignment.precision not in PRECISIONS:
            raise Unsupported(f"Training in {assignment.precision} is not offered. Use one of {', '.join(PRECISIONS)}.")
        seed_everything(assignment.seed)
        if assignment.device.startswith("cuda:"):
            torch.cuda.set_device(assignment.device)
            # It plans anew for every length of text: 50 ms in place of 6 for a bf16 BERT (H200, torch 2.11).
            torch.backends.cuda.enable_cudnn_sdp(False)
        precision = PRECISIONS[assignment.precision]
        self.accelerator = Accelerator(cpu=assignment.device == "cpu", mixed_precision=precision)
        if (count := self.accelerator.num_processes) != assignment.budget.processes:
            raise Unsupported(
                f"The budget is for {assignment.budget.processes} processes, and {count} train together here. Start "
                "the harness without a distributed launcher, and set `processes` in the budget."
            )
        self._share = Share(self.accelerator)
        self.assignment = assignment
        self._fixed_codec = codec
        self._network: nn.Module | None = None
        self._optimizer: torch.optim.Optimizer | None = None
        self._steps = 0
        self._factor = self._schedule()
        self._batches: Iterator[dict[str, Tensor]] = iter(())

    # What a subclass says -----------------------------------------------------------------------------------

    @abstractmethod
    def construct(self) -> nn.Module:
        """Return the network in its shape; its weights are drawn or loaded afterwards."""

    @abstractmethod
    def examples(self) -> Sequence[Any]:
        """Return the training examples; called once, before the first step."""

    def collate(self, examples: Sequence[Any]) -> dict[str, Tensor]:
        """Return a batch: named tensors, batch first. Examples that are dicts of arrays of one shape are stacked."""
        batch: dict[str, Tensor] = default_collate(list(examples))
        return batch

    @abstractmethod
    def loss(self, network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        """Return the mean loss of a batch, a scalar."""

    def optimizer(self, network: nn.Module) -> torch.optim.Optimizer:
        """Return what changes the network's weights, before the first step: AdamW, unless overridden."""
        rate, decay = self._settings("learning_rate"), self.assignment.settings.get("weight_decay", 0.0)
        return torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=decay, fused=True)

    def update(
        self, network: nn.Module, optimizer: torch.optim.Optimizer, batch: dict[str, Tensor]
    ) -> dict[str, float]:
        """Learn from a batch and return the losses: `descend` once by `loss`, unless overridden.

        A learner of two networks that play against each other descends with each in turn.
        """
        return {"loss": self.descend(network, optimizer, lambda: self.loss(network, batch))}

    def codec(self) -> Codec:
        """Return the codec between inputs, the network's arrays and outputs: the one given, unless overridden."""
        if self._fixed_codec is None:
            raise TypeError(f"{type(self).__name__} was given no codec and does not override `codec`.")
        return self._fixed_codec

    def write(self, folder: Path) -> None:
        """Write what `construct` and `codec` need beside the weights and the assignment: nothing, unless overridden."""

    def read(self, folder: Path) -> None:
        """Read what `write` wrote."""

    def draw(self, network: nn.Module) -> None:
        """Draw a new network's weights, in place: as the setting `initialisation` says, unless overridden."""
        initialise(network, self.assignment.settings.get("initialisation", "default"))

    def transfer(self, network: nn.Module, start: Path) -> None:  # noqa: ARG002 - for those that can
        """Copy what a pretraining in the folder `start` learnt into a new network."""
        raise Unsupported(f"{type(self).__name__} cannot start from a pretraining.")

    def length(self, example: Any) -> int:  # noqa: ARG002 - the answer of a learner whose examples are all alike
        """Return an example's length, so that batches hold examples of similar length; 0 where it has none."""
        return 0

    def consumed(self, batch: dict[str, Tensor]) -> dict[str, int]:
        """Return what a batch uses up."""
        return {"samples": len(next(iter(batch.values())))}

    def terms(self, batch: dict[str, Tensor]) -> float:
        """Return of how many terms `loss` is the mean, so that parts of a batch count in proportion: its samples."""
        return self.consumed(batch)["samples"]

    # Training -----------------------------------------------------------------------------------------------

    def data_parallel(self) -> bool:
        """Return whether several processes can train it together: they can unless `step` is overridden."""
        return type(self).step is TorchLearner.step

    def step(self) -> Progress:
        """Take one gradient step.

        Raises:
            FloatingPointError: the loss is not a finite number.
        """
        if self._optimizer is None:
            self.prepare()
        assert self._optimizer is not None  # noqa: S101 - `prepare` made it
        network = self.module()
        if not network.training:
            network.train()
        batch = next(self._batches)
        consumed = self.consumed(batch)
        if self._share.processes > 1:
            self._share.begin(consumed, self.terms(batch))
        batch = {name: tensor.to(self.accelerator.device, non_blocking=True) for name, tensor in batch.items()}
        losses = self.update(network, self._optimizer, batch)
        self._steps += 1
        if self._share.processes > 1:
            consumed = self._share.consumed()
        return Progress(consumed=consumed, losses=losses)

    def descend(self, network: nn.Module, optimizer: torch.optim.Optimizer, loss: Callable[[], Tensor]) -> float:
        """Change a network's weights by one gradient of a loss, at the schedule's rate, and return the loss.

        Raises:
            FloatingPointError: the loss is not a finite number.
        """
        with self.accelerator.autocast():
            value = loss()
        self.accelerator.backward(value)
        if self._share.processes > 1:
            value = self._share.average(network, value)
        nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        rate = self._settings("learning_rate")
        for group in optimizer.param_groups:
            group["lr"] = rate * self._factor(self._steps)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return _finite(value.item(), rate)

    def prepare(self) -> None:
        """Build the network and its codec, the optimizer and the endless stream of batches."""
        self._optimizer = self.optimizer(self.module())
        self._steps = 0
        self._batches = self._stream(self.examples())
        if self._share.rank:  # all have the same weights by now, but drop units of their own
            seed_everything((self.assignment.seed + self._share.rank) % 2**32)

    def _schedule(self) -> Callable[[int], float]:
        """Return step → factor of the learning rate: up, then down to 0 at the budget's end.

        Where the budget is in seconds only, the end is not known and the rate stays up.
        """
        budget, size = self.assignment.budget, self._settings("batch_size")
        ends = [budget.steps, None if budget.samples is None else math.ceil(budget.samples / size)]
        total = min((end for end in ends if end is not None), default=None)
        rise = max(1, round(WARMUP * total)) if total else 100
        if total is None:
            return lambda step: min(1.0, (step + 1) / rise)
        return lambda step: min((step + 1) / rise, max(0.0, (total - step) / max(1, total - rise)), 1.0)

    def _stream(self, examples: Sequence[Any]) -> Iterator[dict[str, Tensor]]:
        """Return batches for ever, each example once an epoch, in an order that only the seed decides.

        Of each batch it is this process's part.
        """
        return self._endless(examples, np.array([self.length(example) for example in examples]))

    def _endless(self, examples: Sequence[Any], lengths: np.ndarray) -> Iterator[dict[str, Tensor]]:
        order = np.random.default_rng(self.assignment.seed)
        size = self._settings("batch_size")
        while True:
            rows = order.permutation(len(examples))
            pools = [rows[i : i + _POOL * size] for i in range(0, len(rows), _POOL * size)]
            rows = np.concatenate([pool[np.argsort(lengths[pool], kind="stable")] for pool in pools])
            starts = np.arange(0, len(rows), size)
            for start in order.permutation(starts):
                yield self.collate([examples[row] for row in self._share.of(rows[start : start + size], size)])

    def _settings(self, name: str) -> Any:
        return self.assignment.settings[name]

    # Network ------------------------------------------------------------------------------------------------

    def module(self) -> nn.Module:
        """Return the network, built, initialised and on its device."""
        if self._network is None:
            seed_everything(self.assignment.seed)
            network = self.construct()
            self.draw(network)
            if self.assignment.start is not None:
                self.transfer(network, self.assignment.start)
            self._network = network.to(self.accelerator.device)
        return self._network

    def predict(self, inputs: Sequence[Any]) -> Sequence[Any]:
        """Answer a batch in evaluation mode."""
        return self._answer(self.codec(), inputs)

    def first(self) -> Predict | None:
        """Return what asks through the codec's `first`, where it has one."""
        codec = self.codec().first()
        return None if codec is None else partial(self._answer, codec)

    def _answer(self, codec: Codec, inputs: Sequence[Any]) -> Sequence[Any]:
        network = self.module()
        if network.training:  # `eval` visits every layer, which a single query would wait for
            network.eval()
        arrays = _tensors(network, codec.encode(inputs))
        casting = nullcontext() if _float_type(network) is torch.bfloat16 else self.accelerator.autocast()
        with torch.inference_mode(), casting:
            outputs = network(**arrays)
        return codec.answers({name: tensor.float().cpu().numpy() for name, tensor in outputs.items()})

    def parameters(self) -> int:
        """Return the number of trainable parameters."""
        return sum(weight.numel() for weight in self.module().parameters() if weight.requires_grad)

    def flops(self, inputs: Sequence[Any]) -> int:
        """Count the floating-point operations of answering a batch."""
        return count_flops(self.module(), self.codec().encode(inputs))

    def save(self, folder: Path) -> None:
        """Write the weights and what `read` needs."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file(_apart(self.module()), folder / WEIGHTS)
        self.write(folder)

    def load(self, folder: Path) -> None:
        """Become what `save` wrote, in evaluation mode, to answer and not to be trained further.

        In bf16 the weights are rounded here, once, where `rounds_weights`: autocast casts them at every call and
        computes norms in float32, which costs a third of the speed (ViT base, 32 images: 5,756 against 8,847 a second
        on an H200).
        """
        self.read(folder)
        network = self.construct()
        load_model(network, str(folder / WEIGHTS))
        rounded = self.rounds_weights and self.assignment.precision == "bf16"
        self._network = network.to(self.accelerator.device, torch.bfloat16 if rounded else None).eval()
        self._optimizer = None


def _apart(network: nn.Module) -> dict[str, Tensor]:
    """Return copies of the weights by name on the processor; one that has several names comes once.

    safetensors refuses tensors that lie in one storage, where cuDNN keeps the weights of a recurrent layer.
    """
    weights = network.state_dict()
    names: dict[Any, str] = {}
    for name, weight in sorted(weights.items()):
        place = (weight.data_ptr(), weight.dtype, weight.shape, weight.stride()) if weight.numel() else name
        names.setdefault(place, name)
    return {
        name: torch.empty_like(weights[name], device="cpu", memory_format=torch.contiguous_format).copy_(weights[name])
        for name in names.values()
    }


def _float_type(network: nn.Module) -> torch.dtype:
    return next((weight.dtype for weight in network.parameters() if weight.is_floating_point()), torch.float32)


def _tensors(network: nn.Module, arrays: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    """Return arrays on a network's device; numbers that are not whole have the type of its weights."""
    device = next((weight.device for weight in network.parameters()), torch.device("cpu"))
    tensors = {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}
    kind = _float_type(network)
    return {name: tensor.to(kind) if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}


def count_flops(network: nn.Module, arrays: Mapping[str, np.ndarray]) -> int:
    """Count the floating-point operations of matrix products, convolutions and attention in a forward pass.

    Recurrent layers and attention may be one kernel, which is counted on some devices only. They are taken apart, so
    that every device gives the same count; that is slow, so count a few inputs only.
    """
    network.eval()
    tensors = _tensors(network, arrays)
    with warnings.catch_warnings(), FlopCounterMode(display=False) as counter:
        warnings.simplefilter("ignore", UserWarning)  # torch remarks on its own switch for Intel GPUs
        apart = torch.backends.mkldnn.flags(enabled=False), torch.backends.cudnn.flags(enabled=False)
        with torch.no_grad(), apart[0], apart[1], sdpa_kernel(SDPBackend.MATH):
            network(**tensors)
    return int(counter.get_total_flops())


def _finite(loss: float, rate: float) -> float:
    """Return the loss.

    Raises:
        FloatingPointError: it is not a finite number.
    """
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"The loss became {loss}: training diverged. "
            f"Lower learning_rate (now {rate}) or choose another initialisation."
        )
    return loss
