"""Declares the models for images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from harness import Assignment, Codec, Learner, Model, Setting
from harness_vision.tasks import DETECTION, KIND

NETWORK_IMPORTS = ("torch", "accelerate", "safetensors.torch", "harness.torch_learner")
"""Imports of every network."""


class Logistic(Model):
    """The baseline."""

    name = "logistic"
    summary = "Logistic regression on the pixels (scikit-learn)"
    imports = ("sklearn.linear_model", "scipy", "safetensors.numpy", "harness_vision._logistic")
    kinds = (KIND,)
    devices = ("cpu",)
    settings: ClassVar[Mapping[str, Setting]] = {
        "inverse_regularisation": Setting(0.1, "Logistic regression's C: larger fits closer."),
        "image_size": Setting(28, "Side in pixels; images of another size are resized."),
    }

    def learner(self, assignment: Assignment) -> Learner:
        """Build a learner."""
        from harness_vision._logistic import LogisticLearner

        return LogisticLearner(assignment)


class _Network(Model):
    """Common base of the classifiers that are networks."""

    kinds = (KIND,)
    imports = (*NETWORK_IMPORTS, "harness_vision._learner")
    sizes = ("tiny", "small", "base")
    pretraining: ClassVar[str | None] = "rotation"
    formats = ("onnx",)
    settings: ClassVar[Mapping[str, Setting]] = {
        "learning_rate": Setting(0.003, "Highest learning rate of AdamW; 3e-4 suits base."),
        "weight_decay": Setting(0.01, "AdamW's weight decay."),
        "batch_size": Setting(64, "Images in a gradient step."),
        "image_size": Logistic.settings["image_size"],
        "dropout": Setting(0.1, "Share of units left out in training."),
        "initialisation": Setting(
            "xavier",
            "How weights are drawn: default (the library's), random N(0, 1), gaussian N(0, 0.02), xavier (Glorot).",
            ("default", "random", "gaussian", "xavier"),
        ),
    }

    def learner(self, assignment: Assignment) -> Learner:
        """Build a learner of the assignment's stage."""
        from harness_vision import _learner

        return _learner.learner(assignment, self.name)

    def codec(self, folder: Path) -> Codec:
        """Build the codec of an artifact."""
        from harness_vision._codec import ImageCodec

        return ImageCodec.load(folder)


class PixelMlp(_Network):
    """A multi-layer perceptron."""

    name = "pixel-mlp"
    summary = "Multi-layer perceptron over the pixels"
    pretraining = None


class ResNet(_Network):
    """A residual convolutional network."""

    name = "resnet"
    summary = "ResNet (transformers), pretrained to predict rotations, then fine-tuned"


class EfficientNet(_Network):
    """Depthwise convolutions with squeeze and excitation."""

    name = "efficientnet"
    summary = "EfficientNet (transformers), pretrained to predict rotations, then fine-tuned"


class ViT(_Network):
    """Attention over patches."""

    name = "vit"
    summary = "Vision transformer (transformers), pretrained to predict rotations, then fine-tuned"


class Components(Model):
    """The baseline of detection."""

    name = "components"
    summary = "Connected light or dark patches, classified by logistic regression (scipy, scikit-learn)"
    imports = ("sklearn.linear_model", "scipy", "safetensors.numpy", "harness_vision._components")
    kinds = (DETECTION,)
    devices = ("cpu",)
    settings: ClassVar[Mapping[str, Setting]] = {
        "levels": Setting(4, "Brightness levels at which an image is divided into patches."),
        "smallest": Setting(8, "Least height of an object, in pixels."),
        "inverse_regularisation": Logistic.settings["inverse_regularisation"],
    }

    def learner(self, assignment: Assignment) -> Learner:
        """Build a learner."""
        from harness_vision._components import ComponentsLearner

        return ComponentsLearner(assignment)


class _Detector(Model):
    """Common base of the detectors that are networks."""

    kinds = (DETECTION,)
    imports = (*NETWORK_IMPORTS, "harness_vision._detector")
    sizes = ("tiny", "small", "base")
    formats = ("onnx",)
    settings: ClassVar[Mapping[str, Setting]] = {
        "learning_rate": Setting(0.006, "Highest learning rate of AdamW."),
        "weight_decay": _Network.settings["weight_decay"],
        "batch_size": Setting(32, "Images in a gradient step."),
        "image_size": Setting(64, "Side in pixels; images of another size are resized."),
        "most_boxes": Setting(20, "Boxes returned for an image, those of low scores included."),
        "initialisation": _Network.settings["initialisation"],
    }

    def learner(self, assignment: Assignment) -> Learner:
        """Build a learner of the assignment's stage."""
        from harness_vision import _detector

        return _detector.learner(assignment, self.name)

    def codec(self, folder: Path) -> Codec:
        """Build the codec of an artifact."""
        from harness_vision._box_codec import BoxCodec

        return BoxCodec.load(folder)


class CenterNet(_Detector):
    """A detector of objects as points."""

    name = "centernet"
    summary = "CenterNet over a ResNet (transformers) with a pyramid: a heat map of centres, their places and sizes"
    pretraining = "rotation"


class RtDetr(_Detector):
    """A transformer whose boxes are matched with objects."""

    name = "rt-detr"
    summary = "RT-DETR (transformers): attention, boxes matched one to one with objects"
    settings: ClassVar[Mapping[str, Setting]] = {
        **_Detector.settings,
        "learning_rate": Setting(0.002, _Detector.settings["learning_rate"].help),
        # Glorot's would overwrite the layers' special initial values: where attention looks, and how rare objects are.
        "initialisation": _Network.settings["initialisation"]._replace(default="default"),
    }
