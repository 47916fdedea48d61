"""How images are asked about in words, and how answers in words become outputs."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from harness import Prompts
from harness.seams.prompts import chosen

if TYPE_CHECKING:
    from harness_vision.data import ImageClassificationData


class ImagePrompts(Prompts):
    """One of the classes of an image, by its name."""

    def __init__(self, data: ImageClassificationData) -> None:
        """Keep the data and the names of the classes."""
        self._data = data
        self.choices = data.classes
        names = ", ".join(data.classes)
        self.instruction = (
            f"Classify the image. Answer with exactly one of these classes, and with nothing else: {names}"
        )

    def ask(self, one: np.ndarray) -> list[dict[str, Any]]:
        """Return the image, in its own size."""
        return [{"type": "image_url", "image_url": {"url": data_url(one)}}]

    def examples(self) -> Sequence[tuple[np.ndarray, str]]:
        """Return the training images with the names of their classes."""
        images, labels = self._data.examples("train")
        return [(image, self.choices[label]) for image, label in zip(images, labels, strict=True)]

    def read(self, words: str, one: np.ndarray) -> np.ndarray:  # noqa: ARG002 - a class does not depend on the image
        """Return a row with a one at the class that is named.

        Raises:
            NotAnAnswerError: none is named, or several are.
        """
        row = self.nothing()
        row[chosen(words, self.choices)] = 1.0
        return row

    def nothing(self) -> np.ndarray:
        """Return a row of zeros."""
        return np.zeros(len(self.choices))


def data_url(image: np.ndarray) -> str:
    """Return an image, uint8 [height, width, 1 or 3], as a PNG in a data URL; no pixel is lost."""
    from PIL import Image

    written = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(written, "PNG")
    return f"data:image/png;base64,{base64.b64encode(written.getvalue()).decode()}"
