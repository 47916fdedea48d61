"""Hardware with its meters, and the runtimes that execute models on it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from harness.errors import Unsupported
from harness.seams.declaration import Declaration
from harness.seams.model import Assignment, Learner, Model
from harness.seams.predictors import Predict

if TYPE_CHECKING:
    from pathlib import Path


class Reading(NamedTuple):
    """One value as read."""

    value: float
    unit: str
    kind: Literal["measured", "estimated", "declared"] = "measured"


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
    resources: ClassVar[Mapping[str, float]] = MappingProxyType({"CPU": 1})
    """What a step takes of a cluster's node: `CPU`, `GPU`, and labels of one's own, such as `h100`. Where it takes
    nothing, steps are done by the machine that plans the suite."""

    @property
    def device_type(self) -> str:
        """The type of its torch device: `cpu`, `cuda`."""
        return self.device.partition(":")[0]

    @abstractmethod
    def unavailable(self) -> str | None:
        """Return why it cannot be used here, or None; must not import a heavy library."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return its description: always `device_name`, `price_item` (in price books) and `price_quantity`."""

    @abstractmethod
    def meters(self) -> Sequence[Meter]:
        """Return new meters for one window."""

    def devices(self, count: int) -> Sequence[str]:
        """Return the torch device of each of several processes that train together.

        Raises:
            Unsupported: it has not so many.
        """
        raise Unsupported(f"{self.name} computes in one process, and {count} are asked for. Leave out `processes`.")

    def meters_of(self, devices: Sequence[str]) -> Sequence[Meter]:  # noqa: ARG002 - for those that have several
        """Return new meters for one window on several of its devices; by default those of one."""
        return self.meters()

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
