"""Models without writing code: `hf:` names a checkpoint for transformers, `onnx:` a file for ONNX Runtime.

Nothing heavy is imported here: a reference is opened when it is used.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from harness import ModelScheme, hookimpl

if TYPE_CHECKING:
    from harness import Model

__all__ = ["harness_model_schemes"]

_HF = ("torch", "transformers", "accelerate", "tokenizers", "PIL")
_ONNX = ("onnx", "onnxruntime", "tokenizers", "PIL")


def _checkpoint(reference: str) -> Model:
    from harness_checkpoints.prompted import open_checkpoint

    return open_checkpoint(reference)


def _file(reference: str) -> Model:
    from harness_checkpoints.onnx_file import open_file

    return open_file(reference)


@hookimpl
def harness_model_schemes() -> Iterable[ModelScheme]:
    """Return the two schemes."""
    return [
        ModelScheme(
            "hf", "hf:FOLDER or hf:HUB/NAME[@REVISION], a transformers checkpoint in safetensors", _checkpoint, _HF
        ),
        ModelScheme("onnx", "onnx:FILE.onnx, a trained model, for inference only", _file, _ONNX, "onnx"),
    ]
