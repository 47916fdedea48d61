"""Pictures in questions: what arrives at a server is what the data hold, pixel by pixel."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from harness import NotAnAnswerError
from harness.plugin_files import import_file
from harness.plugins import load_plugins
from harness.seams.prompts import messages
from harness.settings import filled
from harness.store import open_store
from harness_vision._prompts import data_url

server = import_file(Path(__file__).with_name("server.py"))
Server = server.Server

CLASSES = ("dark sea", "red", "sky")
SUITE = """name: asked
models: [{{name: "openai:tiny", settings: {{base_url: "{url}", max_tokens: 8, shots: {shots}{more}}}}}]
tasks: [{{name: image-classification, data: pictures, data_name: colours}}]
batch_sizes: [8]
serve: {{seconds: 0.05, queries: 2}}
"""


def pixels(url: str) -> Any:
    """Return the picture of a data URL, read by a library of its own."""
    kind, _, content = url.partition(",")
    assert kind == "data:image/png;base64"
    array = np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))
    return array[..., None] if array.ndim == 2 else array


@given(height=st.integers(1, 9), width=st.integers(1, 9), channels=st.sampled_from([1, 3]), seed=st.integers(0, 99))
def test_no_pixel_is_lost(height: int, width: int, channels: int, seed: int) -> None:
    """Grey or in colour, whatever its size."""
    image = np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)

    assert np.array_equal(pixels(data_url(image)), image)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Return a folder in which is one of small pictures in colour, by class."""
    draw = np.random.default_rng(0)
    for name in CLASSES:
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(20):
            image = draw.integers(0, 256, (4, 6, 3), np.uint8)
            Image.fromarray(image).save(tmp_path / "pictures" / name / f"{number}.png")
    return tmp_path


def data_of(folder: Path) -> Any:
    """Return the data of the task."""
    task = load_plugins().find("tasks", "image-classification")
    return task.data(str(folder / "pictures"), filled({}, task.settings))


def write(folder: Path, url: str, shots: int = 0, more: str = "") -> None:
    """Write the suite."""
    (folder / "asked.yaml").write_text(SUITE.format(url=url, shots=shots, more=more), encoding="utf-8")


def test_pictures_arrive_and_classes_come_back(pictures: Path, harness_command: Any) -> None:
    """Every picture of the test split, after the pictures of the examples, which are of the training split."""
    data = data_of(pictures)
    images, labels = data.examples("test")
    answers = {
        messages(data.prompts(), image)[-1]["content"][-1]["image_url"]["url"]: data.classes[label]
        for image, label in zip(images, labels, strict=True)
    }
    keyed = {server.part_text({"image_url": {"url": url}}): answer.upper() for url, answer in answers.items()}
    with Server(answers=keyed) as one:
        write(pictures, one.url, shots=1)
        done = harness_command(pictures, "run", "asked.yaml", "--store", "store")
    record = next(each for each in open_store(str(pictures / "store")).records() if each.step == "evaluate")

    assert done.code == 0, done.stderr
    assert record.scores["correct"] == [1.0] * len(images)
    assert set(record.usage["test"]["why"]) == {None}
    sent = [entry["images"] for entry in one.log if entry["event"] == "asked"]
    arrived = {pixels(urls[-1]).tobytes() for urls in sent}
    assert arrived == {image.tobytes() for image in images}
    shown = {pixels(urls[0]).tobytes() for urls in sent}
    assert len(shown) == 1
    assert shown <= {image.tobytes() for image in data.examples("train").inputs}


def test_texts_alone_cannot_show_a_picture(pictures: Path, harness_command: Any) -> None:
    """The API for texts is refused before anything is asked."""
    with Server() as one:
        write(pictures, one.url, more=", api: completions")
        done = harness_command(pictures, "run", "asked.yaml", "--store", "store")

        assert one.log == []
    assert done.code == 2
    assert "Pictures are asked about in messages. Set api: chat." in done.stderr
    assert not (pictures / "store").exists()


def test_answers_name_classes(pictures: Path) -> None:
    """In any letters, within a sentence; another word is none."""
    prompts = data_of(pictures).prompts()

    assert [int(prompts.read(f"It is {name.title()}.", None).argmax()) for name in CLASSES] == [0, 1, 2]
    assert "dark sea, red, sky" in prompts.instruction
    assert not prompts.nothing().any()
    with pytest.raises(NotAnAnswerError):
        prompts.read("green", None)
