"""The image classifiers: built for any image, pretrained by rotations, good on digits after a few seconds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness import Assignment, Budget, Unsupported
from harness.labelled import Examples
from harness.plugins import load_plugins
from harness.settings import filled
from harness_vision._codec import ImageCodec
from harness_vision.data import ImageClassificationData
from harness_vision.models import EfficientNet, PixelMlp, ResNet, ViT

NETWORKS = (PixelMlp, ResNet, EfficientNet, ViT)


def _assignment(model: Any, data: Any, steps: int, stage: Any = "finetune", **changes: Any) -> Assignment:
    settings = filled(changes, model.settings)
    return Assignment(stage, data, model.sizes[0], settings, "cpu", "fp32", 0, Budget(steps=steps))


@pytest.fixture(scope="module")
def colours() -> ImageClassificationData:
    """Return small colour images whose class is their brightest channel, of another size than the networks'."""
    draw = np.random.default_rng(0)
    labels = [number % 3 for number in range(90)]
    images = [draw.integers(0, 90, (20, 30, 3), dtype=np.uint8) for _ in labels]
    for image, label in zip(images, labels, strict=True):
        image[..., label] += 120
    parts = {"train": slice(0, 60), "validation": slice(60, 75), "test": slice(75, 90)}
    splits = {name: Examples(images[part], labels[part]) for name, part in parts.items()}
    return ImageClassificationData(["red", "green", "blue"], splits)


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, id=kind.name, marks=pytest.mark.slow if kind.name in ("efficientnet", "vit") else [])
        for kind in NETWORKS
    ],
)
def test_every_network_learns_colours(colours: ImageClassificationData, kind: Any) -> None:
    """Three channels, resized, after a few steps."""
    steps = 100 if kind is EfficientNet else 40  # the running means of its many norms converge slowly
    learner = kind().learner(_assignment(kind(), colours, steps, batch_size=20, image_size=16))
    losses = [learner.step().losses["loss"] for _ in range(steps)]
    scores = colours.evaluate(learner.predict, 8).scores

    assert losses[-1] < 0.5 * losses[0]
    assert np.mean(scores["correct"]) > 0.8


def test_a_convolutional_network_begins_to_read_digits() -> None:
    """Near the baseline of .90 after a few steps on images of half the size."""
    data: Any = load_plugins().tasks["image-classification"].data(None, {})
    learner: Any = ResNet().learner(_assignment(ResNet(), data, 60, image_size=14, batch_size=32))
    for _ in range(60):
        learner.step()

    assert np.mean(data.evaluate(learner.predict, 64).scores["correct"]) > 0.8


@pytest.mark.slow
def test_a_convolutional_network_reads_digits() -> None:
    """Well above the baseline of .90 after three hundred steps."""
    data: Any = load_plugins().tasks["image-classification"].data(None, {})
    learner: Any = ResNet().learner(_assignment(ResNet(), data, 300))
    for _ in range(300):
        learner.step()

    assert np.mean(data.evaluate(learner.predict, 64).scores["correct"]) > 0.94


@pytest.mark.parametrize("kind", [ResNet, EfficientNet, ViT], ids=lambda kind: kind.name)
def test_pretraining_predicts_rotations_and_hands_over_its_body(
    colours: ImageClassificationData, kind: Any, tmp_path: Path
) -> None:
    """The body is transferred whole; without fine-tuning there are no predictions."""
    before: Any = kind().learner(_assignment(kind(), colours, 2, stage="pretrain"))
    before.step()
    before.save(tmp_path)
    after: Any = kind().learner(replace(_assignment(kind(), colours, 2), start=tmp_path, pretrained=True))

    for name, weight in after.module().network.named_parameters():
        assert torch.equal(weight, dict(before.module().network.named_parameters())[name])
    assert before.module().head.out_features == 4
    with pytest.raises(Unsupported, match="knows no classes yet"):
        before.predict(colours.queries()[:1])


def test_rotations_are_labelled_by_their_quarter_turns(colours: ImageClassificationData) -> None:
    """Rotated back by its label, every image is the original."""
    learner: Any = ResNet().learner(_assignment(ResNet(), colours, 2, stage="pretrain"))
    examples = learner.examples()[:16]
    batch = learner.collate(examples)
    back = [torch.rot90(image, -int(turn), (1, 2)) for image, turn in zip(*batch.values(), strict=True)]

    assert all(torch.equal(image, original) for image, (original, _) in zip(back, examples, strict=True))
    assert len(set(batch["labels"].tolist())) > 1


@pytest.mark.parametrize(("shape", "channels"), [((28, 28, 1), 1), ((10, 40, 1), 3), ((10, 40, 3), 1), ((5, 5, 3), 3)])
def test_every_image_becomes_the_square_the_network_takes(
    shape: tuple[int, ...], channels: int, tmp_path: Path
) -> None:
    """Grey to colour and back, any size, values from -1 to 1; by a loaded codec."""
    codec = ImageCodec(28, channels)
    codec.save(tmp_path)
    image = np.full(shape, 255, np.uint8)
    pixels = ImageCodec.load(tmp_path).encode([image, image * 0])["pixel_values"]

    assert pixels.shape == (2, channels, 28, 28)
    assert pixels.dtype == np.float32
    assert np.allclose(pixels[0], 1.0)
    assert np.allclose(pixels[1], -1.0)
