"""An episode as an animated picture."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from harness.grading import kept
from harness_control import tasks
from harness_control._film import FRAMES, SIZE
from harness_control._game import Game

SHOWN = [tasks.CartPole, tasks.LunarLander, tasks.InvertedPendulum, tasks.Reacher, tasks.FrozenLakes, tasks.Highway]


def _by_rule(data: Any) -> Any:
    return lambda inputs: [data.world.rule(seen) for seen in inputs]


@pytest.mark.parametrize("task", SHOWN, ids=lambda task: task.name)
def test_a_game_is_shown_as_it_is_played(task: type[tasks.CartPole]) -> None:
    """Something moves, the picture is small, and the record takes it."""
    data = task().data(None, {})

    (sample,) = data.show(_by_rule(data))

    with Image.open(io.BytesIO(sample.content)) as film:
        frames = [_frame(film, number) for number in range(film.n_frames)]
    assert 1 < len(frames) <= FRAMES + 1
    assert len(set(frames)) > 1, "nothing moves"
    assert all(colours > 1 for colours in map(_colours, frames)), "a picture of nothing"
    assert kept([sample])[0]["media_type"] == "image/gif"


def _frame(film: Image.Image, number: int) -> bytes:
    film.seek(number)
    assert film.width <= SIZE[0]
    assert film.height <= SIZE[1]
    return film.convert("RGB").tobytes()


def _colours(frame: bytes) -> int:
    return len({frame[place : place + 3] for place in range(0, len(frame), 3)})


def test_the_caption_says_what_was_reached() -> None:
    """Return and steps are those of the first graded episode."""
    data = tasks.CartPole().data(None, {})
    assert isinstance(data, Game)
    graded = data.evaluate(_by_rule(data), 100)

    (sample,) = data.show(_by_rule(data))

    assert sample.caption == "Episode of seed 2000000: return 500 after 500 steps, every 16th step"
    assert graded["episode_return"][0] == 500  # type: ignore[call-overload]


def test_showing_changes_no_grade() -> None:
    """The film is played in an environment of its own."""
    data = tasks.Reacher().data(None, {})
    before = data.evaluate(_by_rule(data), 50, "validation")
    data.show(_by_rule(data))

    assert data.evaluate(_by_rule(data), 50, "validation") == before
