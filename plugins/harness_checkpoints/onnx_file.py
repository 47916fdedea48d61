"""`onnx:`, a trained model in a file: nothing is trained, it is graded and served as it stands."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from harness import Assignment, Learner, Model, PluginError, Setting


def open_file(reference: str) -> Model:
    """Return the model of a file.

    Raises:
        PluginError: there is no such file, or it is no ONNX.
    """
    path = Path(reference).expanduser()
    if path.suffix != ".onnx" or not path.is_file():
        raise PluginError(f"onnx:{reference}: there is no such file. Give the path of a file that ends in .onnx.")
    from harness_checkpoints.onnx_use import takes_images

    return OnnxFile(reference, path, "image-classification" if takes_images(path) else "text-classification")


class OnnxFile(Model):
    """A file for ONNX Runtime that classifies texts or images."""

    imports = ("harness.onnx_session", "harness_checkpoints.onnx_learner")
    brings_weights = True
    settings: ClassVar[Mapping[str, Setting]] = {
        "encoder": Setting("", "What its input holds: bytes, text, tokens or image; empty where the file says it."),
        "labels": Setting(
            "",
            "Its classes in the order of its output: a,b,c or FILE.json or FILE.json#KEY; empty where the file says.",
        ),
        "output": Setting("", "Name of the output with a number for each class; empty where there is one output."),
        "tokenizer": Setting("", "A tokenizer.json; empty is the one beside the file."),
    }

    def __init__(self, reference: str, path: Path, kind: str) -> None:
        """Name it by its reference."""
        self.path = path
        self.kinds = (kind,)  # type: ignore[misc]  # what its input holds says what it can do
        self.name = f"onnx:{reference}"  # type: ignore[misc]  # a model of a reference is named by it
        self.summary = f"The file {path.name}, served as it stands"  # type: ignore[misc]

    def identity(self, settings: Mapping[str, Any]) -> str:
        """Name the file's content, and refuse it before anything is written where its use is not clear.

        Raises:
            PluginError: names inputs and outputs, and asks for what is missing.
        """
        from harness_checkpoints.onnx_use import read_use

        use = read_use(self.path, settings)
        sha = hashlib.sha256(repr(use).encode())
        for file in sorted({self.path, *self.path.parent.glob(f"{self.path.name}*")}):
            sha.update(file.read_bytes())
        return f"file sha256 {sha.hexdigest()}"

    def learner(self, assignment: Assignment) -> Learner:
        """Build what answers with the file."""
        from harness_checkpoints.onnx_learner import OnnxLearner

        return OnnxLearner(assignment, self.path)
