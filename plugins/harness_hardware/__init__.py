"""Hardware `cpu` and `cuda`, the runtimes `eager` and `onnxruntime`, and price books of cloud machines.

This module declares and is light: NVML is asked in `cuda`, torch and ONNX Runtime are imported where a step uses them,
and price books are read when something is priced.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from harness import Template, hookimpl
from harness_hardware.cpu import Cpu
from harness_hardware.cuda import Cuda
from harness_hardware.runtimes import Eager, OnnxRuntime

if TYPE_CHECKING:
    from harness import Hardware, PriceBook, Runtime

__all__ = ["harness_hardware", "harness_price_books", "harness_runtimes", "harness_templates"]

_TEMPLATES = Path(__file__).with_name("templates")


@hookimpl
def harness_hardware() -> Iterable[Hardware]:
    """Return the processor and the first CUDA device."""
    return [Cpu(), Cuda()]


@hookimpl
def harness_runtimes() -> Iterable[Runtime]:
    """Return the model's own framework and ONNX Runtime."""
    return [Eager(), OnnxRuntime()]


@hookimpl
def harness_price_books() -> Iterable[PriceBook]:
    """Return what cloud machines cost on demand, as spot and committed; the file is read here, when it is priced."""
    from harness_hardware.prices import read_books

    return read_books()


@hookimpl
def harness_templates() -> Iterable[Template]:
    """Bring a chip and a runtime to start from."""
    return [
        Template(
            "hardware",
            "A device with a price",
            _TEMPLATES / "hardware.py",
            "run quick --plugin my_name.py --hardware my-name --model mlp",
        ),
        Template(
            "runtime",
            "Another way to serve",
            _TEMPLATES / "runtime.py",
            "run quick --plugin my_name.py --runtime my-name --model mlp",
        ),
    ]
