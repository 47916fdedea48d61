"""An episode as a small GIF."""

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
"""Most frames; of longer episodes every second, fourth, … step is shown."""
SIZE = (240, 160)
"""Largest width and height in pixels."""
FRAME_MS = 80
MODE = "rgb_array"
FROM_THE_SIDE = (0, 2)
"""Default axes of the plane in which a MuJoCo model is drawn: x and z."""
CAPSULE, SPHERE = 3, 2
"""The shapes that are drawn, by MuJoCo's `mjtGeom`."""


def undrawable(world: World) -> str | None:
    """Return why an environment cannot be drawn, or None. It is tried: some environments need a screen or OpenGL."""
    try:
        environment, view_axes = _drawable(world)
        environment.reset(seed=0)
        _frame(environment, view_axes)
        environment.close()
    except Exception as error:  # noqa: BLE001 - whatever a renderer raises
        return f"{world.environment} cannot be drawn here: {error}"
    return None


def film(world: World, predict: Predict, seed: int) -> Sample:
    """Play an episode from a seed and return it as a GIF."""
    environment, view_axes = _drawable(world)
    observation, _ = environment.reset(seed=seed)
    frames, stride, steps, total, over = [_frame(environment, view_axes)], 1, 0, 0.0, False
    while not over:
        observation, reward, terminated, truncated, _ = environment.step(predict([observation])[0])
        steps, total, over = steps + 1, total + float(reward), terminated or truncated
        if steps % stride == 0 or over:
            frames.append(_frame(environment, view_axes))
        if len(frames) > FRAMES:  # how long the episode lasts is not known beforehand
            frames, stride = frames[::2], stride * 2
    environment.close()
    every = "" if stride == 1 else f", every {stride}th step"
    return Sample(f"Episode of seed {seed}: return {total:.4g} after {steps} steps{every}", "image/gif", _gif(frames))


def _drawable(world: World) -> tuple[Any, tuple[int, int] | None]:
    """Return an environment that can be drawn and, for a MuJoCo model, the plane in which it is drawn."""
    # Servers have no screen, and with "dummy" highway-env draws nothing.
    os.environ.setdefault("SDL_VIDEODRIVER", "offscreen")
    environment = make(world)
    if hasattr(environment.unwrapped, "mujoco_renderer"):
        return environment, world.view_axes or FROM_THE_SIDE
    if MODE not in environment.metadata.get("render_modes", ()):
        raise ValueError(f"It has no render mode {MODE}.")
    return make(world, render_mode=MODE), None


def _frame(environment: Any, view_axes: tuple[int, int] | None) -> Image.Image:
    if view_axes:
        return _skeleton(environment.unwrapped, view_axes)
    picture = Image.fromarray(environment.render())
    picture.thumbnail(SIZE)
    return picture


def _skeleton(inner: Any, axes: tuple[int, int]) -> Image.Image:
    """Draw the capsules and spheres of a MuJoCo model in a plane; its renderer needs OpenGL, which servers lack."""
    width, height = SIZE
    picture = Image.new("RGB", SIZE, "white")
    pen = ImageDraw.Draw(picture)
    model = inner.model
    shapes = [number for number in range(model.ngeom) if model.geom_type[number] in (CAPSULE, SPHERE)]
    centre, reach = _view(inner, shapes)
    scale = 0.45 * min(SIZE) / reach  # pixels per m, with a margin of a tenth
    for number in shapes:
        ends = (_ends(inner, number) - centre)[:, axes].tolist()
        points = [(width / 2 + x * scale, height / 2 - y * scale) for x, y in ends]
        colour = tuple((model.geom_rgba[number][:3] * 255).astype(int).tolist())
        radius = max(1.5, float(model.geom_size[number][0] * scale))
        pen.line(points, fill=colour, width=round(2 * radius))
        for x, y in points:
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    return picture


def _view(inner: Any, shapes: list[int]) -> tuple[np.ndarray, float]:
    """Return the centre of the picture [3] and the distance to its edge, both in m.

    The picture frames the fixed shapes; without any it follows the moving ones.
    """
    fixed = [float(abs(_ends(inner, number)).max()) for number in shapes if inner.model.geom_bodyid[number] == 0]
    if fixed:
        return np.zeros(3), max(fixed)
    return np.mean([_ends(inner, number).mean(0) for number in shapes], axis=0), float(inner.model.stat.extent) / 3


def _ends(inner: Any, number: int) -> np.ndarray:
    """Return both ends of a capsule [2, 3] in m; for a sphere its centre twice."""
    half = inner.model.geom_size[number][1] if inner.model.geom_type[number] == CAPSULE else 0.0
    along = inner.data.geom_xmat[number].reshape(3, 3)[:, 2] * half
    ends: np.ndarray = inner.data.geom_xpos[number] + np.array([[-1.0], [1.0]]) * along
    return ends


def _gif(frames: list[Image.Image]) -> bytes:
    """Return frames as a looping GIF of 32 colours."""
    first, *others = (frame.convert("P", palette=Image.Palette.ADAPTIVE, colors=32) for frame in frames)
    file = io.BytesIO()
    first.save(file, "GIF", save_all=True, append_images=others, duration=FRAME_MS, loop=0, optimize=True)
    return file.getvalue()
