"""Tasks on images and clips, and models for them.

The task `image-classification` with the models `logistic`, `pixel-mlp`, `resnet`, `efficientnet` and `vit`;
`object-detection` with `components`, `centernet` and `rt-detr`; `video-classification` with `middle-frame`,
`clip-logistic`, `conv3d` and `videomae`; `image-generation` with `pixel-gaussian` and `dcgan`. This module imports
nothing heavy.
"""

from collections.abc import Iterable
from pathlib import Path

from harness import Model, Task, UseCase, hookimpl
from harness_vision.generation import Dcgan, Gaussian, ImageGeneration
from harness_vision.models import CenterNet, Components, EfficientNet, Logistic, PixelMlp, ResNet, RtDetr, ViT
from harness_vision.tasks import ImageClassification, ObjectDetection
from harness_vision.video import ClipLogistic, Conv3d, MiddleFrame, VideoClassification, VideoMae

__all__ = ["harness_models", "harness_tasks", "harness_use_cases"]


@hookimpl
def harness_tasks() -> Iterable[Task]:
    """Return the tasks."""
    return [ImageClassification(), ObjectDetection(), VideoClassification(), ImageGeneration()]


@hookimpl
def harness_models() -> Iterable[Model]:
    """Return the models, cheapest first."""
    images = [Logistic(), PixelMlp(), ResNet(), EfficientNet(), ViT(), Components(), CenterNet(), RtDetr()]
    return [*images, MiddleFrame(), ClipLogistic(), Conv3d(), VideoMae(), Gaussian(), Dcgan()]


@hookimpl
def harness_use_cases() -> Iterable[UseCase]:
    """Return the use cases."""
    from harness.use_case_file import read_use_cases

    return read_use_cases(Path(__file__).parent / "use_cases")
