"""This process's part of each batch, and sums over the processes that train a network together.

It imports torch: import it where `harness.torch_learner` may be imported.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from harness.errors import Unsupported

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from accelerate import Accelerator


class Share:
    """One process's part of the training: of a single process it is all of it."""

    def __init__(self, accelerator: Accelerator) -> None:
        """Read from accelerate how many processes there are, and which of them this one is."""
        self.rank, self.processes = accelerator.process_index, accelerator.num_processes
        self._accelerator = accelerator
        self._is_spare = False
        self._terms, self._used = 0.0, dict[str, int]()
        self._consumed: dict[str, int] | None = None

    def of(self, rows: np.ndarray, size: int) -> np.ndarray:
        """Return this process's rows of a batch.

        A last batch that leaves less than two rows for a process is the first one's: batch norm cannot learn from one.
        A process without rows computes all of them, which will not count.

        Args:
            rows: of the batch.
            size: of a whole batch.
        """
        processes = 1 if len(rows) < min(size, 2 * self.processes) else self.processes
        part = rows[self.rank :: processes] if self.rank < processes else rows[:0]
        self._is_spare = not len(part)
        return rows if self._is_spare else part

    def begin(self, consumed: Mapping[str, int], terms: float) -> None:
        """Take note of what this process's part uses up, and of how many terms its loss is the mean."""
        self._used = {name: 0 if self._is_spare else count for name, count in consumed.items()}
        self._terms = 0.0 if self._is_spare else float(terms)
        self._consumed = None

    def average(self, network: nn.Module, loss: Tensor) -> Tensor:
        """Replace a network's gradients by those of the whole batch, and return its loss: means over all terms.

        A weight that no process has a gradient of keeps none, as in one process.
        """
        weights = [weight for weight in network.parameters() if weight.requires_grad]
        # Also on a GPU these few numbers are summed by gloo, which fails at once where a process is gone: NCCL waits.
        total, *used = self._sum([self._terms, *self._used.values(), *(weight.grad is not None for weight in weights)])
        self._consumed = dict(zip(self._used, map(int, used), strict=False))
        shared = [weight for weight, users in zip(weights, used[len(self._used) :], strict=True) if users]
        gradients = [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in shared]
        flat = torch.cat([*(gradient.flatten() for gradient in gradients), loss.detach().reshape(1)])
        # What does not count may be NaN, as the mean over no terms is.
        part = flat * (self._terms / total) if self._terms else torch.full_like(flat, 0.0 if total else math.nan)
        *means, mean = self._over_all(part).split([*(weight.numel() for weight in shared), 1])
        for weight, gradient in zip(shared, means, strict=True):
            weight.grad = gradient.view_as(weight).to(weight.dtype)
        return mean

    def consumed(self) -> dict[str, int]:
        """Return what the whole batch used up.

        Raises:
            Unsupported: nothing was averaged since `begin`: each process would train a network of its own.
        """
        if self._consumed is None:
            raise Unsupported(
                "Its step does not call `descend`, which averages gradients: it is trained in one process. Give the "
                "model a budget without `processes`."
            )
        return self._consumed

    def _sum(self, numbers: list[Any]) -> list[float]:
        """Return the sum of each number over all processes."""
        summed: list[float] = self._over_all(torch.tensor(numbers, dtype=torch.float64)).tolist()
        return summed

    def _over_all(self, tensor: Tensor) -> Tensor:
        """Return the sum of a tensor over all processes.

        Raises:
            ConnectionError: another process has failed or ended.
        """
        try:
            summed: Tensor = self._accelerator.reduce(tensor, "sum")
        except RuntimeError as error:
            raise ConnectionError(f"Another training process cannot be reached: {error}") from error
        return summed
