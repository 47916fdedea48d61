"""Export to ONNX and its check against PyTorch on real inputs."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from harness import Codec, Reading
from harness.onnx_session import FILE, Session, open_session

EXAMPLE_BATCH = 2
"""The exporter takes a size of 1 for a constant."""
CHECKED_BATCHES = (1, 3)
"""Beside all inputs at once."""
SMALLEST = onnx.parser.parse_model(
    '<ir_version: 8, opset_import: ["": 18]> smallest (float[1] x) => (float[1] y) { y = Relu(x) }'
)
"""Opened to see whether ONNX Runtime can use a device."""
_NOISY = "torch.onnx._internal.exporter._registration"
"""Warns at each export that torchvision is not installed."""

Arrays = Mapping[str, np.ndarray]


def export(module: torch.nn.Module, codec: Codec, inputs: Sequence[Any], folder: Path) -> dict[str, Reading]:
    """Write `folder/model.onnx` and compare it with the module.

    Args:
        module: Takes the codec's arrays as keyword arguments and returns a dict of tensors.
        codec: Turns inputs into arrays.
        inputs: Real inputs, at least one.
        folder: Where the file is written.

    Returns:
        `largest_difference` between an output number of the two, over `compared_outputs` numbers from `checked_inputs`
        inputs; an input that is in two of the checked batches counts once.

    Raises:
        Unsupported: ONNX Runtime cannot use the module's device; this is found out first.
        ValueError: the graph answers for one batch size only, or its outputs are not those of the module.
    """
    module.eval()
    open_session(SMALLEST.SerializeToString(), str(_device(module)))
    _write(module, codec, inputs, folder / FILE)
    onnx.checker.check_model(folder / FILE)
    session = Session(folder, str(_device(module)))
    sizes = [size for size in CHECKED_BATCHES if size < len(inputs)]
    differences: list[float] = []
    numbers = 0
    for size in (*sizes, len(inputs)):
        arrays = codec.encode(inputs[:size])
        difference, count = _compare(_by_torch(module, arrays), _by_session(session, arrays, size), size)
        differences.append(difference)
        numbers += count
    return {
        "largest_difference": Reading(max(differences), "1"),
        "compared_outputs": Reading(numbers, "count"),
        "checked_inputs": Reading(len(inputs), "count"),
    }


def _write(module: torch.nn.Module, codec: Codec, inputs: Sequence[Any], path: Path) -> None:
    batch = [inputs[place % len(inputs)] for place in range(EXAMPLE_BATCH)]
    arrays = codec.encode(batch)
    names = list(_by_torch(module, arrays))
    with _quietly():
        try:
            program = torch.onnx.export(
                module, args=(), kwargs=_tensors(module, arrays), dynamo=True, verbose=False,
                dynamic_shapes=_dynamic_shapes(codec, inputs, arrays), output_names=names,
            )  # fmt: skip
        except torch.onnx.OnnxExporterError as error:
            if "static shape" in str(error):
                raise ValueError(_baked(f"the exporter found a fixed size: {_cause(error)}")) from error
            raise
        program.save(path)


def _dynamic_shapes(codec: Codec, inputs: Sequence[Any], arrays: Arrays) -> dict[str, dict[int, Any]]:
    """Return which sizes are open: the batch always; the length of integer sequences.

    Where real inputs differ in length a graph with a fixed one is refused; where they do not, the exporter decides.
    """
    lengths: dict[str, set[int]] = {name: {array.shape[1]} for name, array in arrays.items() if _is_sequence(array)}
    for one in inputs:
        encoded = codec.encode([one])
        for name, seen in lengths.items():
            seen.add(encoded[name].shape[1])
    shapes: dict[str, dict[int, Any]] = {name: {0: "batch"} for name in arrays}
    for name, seen in lengths.items():
        shapes[name][1] = "sequence" if len(seen) > 1 else torch.export.Dim.AUTO
    return shapes


def _is_sequence(array: np.ndarray) -> bool:
    return array.ndim == 2 and array.dtype.kind in "iu"  # noqa: PLR2004 - batch x length


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep the exporter's remarks about itself off the screen; what matters of the graph is compared afterwards."""
    logger = logging.getLogger(_NOISY)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for category in (UserWarning, FutureWarning, DeprecationWarning):
                warnings.simplefilter("ignore", category)
            yield
    finally:
        logger.setLevel(level)


def _cause(error: BaseException) -> str:
    """Return the exporter's own sentence, without its advice."""
    lines = [line.strip("- ") for line in str(error).splitlines() if "static shape" in line]
    return lines[0] if lines else str(error)


def _baked(how: str) -> str:
    return (
        f"The exported graph bakes a size in, it cannot serve other batches ({how}). "
        "In the model's `module()` take sizes from the tensors, `x.shape[0]`, and reshape with -1."
    )


def _device(module: torch.nn.Module) -> torch.device:
    return next((parameter.device for parameter in module.parameters()), torch.device("cpu"))


def _tensors(module: torch.nn.Module, arrays: Arrays) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(np.ascontiguousarray(array)).to(_device(module)) for name, array in arrays.items()}


def _by_torch(module: torch.nn.Module, arrays: Arrays) -> dict[str, np.ndarray]:
    with torch.no_grad():
        return {name: tensor.cpu().numpy() for name, tensor in module(**_tensors(module, arrays)).items()}


def _by_session(session: Session, arrays: Arrays, size: int) -> dict[str, np.ndarray]:
    try:
        return session.run(arrays)
    except Exception as error:  # ONNX Runtime has an exception class per status, all straight from Exception
        raise ValueError(_baked(f"ONNX Runtime fails on a batch of {size}: {error}")) from error


def _compare(ours: Arrays, theirs: Arrays, size: int) -> tuple[float, int]:
    """Return the largest difference and how many numbers were compared."""
    if ours.keys() != theirs.keys():
        raise ValueError(f"The exported graph returns {sorted(theirs)}, the module {sorted(ours)}.")
    largest, count = 0.0, 0
    for name, array in ours.items():
        if array.shape != theirs[name].shape:
            raise ValueError(_baked(f"{name} has shape {theirs[name].shape} for a batch of {size}, not {array.shape}"))
        difference = np.abs(array.astype(np.float64) - theirs[name].astype(np.float64))
        if not np.isfinite(difference).all():
            raise ValueError(f"{name} is not finite for a batch of {size}: look at the trained weights.")
        largest, count = max(largest, float(difference.max(initial=0.0))), count + array.size
    return largest, count
