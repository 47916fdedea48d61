"""An episode as a GIF."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from harness.grading import kept
from harness_control import tasks
from harness_control._film import FRAMES, SIZE
from harness_control._game import Game

TASKS = [tasks.CartPole, tasks.LunarLander, tasks.InvertedPendulum, tasks.Reacher, tasks.FrozenLakes, tasks.Highway]


def _by_rule(data: Any) -> Any:
    return lambda inputs: [data.world.rule(observation) for observation in inputs]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
@pytest.mark.usefixtures("few_episodes")
def test_a_game_is_filmed(task: type[tasks.CartPole]) -> None:
    """Frames differ and are not empty; the GIF is small enough for a record."""
    data: Any = task().data(None, {})

    (sample,) = data.show(_by_rule(data))

    with Image.open(io.BytesIO(sample.content)) as film:
        frames = [_frame(film, number) for number in range(film.n_frames)]
    assert 1 < len(frames) <= FRAMES + 1
    assert len(set(frames)) > 1, "nothing moves"
    assert all(_colours(frame) > 1 for frame in frames), "a frame is empty"
    assert kept([sample])[0]["media_type"] == "image/gif"


def test_a_mujoco_model_is_drawn_without_opengl() -> None:
    """This one has no fixed shapes: the picture follows the moving ones."""
    data = tasks.Gymnasium().data("Hopper-v5", {})

    (sample,) = data.show(lambda inputs: [np.full(3, 0.5, np.float32) for _ in inputs])

    with Image.open(io.BytesIO(sample.content)) as film:
        frames = [_frame(film, number) for number in range(film.n_frames)]
    assert len(set(frames)) > 1
    assert all(_colours(frame) > 1 for frame in frames)


def test_an_environment_that_cannot_be_drawn_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """The evaluation goes on without a picture."""
    data = tasks.Gymnasium().data("Acrobot-v1", {})
    assert isinstance(data, Game)
    monkeypatch.setattr(type(data.make().unwrapped), "render", lambda _: None)

    (sample,) = data.show(lambda inputs: [0 for _ in inputs])

    assert sample.media_type == "text/plain"
    assert sample.content.startswith(b"Acrobot-v1 cannot be drawn here: ")


def _frame(film: Image.Image, number: int) -> bytes:
    film.seek(number)
    assert film.width <= SIZE[0]
    assert film.height <= SIZE[1]
    return film.convert("RGB").tobytes()


def _colours(frame: bytes) -> int:
    return len({frame[place : place + 3] for place in range(0, len(frame), 3)})


@pytest.mark.usefixtures("few_episodes")
def test_the_caption_names_return_and_steps() -> None:
    """They are those of the first evaluated episode."""
    data = tasks.CartPole().data(None, {})
    assert isinstance(data, Game)
    scores = data.evaluate(_by_rule(data), 100)

    (sample,) = data.show(_by_rule(data))

    assert sample.caption == "Episode of seed 2000000: return 500 after 500 steps, every 16th step"
    assert scores["episode_return"][0] == 500  # type: ignore[call-overload]


@pytest.mark.usefixtures("few_episodes")
def test_a_film_changes_no_score() -> None:
    """It is played in another environment."""
    data = tasks.Reacher().data(None, {})
    before = data.evaluate(_by_rule(data), 50, "validation")
    data.show(_by_rule(data))

    assert data.evaluate(_by_rule(data), 50, "validation") == before
