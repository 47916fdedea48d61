"""A small network that several processes train, and that goes wrong in one of them as told; loaded after the toy."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import harness
from harness_hardware.cpu import Cpu


class Bits(harness.Model):
    """Learns the parity of numbers from their bits."""

    name = "bits"
    summary = "A network over the bits of a number"
    kinds = ("toy",)
    imports = ("torch", "accelerate", "safetensors.torch")
    starts = ("scratch",)
    settings: ClassVar[Mapping[str, harness.Setting]] = {
        "learning_rate": harness.Setting(0.05, "the largest"),
        "batch_size": harness.Setting(33, "of 100 numbers: 33, 33, 33 and 1"),
        "fault": harness.Setting("", "what happens", ("", "raise", "die", "refuse", "leave", "lead")),
        "when": harness.Setting("step", "in which it happens", ("build", "step")),
        "pids": harness.Setting("", "a file for the numbers of the processes"),
        "burn_s": harness.Setting(0.0, "processor time that each process takes for each step"),
    }

    def learner(self, assignment: harness.Assignment) -> harness.Learner:
        """Build the learner."""
        import torch

        from harness.torch_learner import TorchLearner

        class Network(torch.nn.Sequential):
            def forward(self, x: Any) -> Any:
                return {"y": super().forward(x)}

        class BitsLearner(TorchLearner):
            def construct(self) -> Any:
                _go_wrong("build", assignment.settings, self.accelerator)
                return Network(torch.nn.Linear(7, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))

            def examples(self) -> Sequence[Any]:
                bits = [[float(number >> place & 1) for place in range(7)] for number in range(100)]
                return [{"x": torch.tensor(row), "y": number % 2} for number, row in enumerate(bits)]

            def loss(self, network: Any, batch: Any) -> Any:
                _burn(assignment.settings["burn_s"])
                if self._steps == 2:
                    _go_wrong("step", assignment.settings, self.accelerator)
                return torch.nn.functional.cross_entropy(network(batch["x"])["y"], batch["y"])

            def flops(self, inputs: Sequence[Any]) -> None:
                return None

        return BitsLearner(assignment)


def _burn(seconds: float) -> None:
    """Keep a processor busy."""
    began = time.process_time()
    while time.process_time() - began < seconds:
        pass


def _go_wrong(when: str, settings: Mapping[str, Any], accelerator: Any) -> None:
    """Note the process's number when the network is built, and fail as told: in the last process, or in the first."""
    if when == "build" and settings["pids"]:
        with Path(settings["pids"]).open("a", encoding="ascii") as file:
            file.write(f"{os.getpid()}\n")
    place = {0: "first", accelerator.num_processes - 1: "last"}.get(accelerator.process_index)
    if when != settings["when"] or not place:
        return
    if settings["fault"] == {"first": "leave", "last": "die"}[place]:
        os.kill(os.getpid(), signal.SIGKILL)
    if settings["fault"] == {"first": "lead", "last": "raise"}[place]:
        raise ArithmeticError(f"the {place} process was told to fail")
    if place == "last" and settings["fault"] == "refuse":
        raise harness.Unsupported("the last process has no such precision")


class Crowded(Cpu):
    """Lets any number of processes share its cores."""

    name = "crowded"
    summary = "A processor that more processes share than it has cores"

    def devices(self, count: int) -> Sequence[str]:
        """Return the processor so many times."""
        return [self.device] * count


@harness.hookimpl
def harness_hardware() -> list[harness.Hardware]:
    """Bring the processor."""
    return [Crowded()]


@harness.hookimpl
def harness_models() -> list[harness.Model]:
    """Bring the model."""
    return [Bits()]
