"""Image generation: the distance from real pictures, by a network trained on them, and the generators."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from harness import Assignment, Budget, DataError, Unsupported, grading
from harness.labelled import Examples
from harness.plugins import load_plugins
from harness.settings import filled
from harness_vision._codec import ImageCodec
from harness_vision._features import FeatureNetwork
from harness_vision._noise_codec import NoiseCodec
from harness_vision.data import ImageClassificationData
from harness_vision.drawings import DISTANCE, RECOGNISED, DrawingData
from harness_vision.generation import Dcgan, Gaussian

GENERATORS = (Gaussian, Dcgan)


@pytest.fixture(scope="module")
def digits() -> DrawingData:
    """Return the task's data; its network is trained once for all tests here."""
    data = load_plugins().tasks["image-generation"].data(None, {})
    assert isinstance(data, DrawingData)
    return data


@pytest.fixture(scope="module")
def stripes() -> DrawingData:
    """Return small colour pictures, not square, with one bright half: left, right, top or bottom."""
    draw = np.random.default_rng(0)
    labels = [number % 4 for number in range(140)]
    images = [draw.integers(0, 60, (12, 20, 3), dtype=np.uint8) for _ in labels]
    halves = [(slice(None), slice(0, 10)), (slice(None), slice(10, 20)), (slice(0, 6),), (slice(6, 12),)]
    for image, label in zip(images, labels, strict=True):
        image[halves[label]] += 150
    parts = {"train": slice(0, 80), "validation": slice(80, 100), "test": slice(100, 140)}
    splits = {name: Examples(images[part], labels[part]) for name, part in parts.items()}
    return DrawingData(ImageClassificationData(["left", "right", "top", "bottom"], splits))


def _learner(model: Any, data: Any, steps: int = 1, **changes: Any) -> Any:
    settings = filled(changes, model.settings)
    return model.learner(Assignment("finetune", data, model.sizes[0], settings, "cpu", "fp32", 0, Budget(steps=steps)))


def _recite(pictures: Any) -> Any:
    """Return a predictor that answers with given pictures in their order."""
    left = iter(pictures)
    return lambda requests: [next(left) for _ in requests]


def _distance(grades: Any) -> float:
    return float(grades.over[DISTANCE](np.arange(grading.items(grades.scores))))


def _pictures(data: DrawingData, split: str) -> np.ndarray:
    return np.stack(list(data.real.examples(split).inputs)) / 255


# The task -----------------------------------------------------------------------------------------------------------


def test_the_real_pictures_are_at_no_distance_from_themselves(digits: DrawingData) -> None:
    """Shuffled too: no picture is the answer to a request."""
    test = np.random.default_rng(0).permutation(_pictures(digits, "test"))
    grades = digits.evaluate(_recite(test), 64)

    assert _distance(grades) < 1e-6
    assert np.mean(grades.scores[RECOGNISED]) > 0.75
    assert digits.references("test") is None


def test_what_is_worse_is_further(digits: DrawingData) -> None:
    """Other real pictures, blurred ones, half of the classes, one class, one picture, noise: each further than most."""
    held_out, train = _pictures(digits, "validation"), _pictures(digits, "train")
    labels = np.array(digits.real.examples("train").labels)
    blurred = np.stack([np.asarray(Image.fromarray((p[..., 0] * 255).astype(np.uint8)).resize((7, 7)).resize((28, 28))) for p in train[:1000]])[..., None] / 255  # fmt: skip  # noqa: E501
    pictures_of = {
        "real": np.concatenate([held_out, held_out]), "blurred": blurred, "half": train[labels < 5][:1000],
        "one class": np.tile(train[labels == 3], (3, 1, 1, 1))[:1000],
        "one picture": np.tile(train[:1], (1000, 1, 1, 1)),
    }  # fmt: skip
    distances = {name: _distance(digits.evaluate(_recite(pictures), 250)) for name, pictures in pictures_of.items()}
    noise = digits.random_baseline()

    assert distances["real"] < 0.02
    assert distances["real"] < distances["half"] < distances["one class"] < distances["one picture"]
    assert distances["real"] < 0.2 * distances["blurred"]
    assert noise[DISTANCE] > 50 * distances["real"]
    assert noise[RECOGNISED] < 0.1


def test_requests_are_as_many_as_pictures_and_of_one_split(digits: DrawingData) -> None:
    """Validation and test share no request; serving uses those of the test."""
    requests: list[int] = []

    def black(batch: Any) -> Any:
        requests.extend(batch)
        return np.zeros((len(batch), 28, 28, 1))

    digits.evaluate(black, 300, "validation")

    assert len(requests) == len(set(requests)) == digits.sizes["validation"] == 500
    assert len(digits.queries()) == 1000
    assert not set(requests) & set(digits.queries())


def test_a_record_keeps_the_metric_its_baseline_and_its_bootstrap(digits: DrawingData) -> None:
    """The interval contains the value, which is far from that of noise."""
    train = _pictures(digits, "train")[:1000] * 0.6
    task = load_plugins().tasks["image-generation"]
    metrics = grading.described(task, digits, digits.evaluate(_recite(train), 100))
    low, high = np.percentile(metrics[0]["replicates"], [2.5, 97.5])

    assert [metric["name"] for metric in metrics] == [DISTANCE, RECOGNISED]
    assert low < metrics[0]["value"] < high
    assert metrics[0]["random_baseline"] > 3 * high


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros((28, 28)), r"the shape \(28, 28\) instead of \(height, width, 1\)"),
        (np.zeros((28, 28, 3)), "instead of"),
        (np.full((28, 28, 1), 255), "pixels from 255 to 255, not from 0 to 1"),
        (np.full((28, 28, 1), np.nan), "not from 0 to 1"),
    ],
)
def test_invalid_pictures_are_rejected(digits: DrawingData, picture: np.ndarray, message: str) -> None:
    """Pixels from 0 to 255 would be graded as a white picture."""
    with pytest.raises(ValueError, match=message):
        digits.evaluate(lambda batch: [picture] * len(batch), 500)


@pytest.mark.parametrize("side", [28, 9])
def test_the_sheet_shows_drawn_and_real_pictures(stripes: DrawingData, side: int) -> None:
    """Generated ones of any size above a row of real ones; small enough for a record."""
    noise = list(np.random.default_rng(0).random((40, side, side, 3)))
    sample = stripes.show(lambda requests: noise[: len(requests)])[0]
    image = np.asarray(Image.open(io.BytesIO(sample.content)).convert("RGB"), float)

    assert image.shape == (6 * 56, 8 * 56, 3)
    assert grading.kept([sample])
    assert "last row are real. The distance between real pictures is 0." in sample.caption
    last = [image[-56:, 56 * n : 56 * n + 56] for n in range(4)]
    assert last[0][:, :24].mean() > 100 > last[0][:, 32:].mean()
    assert last[2][:24].mean() > 100 > last[2][32:].mean()


def test_the_identity_names_data_and_rule() -> None:
    """It adds to that of the pictures what the distance depends on."""
    tasks = load_plugins().tasks
    identity = tasks["image-generation"].identity(None, {})

    assert identity.startswith(tasks["image-classification"].identity(None, {}))
    assert f"torch {torch.__version__.split('+')[0]}" in identity


def test_pictures_of_ones_own_can_be_drawn(tmp_path: Path) -> None:
    """The task takes the sources of `image-classification`: a folder of images for each class, of any size."""
    task = load_plugins().tasks["image-generation"]
    settings = {"image_column": "image", "label_column": "label"}
    draw = np.random.default_rng(0)
    for number in range(60):
        name, floor = (("night", 0), ("day", 150))[number % 2]
        (tmp_path / name).mkdir(exist_ok=True)
        pixels = draw.integers(floor, floor + 80, (20 + number % 3, 30), np.uint8)
        Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    task.check(str(tmp_path), settings)
    data: Any = task.data(str(tmp_path), settings)
    grades = data.evaluate(_recite([image / 255 for image in data.real.queries()]), 100)

    assert _distance(grades) < 1e-6
    assert data.random_baseline()[DISTANCE] > 0.1
    assert task.identity(str(tmp_path), settings).startswith("folder sha256")
    with pytest.raises(DataError, match="There is no file or folder"):
        task.check("nowhere/at all", settings)


# The network --------------------------------------------------------------------------------------------------------


def test_the_network_classifies_digits(digits: DrawingData) -> None:
    """Well enough to compare pictures by its features, whose variances on the training images add up to 1."""
    images, labels = digits.real.examples("test")
    _, probabilities = digits.network.outputs(images)
    features, _ = digits.network.outputs(digits.real.examples("train").inputs)

    assert (probabilities.argmax(axis=1) == labels).mean() > 0.94
    assert features.var(axis=0).sum() == pytest.approx(1.0)


def test_networks_of_the_same_pictures_are_equal(stripes: DrawingData) -> None:
    """They neither depend on torch's global generator nor change it; batching does not matter."""
    torch.manual_seed(7)
    first = FeatureNetwork(stripes.real)
    drawn = torch.rand(1)
    torch.manual_seed(8)
    second = FeatureNetwork(stripes.real)
    images = stripes.real.queries()

    torch.manual_seed(7)
    assert torch.equal(drawn, torch.rand(1))
    assert np.array_equal(first.outputs(images)[0], second.outputs(images)[0])
    assert np.allclose(first.outputs(images[:3])[0], second.outputs(images)[0][:3], atol=1e-9)


# The generators -------------------------------------------------------------------------------------------------


def test_the_gaussian_draws_what_is_nearer_than_noise(digits: DrawingData) -> None:
    """In one step; a copy of the pixels' moments is rarely recognised."""
    learner = _learner(Gaussian(), digits)
    before = learner.parameters()
    progress = learner.step()
    grades = digits.evaluate(learner.predict, 64)

    assert (before, progress.done, progress.consumed) == (None, True, {"samples": 3500})
    assert 0 < progress.losses["loss"] < 0.2
    assert learner.parameters() == 65 * 784
    assert 0.1 < _distance(grades) < 0.5 * digits.random_baseline()[DISTANCE]
    assert np.mean(grades.scores[RECOGNISED]) < 0.5


def test_the_gaussian_has_the_moments_of_the_pictures(stripes: DrawingData) -> None:
    """With all components, before pixels are clipped."""
    learner = _learner(Gaussian(), stripes, image_size=8, directions=500)
    assert learner.step().losses["loss"] < 1e-6
    pixels = ImageCodec(8, 3).encode(stripes.real.examples("train").inputs)["pixel_values"].reshape(80, -1) / 2 + 0.5
    numbers = learner._numbers

    assert np.allclose(numbers["mean"], pixels.mean(axis=0), atol=1e-5)
    assert np.allclose((numbers["spread"] ** 2).sum(axis=0), pixels.var(axis=0, ddof=1), atol=1e-5)
    assert np.allclose(
        np.mean(list(learner.predict(range(2000))), axis=0).transpose(2, 0, 1).ravel(), numbers["mean"], atol=0.05
    )


def test_dcgan_draws_halves(stripes: DrawingData) -> None:
    """Three channels, resized: after some steps its pictures are nearer to real ones than noise."""
    learner = _learner(Dcgan(), stripes, 150, batch_size=16, image_size=12)
    far = _distance(stripes.evaluate(learner.predict, 16))
    steps = [learner.step() for _ in range(150)]
    grades = stripes.evaluate(learner.predict, 16)

    assert steps[0].consumed == {"samples": 16}
    assert all(set(step.losses) == {"discriminator_loss", "generator_loss"} for step in steps)
    assert _distance(grades) < 0.3 * far
    assert _distance(grades) < 0.5 * stripes.random_baseline()[DISTANCE]
    assert len(set(grades.scores["class"])) > 1


def test_each_network_of_dcgan_gets_gradients_in_its_turn_only(stripes: DrawingData) -> None:
    """The discriminator is not changed by the generator's gradient, nor the generator by the discriminator's."""
    learner = _learner(Dcgan(), stripes, 10, batch_size=16, image_size=12)
    learner.step()
    touched: list[str] = []
    descend = learner.descend

    def watched(network: Any, optimizer: Any, loss: Any) -> float:
        value = descend(network, optimizer, loss)
        for name, other in (("generator", learner.module()), ("discriminator", learner._discriminator)):
            if other is not network and any(w.grad is not None for w in other.parameters()):
                touched.append(name)
        return float(value)

    learner.descend = watched
    before = [weight.clone() for weight in learner._discriminator.parameters()]
    learner.step()

    assert touched == []
    assert any(not torch.equal(*pair) for pair in zip(before, learner._discriminator.parameters(), strict=True))


def test_dcgan_saves_the_generator_alone(stripes: DrawingData, tmp_path: Path) -> None:
    """A loaded generator draws the same pictures, without a discriminator."""
    learner = _learner(Dcgan(), stripes, 3, batch_size=16, image_size=14)
    for _ in range(3):
        learner.step()
    learner.save(tmp_path)
    loaded = _learner(Dcgan(), stripes, 3, image_size=20)
    loaded.load(tmp_path)

    assert np.shape(loaded.predict([5])) == (1, 12, 12, 3)
    assert np.array_equal(loaded.predict([5, 6]), learner.predict([5, 6]))
    assert not any("discriminator" in name for name in dict(loaded.module().named_parameters()))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["network.json", "noise.json", "weights.safetensors"]


@pytest.mark.parametrize("scheme", ["gaussian", "xavier"])
def test_both_networks_are_initialised_by_the_scheme(stripes: DrawingData, scheme: str) -> None:
    """The default is that of the paper, N(0, 0.02)."""
    learner = _learner(Dcgan(), stripes, initialisation=scheme)
    learner.optimizer(learner.module())
    spreads = [float(net[0].weight.detach().std()) for net in (learner.module().project, learner._discriminator)]

    assert Dcgan.settings["initialisation"].default == "gaussian"
    assert all((abs(spread - 0.02) < 0.002) == (scheme == "gaussian") for spread in spreads)


@pytest.mark.parametrize("kind", GENERATORS, ids=lambda kind: kind.name)
def test_one_request_is_one_picture(stripes: DrawingData, kind: Any) -> None:
    """Alone, in a batch or repeated; another request is another picture, from 0 to 1."""
    learner = _learner(kind(), stripes, batch_size=16, image_size=12) if kind is Dcgan else _learner(kind(), stripes)
    learner.step()
    several = np.stack(list(learner.predict([3, 1, 3])))

    assert np.array_equal(several[0], several[2])
    assert np.allclose(learner.predict([1])[0], several[1], atol=1e-6)
    assert not np.allclose(several[0], several[1])
    assert several.min() >= 0
    assert several.max() <= 1


def test_a_request_is_the_seed_of_its_noise(tmp_path: Path) -> None:
    """Numpy draws the noise, so that it is equal in every runtime."""
    codec = NoiseCodec(5)
    codec.save(tmp_path)
    noise = NoiseCodec.load(tmp_path).encode([4, 2_000_000])["noise"]

    assert noise.dtype == np.float32
    assert np.array_equal(noise[0], np.random.default_rng(4).standard_normal(5, np.float32))
    assert codec.decode({"pictures": np.zeros((2, 3, 4, 5))}).shape == (2, 4, 5, 3)


@pytest.mark.parametrize("kind", GENERATORS, ids=lambda kind: kind.name)
def test_other_data_are_refused(kind: Any, digits: DrawingData) -> None:
    """Images with classes are for classifiers."""
    with pytest.raises(Unsupported, match="holds no pictures that a generator could train on"):
        _learner(kind(), digits.real).step()


def test_another_precision_is_refused(stripes: DrawingData) -> None:
    """Otherwise a record would name a precision that was not used."""
    learner = _learner(Gaussian(), stripes)
    with pytest.raises(Unsupported, match="bf16"):
        Gaussian().learner(replace(learner.assignment, precision="bf16"))
