"""The networks for clips: built for any clip, pretrained by reconstruction."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from harness import Assignment, Budget, Unsupported
from harness.labelled import Examples
from harness.settings import filled
from harness_vision._clip_codec import ClipCodec
from harness_vision._clip_learner import masked_tubes
from harness_vision._clip_networks import MaskedVideoMae
from harness_vision.clips import ClipClassificationData
from harness_vision.video import ClipLogistic, Conv3d, MiddleFrame, VideoMae

NETWORKS = (Conv3d, VideoMae)


def _assignment(model: Any, data: Any, steps: int, stage: Any = "finetune", **changes: Any) -> Assignment:
    settings = filled(changes, model.settings)
    return Assignment(stage, data, model.sizes[0], settings, "cpu", "fp32", 0, Budget(steps=steps))


def _clip(draw: np.random.Generator, brighter: bool) -> np.ndarray:
    """Return a colour clip, not square, of five to nine frames, that becomes brighter or darker."""
    light = np.linspace(-60, 60, int(draw.integers(5, 10)))[:, None, None, None]
    frames = draw.integers(80, 176) + (light if brighter else -light) + draw.normal(0, 5, (len(light), 20, 30, 3))
    return np.clip(frames, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def lights() -> ClipClassificationData:
    """Return clips whose class is the change from frame to frame."""
    draw = np.random.default_rng(0)
    splits = {}
    for split, count in {"train": 64, "validation": 20, "test": 40}.items():
        labels = [number % 2 for number in range(count)]
        splits[split] = Examples([_clip(draw, label == 1) for label in labels], labels)
    return ClipClassificationData(["darker", "brighter"], splits)


def _right(learner: Any, data: ClipClassificationData) -> float:
    return float(np.mean(data.evaluate(learner.predict, 16).scores["correct"]))


@pytest.mark.parametrize("kind", NETWORKS, ids=lambda kind: kind.name)
def test_every_network_learns_what_changes(lights: ClipClassificationData, kind: Any) -> None:
    """Three channels, resized, of any length: classified after some steps."""
    learner = kind().learner(_assignment(kind(), lights, 40, image_size=16, batch_size=16, learning_rate=0.003))
    losses = [learner.step().losses["loss"] for _ in range(40)]

    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])
    assert _right(learner, lights) > 0.9


def test_only_the_baseline_that_sees_all_frames_learns_what_changes(
    lights: ClipClassificationData, tmp_path: Path
) -> None:
    """One frame shows no change; a loaded model predicts like the trained one."""
    right = {}
    for kind in (MiddleFrame, ClipLogistic):
        model: Any = kind()
        assignment = Assignment("finetune", lights, "default", filled({}, model.settings), "cpu", "fp32", 0)
        learner, loaded = model.learner(assignment), model.learner(assignment)
        learner.step()
        learner.save(tmp_path)
        loaded.load(tmp_path)
        right[kind] = _right(loaded, lights)
        assert np.allclose(loaded.predict(lights.queries()), learner.predict(lights.queries()), atol=1e-5)

    assert right[MiddleFrame] < 0.75
    assert right[ClipLogistic] > 0.95


def test_the_middle_frame_is_all_the_cheap_baseline_sees(lights: ClipClassificationData) -> None:
    """Other frames do not change its prediction."""
    model = MiddleFrame()
    assignment = Assignment("finetune", lights, "default", filled({}, model.settings), "cpu", "fp32", 0)
    learner = model.learner(assignment)
    learner.step()
    clip = np.full((7, 20, 30, 3), 90, np.uint8)
    others, middle = clip.copy(), clip.copy()
    others[[0, 1, 2, 4, 5, 6]] = 255
    middle[3] = 255
    first, second, third = learner.predict([clip, others, middle])

    assert np.array_equal(first, second)
    assert not np.array_equal(first, third)


def test_pretraining_reconstructs_patches_and_hands_over_its_body(
    lights: ClipClassificationData, tmp_path: Path
) -> None:
    """The loss falls; the body is transferred whole; without fine-tuning there are no predictions."""
    model = VideoMae()
    before: Any = model.learner(
        _assignment(model, lights, 30, stage="pretrain", image_size=16, batch_size=16, learning_rate=0.003)
    )
    losses = [before.step().losses["loss"] for _ in range(30)]
    before.save(tmp_path)
    assignment = replace(_assignment(model, lights, 2, image_size=16), start=tmp_path, pretrained=True)
    after: Any = model.learner(assignment)
    pretrained = before.module().network.videomae.state_dict()

    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])
    assert all(
        torch.equal(weight, pretrained[name]) for name, weight in after.module().network.videomae.state_dict().items()
    )
    with pytest.raises(Unsupported, match="knows no classes yet"):
        before.predict(lights.queries()[:1])


def test_a_pretraining_in_another_shape_is_rejected(lights: ClipClassificationData, tmp_path: Path) -> None:
    """Weights are not transferred in part."""
    model = VideoMae()
    before = model.learner(_assignment(model, lights, 1, stage="pretrain", image_size=16))
    before.save(tmp_path)
    after: Any = model.learner(replace(_assignment(model, lights, 1, image_size=32), start=tmp_path, pretrained=True))

    with pytest.raises(RuntimeError, match="size mismatch"):
        after.module()


@pytest.mark.parametrize(("share", "hidden"), [(0.0, 1), (0.5, 8), (0.75, 12), (0.9, 14), (1.0, 15)])
def test_a_share_of_the_places_is_hidden_and_one_place_is_always_seen(share: float, hidden: int) -> None:
    """Equally many in every clip, at different places."""
    torch.manual_seed(0)
    tubes = masked_tubes(50, 16, share)

    assert tubes.sum(1).tolist() == [hidden] * 50
    assert len({tuple(row.tolist()) for row in tubes}) > 5


def test_a_place_is_hidden_in_all_frames(lights: ClipClassificationData) -> None:
    """Otherwise it could be copied from the next frame."""
    model = VideoMae()
    learner: Any = model.learner(_assignment(model, lights, 1, stage="pretrain", image_size=16, frames=16))
    mask = learner.collate(learner.examples()[:8])["mask"].view(8, 2, 64)

    assert (mask == mask[:, :1]).all()
    assert mask[:, 0].sum(1).tolist() == [48] * 8


def test_a_perfect_reconstruction_has_no_loss() -> None:
    """The targets' patches have the order of the network's outputs."""
    settings = {"frames": 16, "image_size": 16, "dropout": 0.0}
    network = MaskedVideoMae("tiny", settings, 1)
    pixels, mask = torch.rand(3, 16, 1, 16, 16), masked_tubes(3, 64, 0.5).repeat(1, 2)
    cut = pixels.unfold(1, 8, 8).unfold(3, 2, 2).unfold(4, 2, 2).flatten(1, 4).flatten(2)
    network.network.forward = lambda pixel_values, bool_masked_pos: SimpleNamespace(logits=cut[mask].view(3, 64, 32))

    assert network.loss(pixels, mask) == 0
    assert network.loss(pixels, ~mask) > 0


@pytest.mark.parametrize("settings", [{"frames": 7}, {"image_size": 30}], ids=str)
def test_clips_that_do_not_divide_into_patches_are_rejected(
    lights: ClipClassificationData, settings: dict[str, int]
) -> None:
    """The message gives the multiples."""
    model = VideoMae()
    learner: Any = model.learner(_assignment(model, lights, 1, **settings))

    with pytest.raises(Unsupported, match=r"give a multiple of 8.*give a multiple of 8"):
        learner.module()


@pytest.mark.parametrize(
    ("shape", "channels"), [((8, 28, 28, 1), 1), ((3, 10, 40, 1), 3), ((50, 10, 40, 3), 1), ((1, 5, 5, 3), 3)]
)
def test_every_clip_becomes_what_the_network_takes(shape: tuple[int, ...], channels: int, tmp_path: Path) -> None:
    """Any length and size, grey to colour and back, values from -1 to 1; by a loaded codec."""
    codec = ClipCodec(8, 28, channels)
    codec.save(tmp_path)
    clip = np.full(shape, 255, np.uint8)
    pixels = ClipCodec.load(tmp_path).encode([clip, clip * 0])["pixel_values"]

    assert (pixels.shape, pixels.dtype) == ((2, 8, channels, 28, 28), np.float32)
    assert np.allclose(pixels[0], 1.0)
    assert np.allclose(pixels[1], -1.0)


def test_frames_lie_evenly_from_the_first_to_the_last() -> None:
    """In order; short clips repeat frames."""
    codec = ClipCodec(4, 2, 1)
    clips = [np.arange(length, dtype=np.uint8)[:, None, None, None].repeat(4, 1).reshape(length, 2, 2, 1) for length in (4, 10, 2)]  # fmt: skip  # noqa: E501

    assert [codec.fitted(clip)[:, 0, 0, 0].tolist() for clip in clips] == [[0, 1, 2, 3], [0, 3, 6, 9], [0, 0, 1, 1]]


@pytest.mark.parametrize("kind", NETWORKS, ids=lambda kind: kind.name)
def test_a_loaded_network_predicts_like_the_trained_one(
    lights: ClipClassificationData, kind: Any, tmp_path: Path
) -> None:
    """The artifact's shape counts, not the assignment's."""
    model = kind()
    learner = model.learner(_assignment(model, lights, 2, image_size=16, batch_size=8))
    learner.step()
    learner.save(tmp_path)
    loaded = model.learner(_assignment(model, lights, 2, image_size=32))
    loaded.load(tmp_path)

    assert np.allclose(loaded.predict(lights.queries()[:9]), learner.predict(lights.queries()[:9]), atol=1e-5)


@pytest.mark.parametrize("kind", NETWORKS, ids=lambda kind: kind.name)
def test_a_larger_size_has_more_parameters(lights: ClipClassificationData, kind: Any) -> None:
    """And predictions of the same shape."""
    learners = [kind().learner(replace(_assignment(kind(), lights, 1), size=size)) for size in ("tiny", "small")]
    answers = [learner.predict(lights.queries()[:2]) for learner in learners]

    assert 3 * learners[0].parameters() < learners[1].parameters()
    assert [answer.shape for answer in answers] == [(2, 2), (2, 2)]


@pytest.mark.parametrize("settings", [{"frames": 5, "image_size": 21}, {"frames": 24, "image_size": 12}], ids=str)
def test_convolutions_take_clips_of_any_shape(lights: ClipClassificationData, settings: dict[str, int]) -> None:
    """They need no multiple of a patch."""
    learner = Conv3d().learner(_assignment(Conv3d(), lights, 1, batch_size=4, **settings))

    assert np.isfinite(learner.step().losses["loss"])
    assert np.allclose(np.sum(learner.predict(lights.queries()[:3]), axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("kind", NETWORKS, ids=lambda kind: kind.name)
def test_the_order_of_frames_matters(lights: ClipClassificationData, kind: Any) -> None:
    """A reversed clip has another prediction."""
    learner = kind().learner(_assignment(kind(), lights, 5, image_size=16, batch_size=16))
    for _ in range(5):
        learner.step()
    clips = lights.queries()[:4]

    assert not np.allclose(learner.predict(clips), learner.predict([clip[::-1] for clip in clips]), atol=1e-4)


def test_another_precision_is_refused_by_the_baselines(lights: ClipClassificationData) -> None:
    """Otherwise a record would name a precision that was not used."""
    for model in (MiddleFrame(), ClipLogistic()):
        with pytest.raises(Unsupported, match="bf16"):
            model.learner(Assignment("finetune", lights, "default", filled({}, model.settings), "cpu", "bf16", 0))


def test_the_digest_sees_frames_sizes_and_classes() -> None:
    """The same bytes in another shape are another clip."""
    flat = np.zeros((4, 2, 2, 1), np.uint8)

    def digest(clip: np.ndarray, label: int) -> str:
        return ClipClassificationData(
            "ab", dict.fromkeys(("train", "validation", "test"), Examples([clip], [label]))
        ).digest

    digests = {digest(flat, 0), digest(flat.reshape(2, 4, 2, 1), 0), digest(flat + np.uint8(1), 0), digest(flat, 1)}

    assert len(digests) == 4
