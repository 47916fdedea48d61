"""Draws clips side by side with their predicted classes, as one small animation."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from harness_vision._sheet import rgb

CELL, LINE, COLUMNS = 64, 12, 3
"""Side of one clip and height of a line of text, in pixels; clips in a row."""
COLOURS = 16
"""Four bits a pixel keep the film small, whatever the clips are."""
FRAMES = 10
"""Most frames; longer clips are sampled evenly."""
FRAME_MS = 150
RIGHT, WRONG = (0, 200, 80), (255, 140, 0)


def film(clips: Sequence[np.ndarray], words: Sequence[tuple[str, str]]) -> bytes:
    """Return a GIF of clips, uint8 [frames, height, width, channels], with their words: predicted and true class."""
    count = min(FRAMES, max(map(len, clips)))
    pictures = [
        _picture([clip[round(at * (len(clip) - 1))] for clip in clips], words) for at in np.linspace(0, 1, count)
    ]
    palette = _palette(pictures[0])
    frames = [picture.quantize(COLOURS, palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=FRAME_MS, loop=0)
    return file.getvalue()


def _palette(picture: Image.Image) -> Image.Image:
    """Return a picture's colours and those of the words, which cover too few pixels to be among them."""
    colours = picture.quantize(COLOURS - 2).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([*colours[: 3 * (COLOURS - 2)], *RIGHT, *WRONG])
    return palette


def _picture(frames: Sequence[np.ndarray], words: Sequence[tuple[str, str]]) -> Image.Image:
    height = CELL + 2 * LINE
    whole = Image.new("RGB", (CELL * min(len(frames), COLUMNS), height * -(-len(frames) // COLUMNS)))
    pen = ImageDraw.Draw(whole)
    for number, (frame, (predicted, label)) in enumerate(zip(frames, words, strict=True)):
        left, top = number % COLUMNS * CELL, number // COLUMNS * height
        whole.paste(rgb(frame).resize((CELL, CELL), Image.Resampling.NEAREST), (left, top))
        pen.text((left + 1, top + CELL), predicted, fill=RIGHT if predicted == label else WRONG)
        if predicted != label:
            pen.text((left + 1, top + CELL + LINE), label, fill="white")
    return whole
