"""The detectors: built for any image, better after training, the same in ONNX Runtime."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness import Assignment, Budget, Unsupported, grading
from harness.plugins import load_plugins
from harness.settings import filled
from harness_vision import _centernet
from harness_vision._box_codec import BoxCodec
from harness_vision._objects import Objects
from harness_vision.detection import DetectionData, Scenes
from harness_vision.models import CenterNet, Components, RtDetr

NETWORKS = (CenterNet, RtDetr)
SMALL = {"image_size": 32, "most_boxes": 8}
"""Settings that make a network quick to train."""
CHANNELS = (slice(0, 1), slice(1, 3))
"""Label of a patch → its bright channels."""


def _assignment(model: Any, data: Any, steps: int, stage: Any = "finetune", **changes: Any) -> Assignment:
    settings = filled(changes, model.settings)
    return Assignment(stage, data, model.sizes[0], settings, "cpu", "fp32", 0, Budget(steps=steps))


def _precision(learner: Any, data: DetectionData, name: str = "AP50") -> float:
    grades = data.evaluate(learner.predict, 16)
    return grades.over[name](np.arange(grading.items(grades.scores)))


def _patch(draw: np.random.Generator) -> tuple[np.ndarray, Objects]:
    """Return a colour image, not square, with one patch, red or light blue; an image in ten is empty."""
    image = draw.integers(0, 60, (30, 50, 3)).astype(np.uint8)
    if draw.random() < 0.1:
        return image, Objects.of([], [])
    label, (width, height) = int(draw.integers(2)), draw.integers(10, 20, 2)
    left, top = int(draw.integers(50 - width)), int(draw.integers(30 - height))
    image[top : top + height, left : left + width, CHANNELS[label]] = 220
    return image, Objects.of([[left, top, left + width, top + height]], [label])


@pytest.fixture(scope="module")
def patches() -> DetectionData:
    """Return images with patches whose class is their colour."""
    draw = np.random.default_rng(0)
    splits = {}
    for split, count in {"train": 120, "validation": 20, "test": 40}.items():
        images, objects = zip(*(_patch(draw) for _ in range(count)), strict=True)
        splits[split] = Scenes(images, objects)
    return DetectionData(["red", "light blue"], splits)


@pytest.mark.parametrize(
    ("kind", "precision"),
    [(CenterNet, 0.6), pytest.param(RtDetr, 0.3, marks=pytest.mark.slow)],
    ids=["centernet", "rt-detr"],
)
def test_every_network_begins_to_find_patches(patches: DetectionData, kind: Any, precision: float) -> None:
    """Three channels, resized, not square, some without objects; untrained, precision is near 0."""
    learner = kind().learner(_assignment(kind(), patches, 60, batch_size=8, **SMALL))
    losses = [learner.step().losses["loss"] for _ in range(60)]

    assert np.mean(losses[-10:]) < 0.7 * np.mean(losses[:10])
    assert _precision(learner, patches) > precision


@pytest.mark.usefixtures("no_precision_yet")
@pytest.mark.parametrize("kind", NETWORKS, ids=lambda kind: kind.name)
def test_every_network_trains_in_bf16(patches: DetectionData, kind: Any) -> None:
    """Boxes stay float32: in bf16 they would be off by pixels."""
    assignment = _assignment(kind(), patches, 3, batch_size=8, **SMALL)
    learner = kind().learner(replace(assignment, precision="bf16"))
    losses = [learner.step().losses["loss"] for _ in range(3)]
    arrays = learner.codec().encode(patches.queries()[:2])
    with torch.inference_mode(), learner.accelerator.autocast():
        outputs = learner.module().eval()(**{name: torch.from_numpy(array) for name, array in arrays.items()})

    assert np.isfinite(losses).all()
    assert outputs["detections"].dtype == torch.float32


@pytest.mark.slow
@pytest.mark.parametrize("kind", NETWORKS, ids=lambda kind: kind.name)
def test_every_network_finds_patches(patches: DetectionData, kind: Any) -> None:
    """In the default image size, after more steps: most patches are detected."""
    learner = kind().learner(_assignment(kind(), patches, 120, batch_size=16))
    losses = [learner.step().losses["loss"] for _ in range(120)]

    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:10])
    assert _precision(learner, patches) > 0.6


def test_components_find_patches(patches: DetectionData, tmp_path: Path) -> None:
    """In one step; a loaded model predicts like the trained one."""
    assignment = _assignment(Components(), patches, 1)
    learner = Components().learner(assignment)
    progress = learner.step()
    learner.save(tmp_path)
    loaded = Components().learner(assignment)
    loaded.load(tmp_path)

    assert (progress.done, progress.consumed) == (True, {"samples": 120})
    assert _precision(loaded, patches) > 0.2
    for one, other in zip(loaded.predict(patches.queries()), learner.predict(patches.queries()), strict=True):
        assert np.allclose(one, other, atol=1e-5)


def test_a_uniform_image_has_no_components(patches: DetectionData) -> None:
    """No patch, no detection, in a batch with other images."""
    learner = Components().learner(_assignment(Components(), patches, 1))
    learner.step()
    even, other = learner.predict([np.full((20, 20, 3), 9, np.uint8), patches.queries()[0]])

    assert even.shape == (0, 6)
    assert other.shape[1] == 6


def test_components_find_digits() -> None:
    """With a few hundred scenes to train on, on photographs that training did not show."""
    whole: Any = load_plugins().tasks["object-detection"].data(None, {"scenes": 300})
    splits = {split: Scenes(*(column[:150] for column in whole.scenes(split))) for split in ("validation", "test")}
    data = DetectionData(whole.classes, {"train": whole.scenes("train"), **splits})
    learner = Components().learner(_assignment(Components(), data, 1))
    learner.step()

    assert 0.15 < _precision(learner, data, "mAP") < 0.4


@pytest.mark.parametrize("kind", NETWORKS, ids=lambda kind: kind.name)
def test_boxes_lie_inside_images_and_have_the_set_number(patches: DetectionData, kind: Any) -> None:
    """Those of an untrained network too."""
    learner = kind().learner(_assignment(kind(), patches, 1, most_boxes=7))
    answers = learner.predict([*patches.queries()[:2], np.zeros((5, 200, 3), np.uint8)])

    assert [answer.shape for answer in answers] == [(7, 6)] * 3
    for answer, (width, height) in zip(answers, [(50, 30), (50, 30), (200, 5)], strict=True):
        assert (answer[:, :2] <= answer[:, 2:4]).all()
        assert answer[:, :4].min() >= 0
        assert (answer[:, 2] <= width).all()
        assert (answer[:, 3] <= height).all()
        assert set(answer[:, 4].tolist()) <= {0.0, 1.0}
        assert ((answer[:, 5] > 0) & (answer[:, 5] < 1)).all()


@pytest.mark.slow  # the conformance kit exports both on images of one size
@pytest.mark.parametrize("kind", NETWORKS, ids=lambda kind: kind.name)
def test_onnx_runtime_finds_the_same(patches: DetectionData, kind: Any, tmp_path: Path) -> None:
    """Boxes are decoded in the graph, at any batch size."""
    runtime, model = load_plugins().runtimes["onnxruntime"], kind()
    assignment = _assignment(model, patches, 10)
    learner = model.learner(assignment)
    for _ in range(10):
        learner.step()
    trained, exported = tmp_path / "trained", tmp_path / "exported"
    learner.save(trained)
    exported.mkdir()
    readings = runtime.export(model, learner, trained, patches.queries()[:5], exported)
    predict = runtime.predictor(model, assignment, trained, exported)

    assert readings["largest_difference"].value < 1e-2
    for size in (1, 5):
        for one, other in zip(
            predict(patches.queries()[:size]), learner.predict(patches.queries()[:size]), strict=True
        ):
            assert np.allclose(one, other, atol=1e-3)


def test_pretraining_predicts_rotations_and_hands_over_its_body(patches: DetectionData, tmp_path: Path) -> None:
    """The body is transferred whole; without fine-tuning there are no detections."""
    before: Any = CenterNet().learner(_assignment(CenterNet(), patches, 2, stage="pretrain"))
    losses = [before.step().losses["loss"] for _ in range(2)]
    before.save(tmp_path)
    after: Any = CenterNet().learner(replace(_assignment(CenterNet(), patches, 2), start=tmp_path, pretrained=True))

    assert all(np.isfinite(losses))
    for name, weight in after.module().backbone.state_dict().items():
        assert torch.equal(weight, before.module().backbone.state_dict()[name])
    with pytest.raises(Unsupported, match="finds no objects yet"):
        before.predict(patches.queries()[:1])


def test_what_a_centre_net_is_taught_decodes_to_the_boxes(patches: DetectionData) -> None:
    """The loss's targets as network outputs decode to the objects."""
    learner: Any = CenterNet().learner(_assignment(CenterNet(), patches, 1))
    batch = learner.collate(learner.examples()[:8])
    grid = torch.tensor([16.0, 16.0])
    middles, spans = (batch["boxes"][:, :2] + batch["boxes"][:, 2:]) / 2 * grid, None
    spans = (batch["boxes"][:, 2:] - batch["boxes"][:, :2]) * grid
    warmth = _centernet._warmth(middles, spans, 16, 16)
    cells = _centernet._middles(16, 16, middles)
    heat = torch.full((8, 16, 16, 2), -9.0)
    boxes = torch.zeros(8, 16, 16, 4)
    for number, (image, label) in enumerate(zip(batch["images"], batch["labels"], strict=True)):
        heat[image, :, :, label] += 18 * warmth[number]
        boxes[image] = torch.cat([middles[number] - cells, spans[number].log().expand(16, 16, 2)], -1)
    network = learner.module()
    network.maps = lambda pixel_values: (heat, boxes)
    detections = network(batch["pixel_values"], torch.ones(8, 2))["detections"]
    best = detections[torch.arange(8), detections[..., 5].argmax(1)]

    assert warmth.flatten(1).max(1).values.tolist() == [1.0] * len(warmth)
    for image, box, label in zip(batch["images"], batch["boxes"], batch["labels"], strict=True):
        assert torch.allclose(best[image, :4], box, atol=1e-4)
        assert best[image, 4] == label
        assert best[image, 5] > 0.99


def test_an_image_without_objects_has_a_finite_loss() -> None:
    """That of the heat alone."""
    data = DetectionData(
        ["a"], dict.fromkeys(("train",), Scenes([np.zeros((9, 9, 1), np.uint8)], [Objects.of([], [])]))
    )
    learner: Any = CenterNet().learner(_assignment(CenterNet(), data, 2))

    assert 0 <= learner.step().losses["loss"] < 10


def test_the_codec_keeps_the_sizes_of_the_originals(tmp_path: Path) -> None:
    """A loaded codec too."""
    BoxCodec(16, 3).save(tmp_path)
    codec = BoxCodec.load(tmp_path)
    arrays = codec.encode([np.zeros((10, 30, 3), np.uint8), np.zeros((16, 16, 3), np.uint8)])

    assert isinstance(codec, BoxCodec)
    assert arrays["sizes"].tolist() == [[30, 10], [16, 16]]
    assert arrays["pixel_values"].shape == (2, 3, 16, 16)
