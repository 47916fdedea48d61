"""Sheets of sample images: detections and objects, generated and real pictures."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from harness_vision._objects import Objects

CELL, COLUMNS = 192, 3
"""Side of one image in the sheet, in pixels, and images in a row."""
COLOURS = 64
"""Six bits a pixel keep the sheet below 200 kB, whatever the images are."""
SMALL_CELL, COLUMNS_OF_DRAWINGS = 56, 8
"""Side of a generated picture, in pixels, and pictures in a row."""
TRUTH, GUESS = (0, 200, 80), (255, 140, 0)
SHOWN_FROM = 0.3
"""Lowest score of a box that is drawn."""


def sheet(
    images: Sequence[np.ndarray], objects: Sequence[Objects], answers: Sequence[np.ndarray], classes: Sequence[str]
) -> bytes:
    """Return a PNG of images side by side: objects in green, detections in orange with class and score."""
    rows = -(-len(images) // COLUMNS)
    whole = Image.new("RGB", (CELL * min(len(images), COLUMNS), CELL * rows))
    for number, one in enumerate(zip(images, objects, answers, strict=True)):
        whole.paste(_cell(*one, classes), (number % COLUMNS * CELL, number // COLUMNS * CELL))
    return _png(whole)


def _cell(image: np.ndarray, objects: Objects, answer: np.ndarray, classes: Sequence[str]) -> Image.Image:
    scale = CELL / max(image.shape[:2])
    size = [max(1, round(length * scale)) for length in image.shape[1::-1]]
    cell = Image.new("RGB", (CELL, CELL))
    cell.paste(rgb(image).resize(size))
    pen = ImageDraw.Draw(cell)
    for box in objects.boxes:
        pen.rectangle(_drawn(box, scale), outline=TRUTH)
    for *box, label, score in answer:
        if score >= SHOWN_FROM:
            edges = _drawn(box, scale)
            pen.rectangle(edges, outline=GUESS)
            pen.text((edges[0] + 2, edges[1]), f"{classes[int(label)]} {score:.2f}", fill=GUESS)
    return cell


def _drawn(box: Sequence[float], scale: float) -> list[float]:
    """Return a box that Pillow can draw: inside the cell, no edge past its opposite."""
    left, top, right, bottom = (min(max(float(edge) * scale, 0.0), CELL - 1.0) for edge in box)
    return [left, top, max(left, right), max(top, bottom)]


def grid(generated: Sequence[np.ndarray], real: Sequence[np.ndarray]) -> bytes:
    """Return a PNG of small images: the generated ones, then a row of real ones."""
    rows = -(-len(generated) // COLUMNS_OF_DRAWINGS)
    whole = Image.new("RGB", (SMALL_CELL * COLUMNS_OF_DRAWINGS, SMALL_CELL * (rows + 1)))
    for place, images in ((0, generated), (rows * COLUMNS_OF_DRAWINGS, real[:COLUMNS_OF_DRAWINGS])):
        for number, image in enumerate(images, start=place):
            row, column = divmod(number, COLUMNS_OF_DRAWINGS)
            whole.paste(rgb(image).resize((SMALL_CELL, SMALL_CELL)), (column * SMALL_CELL, row * SMALL_CELL))
    return _png(whole)


def rgb(image: np.ndarray) -> Image.Image:
    """Return an image, uint8 [height, width, 1 or 3], as a picture in colour."""
    return Image.fromarray(np.squeeze(image, 2) if image.shape[2] == 1 else image).convert("RGB")


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.quantize(COLOURS).save(file, "PNG", optimize=True)
    return file.getvalue()
