"""How a trained model is executed: in its own framework, or in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from harness import Assignment, Codec, Learner, Model, Predict, Reading, Runtime, StreamingPredictor, Unsupported


class Eager(Runtime):
    """The framework the model was trained in, with the learner's own `predict`."""

    name = "eager"
    summary = "The framework the model was trained in: PyTorch eager, scikit-learn, NumPy"
    imports = ("numpy", "mlperf_loadgen")
    precisions = ("fp32", "bf16")
    devices = ("cpu", "cuda")

    def predictor(self, model: Model, assignment: Assignment, trained: Path | None, exported: Path | None) -> Predict:  # noqa: ARG002 - no export
        """Build a learner, load what was trained if anything was, and answer with it."""
        learner = model.learner(assignment)
        if trained is None:
            with suppress(Unsupported):
                learner.module()  # a network is built here and not by the first answer
        else:
            learner.load(trained)
        first, usage = learner.first(), learner.usage()
        if first is None:
            return learner.predict
        return StreamingPredictor(learner.predict, first, usage)


class OnnxRuntime(Runtime):
    """ONNX Runtime on the file that `torch.onnx` writes; torch is not needed for serving."""

    name = "onnxruntime"
    summary = "ONNX Runtime, fp32, exported by torch.onnx and checked against PyTorch on real inputs"
    imports = ("numpy", "torch", "onnx", "onnxscript", "harness.onnx_session", "onnxruntime", "mlperf_loadgen")
    extra = "onnx"
    format = "onnx"
    devices = ("cpu", "cuda")

    def unavailable(self, kind: str) -> str | None:
        """Return why the installed build cannot use a kind of device, or None; its files say so without an import."""
        if kind == "cpu" or _built_for(kind):
            return None
        return f"ONNX Runtime is installed in a build without {kind.upper()}: install onnxruntime-gpu in its place."

    def export(
        self, model: Model, learner: Learner, trained: Path, inputs: Sequence[Any], folder: Path
    ) -> Mapping[str, Reading]:
        """Write `model.onnx` and return how far it is from PyTorch on real inputs.

        Raises:
            Unsupported: the model cannot be exported to ONNX.
            ValueError: the graph answers for one batch size only, or gives other outputs.
        """
        if self.format not in model.formats:
            raise Unsupported(f"{model.name} cannot be exported to ONNX: it declares {model.formats or 'no format'}.")
        from harness_hardware._onnx_export import export

        return export(learner.module(), model.codec(trained), inputs, folder)

    def predictor(self, model: Model, assignment: Assignment, trained: Path | None, exported: Path | None) -> Predict:
        """Open `model.onnx` with the codec of what was trained.

        Raises:
            Unsupported: there is no export, or this build of ONNX Runtime has no provider for the device.
        """
        if exported is None or trained is None:
            raise Unsupported(f"ONNX Runtime serves exported models: {model.name} was not exported.")
        from harness.onnx_session import Session

        session = Session(exported, assignment.device)

        def answering(codec: Codec) -> Predict:
            return lambda inputs: codec.answers(session.run(codec.encode(inputs)))

        whole = model.codec(trained)
        first = whole.first()
        if first is None:
            return answering(whole)
        return StreamingPredictor(answering(whole), answering(first))


def _built_for(kind: str) -> bool:
    """Return whether ONNX Runtime is installed with its library for a kind of device; without importing it."""
    package = find_spec("onnxruntime")
    folders = (package and package.submodule_search_locations) or ()
    return any(file for folder in folders for file in Path(folder, "capi").glob(f"*onnxruntime_providers_{kind}.*"))
