"""One episode as a small animated picture."""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from harness import Predict, Sample
from harness_control._environment import make
from harness_control.worlds import World

FRAMES = 60
"""At most; of longer episodes every second, fourth, … step is shown."""
SIZE = (240, 160)
"""Most pixels, width and height."""
FRAME_MS = 80
MODE = "rgb_array"
FROM_THE_SIDE = (0, 2)
"""Axes of the plane in which a MuJoCo model is drawn that says nothing else."""
CAPSULE, SPHERE = 3, 2
"""MuJoCo's numbers of the shapes that are drawn."""


def undrawable(world: World) -> str | None:
    """Return why an environment cannot be drawn, None where it can; tried, since some need a screen or OpenGL."""
    try:
        environment, seen_from = _stage(world)
        environment.reset(seed=0)
        _frame(environment, seen_from)
        environment.close()
    except Exception as error:  # noqa: BLE001 - whatever a renderer raises
        return f"{world.environment} cannot be drawn here: {error}"
    return None


def film(world: World, predict: Predict, seed: int) -> Sample:
    """Play the episode of a seed and return it as a GIF."""
    environment, seen_from = _stage(world)
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


def _stage(world: World) -> tuple[Any, tuple[int, int] | None]:
    """Return an environment that can be drawn, and the plane in which it is where it is a MuJoCo model."""
    os.environ.setdefault(
        "SDL_VIDEODRIVER", "offscreen"
    )  # servers have no screen; at "dummy" highway-env draws nothing
    environment = make(world)
    if hasattr(environment.unwrapped, "mujoco_renderer"):
        return environment, world.seen_from or FROM_THE_SIDE
    if MODE not in environment.metadata.get("render_modes", ()):
        raise ValueError(f"it has no render mode {MODE}.")
    return make(world, render_mode=MODE), None


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
    centre, reach = _field(inner, shown)
    scale = 0.45 * min(SIZE) / reach
    for number in shown:
        ends = (_ends(inner, number) - centre)[:, axes].tolist()
        points = [(width / 2 + x * scale, height / 2 - y * scale) for x, y in ends]
        colour = tuple((model.geom_rgba[number][:3] * 255).astype(int).tolist())
        thick = max(1.5, float(model.geom_size[number][0] * scale))
        pen.line(points, fill=colour, width=round(2 * thick))
        for x, y in points:
            pen.ellipse((x - thick, y - thick, x + thick, y + thick), fill=colour)
    return picture


def _field(inner: Any, shown: list[int]) -> tuple[np.ndarray, float]:
    """Return what lies in the middle of the picture [3] and how far it is to its edge, in m.

    Shapes that stay in their place frame the picture; without any it follows what moves.
    """
    fixed = [float(abs(_ends(inner, number)).max()) for number in shown if inner.model.geom_bodyid[number] == 0]
    if fixed:
        return np.zeros(3), max(fixed)
    return np.mean([_ends(inner, number).mean(0) for number in shown], axis=0), float(inner.model.stat.extent) / 3


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
