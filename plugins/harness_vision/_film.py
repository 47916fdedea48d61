"""Draws clips side by side with what was said of them, as one small film."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

CELL, LINE, COLUMNS = 64, 12, 3
"""Side of one clip and height of a line of text, in pixels; clips in a row."""
COLOURS = 16
"""With four bits a pixel the film stays small whatever the clips are."""
FRAMES = 10
"""At most; of longer clips as many are shown, evenly spaced."""
FRAME_MS = 150
RIGHT, WRONG = (0, 200, 80), (255, 140, 0)


def film(clips: Sequence[np.ndarray], words: Sequence[tuple[str, str]]) -> bytes:
    """Return a GIF of clips, uint8 [frames, height, width, channels], with the classes said of them and theirs."""
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
    """Return a picture's colours and those of the words, which are too few pixels to be among them."""
    colours = picture.quantize(COLOURS - 2).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([*colours[: 3 * (COLOURS - 2)], *RIGHT, *WRONG])
    return palette


def _picture(frames: Sequence[np.ndarray], words: Sequence[tuple[str, str]]) -> Image.Image:
    height = CELL + 2 * LINE
    whole = Image.new("RGB", (CELL * min(len(frames), COLUMNS), height * -(-len(frames) // COLUMNS)))
    pen = ImageDraw.Draw(whole)
    for number, (frame, (said, right)) in enumerate(zip(frames, words, strict=True)):
        left, top = number % COLUMNS * CELL, number // COLUMNS * height
        picture = Image.fromarray(np.squeeze(frame, 2) if frame.shape[2] == 1 else frame).convert("RGB")
        whole.paste(picture.resize((CELL, CELL), Image.Resampling.NEAREST), (left, top))
        pen.text((left + 1, top + CELL), said, fill=RIGHT if said == right else WRONG)
        if said != right:
            pen.text((left + 1, top + CELL + LINE), right, fill="white")
    return whole
