"""One episode as a small animated picture."""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from harness import Predict, Sample
from harness_control._game import Game

FRAMES = 60
"""At most; of longer episodes every second, fourth, … step is shown."""
SIZE = (240, 160)
"""Most pixels, width and height."""
FRAME_MS = 80
MODE = "rgb_array"
CAPSULE, SPHERE = 3, 2
"""MuJoCo's numbers of the shapes that are drawn."""


def can_be_filmed(game: Game) -> bool:
    """Return whether the environment draws itself, or can be drawn."""
    return game.world.seen_from is not None or MODE in game.make().metadata.get("render_modes", ())


def film(game: Game, predict: Predict, seed: int) -> Sample:
    """Play the episode of a seed and return it as a GIF."""
    os.environ.setdefault(
        "SDL_VIDEODRIVER", "offscreen"
    )  # servers have no screen; at "dummy" highway-env draws nothing
    seen_from = game.world.seen_from
    environment = game.make(**({} if seen_from else {"render_mode": MODE}))
    observation, _ = environment.reset(seed=seed)
    frames, stride, steps, total, over = [_frame(environment, seen_from)], 1, 0, 0.0, False
    while not over:
        observation, reward, terminated, truncated, _ = environment.step(predict([observation])[0])
        steps, total, over = steps + 1, total + float(reward), terminated or truncated
        if steps % stride == 0 or over:
            frames.append(_frame(environment, seen_from))
        if len(frames) > FRAMES:
            frames, stride = frames[::2], stride * 2
    environment.close()
    every = "" if stride == 1 else f", every {stride}th step"
    return Sample(f"Episode of seed {seed}: return {total:.4g} after {steps} steps{every}", "image/gif", _gif(frames))


def _frame(environment: Any, seen_from: tuple[int, int] | None) -> Image.Image:
    if seen_from:
        return _skeleton(environment.unwrapped, seen_from)
    picture = Image.fromarray(environment.render())
    picture.thumbnail(SIZE)
    return picture


def _skeleton(inner: Any, axes: tuple[int, int]) -> Image.Image:
    """Draw the capsules and spheres of a MuJoCo model in a plane: its own pictures need OpenGL, which servers lack."""
    width, height = SIZE
    picture = Image.new("RGB", SIZE, "white")
    pen = ImageDraw.Draw(picture)
    model = inner.model
    shown = [number for number in range(model.ngeom) if model.geom_type[number] in (CAPSULE, SPHERE)]
    frame = max(float(abs(_ends(inner, number)).max()) for number in shown if model.geom_bodyid[number] == 0)
    scale = 0.45 * min(SIZE) / frame
    for number in shown:
        points = [(width / 2 + x * scale, height / 2 - y * scale) for x, y in _ends(inner, number)[:, axes].tolist()]
        colour = tuple((model.geom_rgba[number][:3] * 255).astype(int).tolist())
        thick = max(1.5, float(model.geom_size[number][0] * scale))
        pen.line(points, fill=colour, width=round(2 * thick))
        for x, y in points:
            pen.ellipse((x - thick, y - thick, x + thick, y + thick), fill=colour)
    return picture


def _ends(inner: Any, number: int) -> np.ndarray:
    """Return both ends of a shape [2, 3] in m; those of a sphere are its centre."""
    half = inner.model.geom_size[number][1] if inner.model.geom_type[number] == CAPSULE else 0.0
    along = inner.data.geom_xmat[number].reshape(3, 3)[:, 2] * half
    ends: np.ndarray = inner.data.geom_xpos[number] + np.array([[-1.0], [1.0]]) * along
    return ends


def _gif(frames: list[Image.Image]) -> bytes:
    """Return frames in 32 colours, shown in a loop."""
    small = [frame.convert("P", palette=Image.Palette.ADAPTIVE, colors=32) for frame in frames]
    file = io.BytesIO()
    small[0].save(file, "GIF", save_all=True, append_images=small[1:], duration=FRAME_MS, loop=0, optimize=True)
    return file.getvalue()
