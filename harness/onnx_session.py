"""ONNX Runtime sessions: providers and threads are chosen here and nowhere else.

ONNX Runtime is imported with its telemetry switched off. From 1.29 on it starts a thread at import that sends usage to
its maker, writes an identifier below `~/.cache`, and makes a forked child hang or abort at its end
(microsoft/onnxruntime pull request 27379; seen with 1.32). The variable is read once, at import, so it is set for the
import alone. Import ONNX Runtime from here, or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.environment import compute_threads
from harness.errors import Unsupported

SWITCH = "ORT_DISABLE_TELEMETRY"
FILE = "model.onnx"
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
"""Kind of torch device → provider."""
_ERRORS = 3
"""ONNX Runtime's log level: errors and worse."""


def _import() -> Any:
    before = os.environ.get(SWITCH)
    os.environ[SWITCH] = "1"
    try:
        import onnxruntime
    finally:
        if before is None:
            del os.environ[SWITCH]
        else:
            os.environ[SWITCH] = before
    onnxruntime.disable_telemetry_events()  # where somebody else imported it earlier
    return onnxruntime


onnxruntime = _import()


class Session:
    """An open model: arrays by name in, arrays by name out."""

    def __init__(self, folder: Path, device: str, file: str = FILE) -> None:
        self._session = open_session(folder / file, device)
        self._inputs = {node.name for node in self._session.get_inputs()}
        self._outputs = [node.name for node in self._session.get_outputs()]

    def run(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the outputs; an array the graph has no use for was left out of it by the export and is not sent."""
        sent = {name: array for name, array in arrays.items() if name in self._inputs}
        return dict(zip(self._outputs, self._session.run(self._outputs, sent), strict=True))


def open_session(model: Path | bytes, device: str) -> Any:
    """Open a graph, in a file or in memory, on a torch device.

    Raises:
        Unsupported: this build of ONNX Runtime cannot use the device, or what it needs for that is missing.
    """
    wanted = provider(device)
    session = onnxruntime.InferenceSession(model, options(), providers=[wanted])
    if wanted not in session.get_providers():  # it would answer on the processor without a word
        raise Unsupported(
            f"ONNX Runtime lists {wanted} and cannot start it on {device!r}. Install the libraries that it needs, "
            "of the versions that ONNX Runtime asks for."
        )
    return session


def provider(device: str) -> str:
    """Return the execution provider for a torch device.

    Raises:
        Unsupported: this build of ONNX Runtime does not have it.
    """
    kind = device.partition(":")[0]
    name = PROVIDERS.get(kind)
    if name is None or name not in onnxruntime.get_available_providers():
        raise Unsupported(f"This build of ONNX Runtime cannot use {device!r}. For CUDA install onnxruntime-gpu.")
    return name


def options() -> Any:
    """Return session options with as many threads as torch takes, so that the two are compared on the same footing."""
    chosen = onnxruntime.SessionOptions()
    chosen.intra_op_num_threads = compute_threads()
    chosen.inter_op_num_threads = 1
    chosen.log_severity_level = _ERRORS
    return chosen
