"""Declares the task of generating images and its models."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

from harness import Assignment, Codec, Data, Learner, Metric, Model, Setting, Task
from harness_vision.models import NETWORK_IMPORTS
from harness_vision.tasks import ImageClassification

GENERATION = "image-generation"
RULE = 1
"""Version of the distance: raise it when the network that compares pictures, or its training, changes."""


class ImageGeneration(Task):
    """Generate images like those of a data set: handwritten digits, or the user's images."""

    name = "image-generation"
    kind = GENERATION
    summary = "Generate images like those of a data set: handwritten digits, or images of your own"
    imports = (*(ImageClassification.imports or ()), "torch", "harness_vision.drawings", "harness_vision._features")
    metrics = (
        Metric(name="Frechet distance", unit="of the real pictures' variance", column=None, higher_is_better=False),
        Metric(name="recognised", unit="share", column="recognised", ceiling=1.0),
    )
    use_case = "image-generation"
    baseline = "pixel-gaussian"
    source = ImageClassification.source
    licence = ImageClassification.licence
    data_name = ImageClassification.data_name
    former_names: ClassVar[Mapping[str, str]] = {"digit-drawings": ""}
    settings: ClassVar[Mapping[str, Setting]] = ImageClassification.settings
    takes_data = True
    data_imports = ImageClassification.data_imports

    def identity(self, source: str | None, settings: Mapping[str, Any]) -> str:
        """Return the identity of the images and the version of the distance."""
        return f"{ImageClassification().identity(source, settings)}; compared by rule {RULE}, torch {version('torch')}"

    def data(self, source: str | None, settings: Mapping[str, Any]) -> Data:
        """Return the images of `image-classification`, in the same splits, or read a source."""
        from harness_vision.drawings import DrawingData

        return DrawingData(ImageClassification().data(source, settings))


class Gaussian(Model):
    """The baseline."""

    name = "pixel-gaussian"
    summary = "A Gaussian over the pixels' principal components (scikit-learn)"
    imports = ("sklearn.decomposition", "scipy", "safetensors.numpy", "harness_vision._gaussian")
    kinds = (GENERATION,)
    devices = ("cpu",)
    settings: ClassVar[Mapping[str, Setting]] = {
        "image_size": Setting(28, "Side of the pictures in pixels."),
        "directions": Setting(64, "Principal components."),
    }

    def learner(self, assignment: Assignment) -> Learner:
        """Build a learner."""
        from harness_vision._gaussian import GaussianLearner

        return GaussianLearner(assignment)


class Dcgan(Model):
    """A generator trained against a discriminator."""

    name = "dcgan"
    summary = "DCGAN: a generator of transposed convolutions against a discriminator; not pretrained"
    imports = (*NETWORK_IMPORTS, "harness_vision._dcgan")
    kinds = (GENERATION,)
    sizes = ("tiny", "small", "base")
    pretraining: ClassVar[str | None] = None
    """None: unsupervised training is the task itself."""
    formats = ("onnx",)
    settings: ClassVar[Mapping[str, Setting]] = {
        "learning_rate": Setting(0.001, "Highest learning rate of Adam, for both networks."),
        "batch_size": Setting(64, "Real pictures in a step, and as many generated ones."),
        "image_size": Setting(28, "Side of the pictures in pixels, a multiple of 4."),
        "noise": Setting(64, "Length of a picture's noise vector."),
        "initialisation": Setting(
            "gaussian",
            "How weights are drawn: default (the library's), random N(0, 1), gaussian N(0, 0.02), xavier (Glorot).",
            ("default", "random", "gaussian", "xavier"),
        ),
    }

    def learner(self, assignment: Assignment) -> Learner:
        """Build a learner."""
        from harness_vision._dcgan import DcganLearner

        return DcganLearner(assignment)

    def codec(self, folder: Path) -> Codec:
        """Build the codec of an artifact."""
        from harness_vision._noise_codec import NoiseCodec

        return NoiseCodec.load(folder)
