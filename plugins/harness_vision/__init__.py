"""Images: what they show and where, tasks and the models for them.

Classification: the task `digits`; the models `logistic`, `pixel-mlp`, `resnet`, `efficientnet` and `vit`. Detection:
the task `scenes`; the models `components`, `centernet` and `rt-detr`. Video: the task `motions`; the models
`middle-frame`, `clip-logistic`, `conv3d` and `videomae`. Generation: the task `digit-drawings`; the models
`pixel-gaussian` and `dcgan`. Nothing heavy is imported here.
"""

from collections.abc import Iterable
from pathlib import Path

from harness import Model, Task, UseCase, hookimpl
from harness_vision.generation import Dcgan, DigitDrawings, Gaussian
from harness_vision.models import CenterNet, Components, EfficientNet, Logistic, PixelMlp, ResNet, RtDetr, ViT
from harness_vision.tasks import Digits, Scenes
from harness_vision.video import ClipLogistic, Conv3d, MiddleFrame, Motions, VideoMae

__all__ = ["harness_models", "harness_tasks", "harness_use_cases"]


@hookimpl
def harness_tasks() -> Iterable[Task]:
    """Bring the tasks."""
    return [Digits(), Scenes(), Motions(), DigitDrawings()]


@hookimpl
def harness_models() -> Iterable[Model]:
    """Bring the models, cheapest first."""
    images = [Logistic(), PixelMlp(), ResNet(), EfficientNet(), ViT(), Components(), CenterNet(), RtDetr()]
    return [*images, MiddleFrame(), ClipLogistic(), Conv3d(), VideoMae(), Gaussian(), Dcgan()]


@hookimpl
def harness_use_cases() -> Iterable[UseCase]:
    """Bring the use cases."""
    from harness.use_case_file import read_use_cases

    return read_use_cases(Path(__file__).parent / "use_cases")
