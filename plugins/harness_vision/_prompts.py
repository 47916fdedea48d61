"""How images are asked about in words, and how answers in words become outputs."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

from harness.class_prompts import ClassPrompts

if TYPE_CHECKING:
    import numpy as np


class ImagePrompts(ClassPrompts):
    """The class of an image."""

    noun = "image"

    def ask(self, one: np.ndarray) -> list[dict[str, Any]]:
        """Return the image, in its own size."""
        return [{"type": "image_url", "image_url": {"url": data_url(one)}}]


def data_url(image: np.ndarray) -> str:
    """Return an image, uint8 [height, width, 1 or 3], as a PNG in a data URL; no pixel is lost."""
    from PIL import Image

    written = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(written, "PNG")
    return f"data:image/png;base64,{base64.b64encode(written.getvalue()).decode()}"
