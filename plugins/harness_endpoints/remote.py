"""Where a served model runs: on machines of which only the answers are seen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from harness import Assignment, Hardware, Meter, Model, Predict, Runtime

DEVICE = "remote"
AS_SERVED = "as served"
"""The precision of a served model: that of its server, which does not say it."""


class Remote(Hardware):
    """The machines behind an endpoint."""

    name = "remote"
    summary = "The machines behind an endpoint, of which only the answers are seen"
    imports = ()
    device = DEVICE
    precisions = (AS_SERVED,)
    bit_reproducible = False
    resources = MappingProxyType({})

    def unavailable(self) -> str | None:
        """Return None: whether a server answers is found where it is asked."""
        return None

    def describe(self) -> dict[str, Any]:
        """Return that nothing is known of it; it has no place in price books of machines."""
        return {"device_name": "behind an endpoint", "price_item": None, "price_quantity": 1}

    def meters(self) -> Sequence[Meter]:
        """Return none."""
        return []


class Http(Runtime):
    """Requests over HTTP."""

    name = "http"
    summary = "Requests over HTTP to a model that is served elsewhere"
    imports = ("aiohttp", "mlperf_loadgen")
    precisions = (AS_SERVED,)
    devices = (DEVICE,)

    def predictor(self, model: Model, assignment: Assignment, trained: Path | None, exported: Path | None) -> Predict:  # noqa: ARG002 - nothing is trained or exported
        """Return what asks the endpoint and keeps what its answers consumed."""
        from harness.seams import BilledPredictor
        from harness_endpoints._likelihood import open_asking

        asking = open_asking(model.name.partition(":")[2], assignment)
        return BilledPredictor(asking.predict, asking.usage, asking.close, asking.load)
