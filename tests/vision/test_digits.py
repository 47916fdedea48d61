"""The default images: stratified splits, and the baseline on them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from harness import Unsupported
from harness.labelled import Examples
from harness.plugins import load_plugins
from harness.seams import Assignment
from harness_vision.data import ImageClassificationData


@pytest.fixture(scope="module")
def digits() -> ImageClassificationData:
    """Return the task's default data."""
    data = load_plugins().tasks["image-classification"].data(None, {})
    assert isinstance(data, ImageClassificationData)
    return data


def test_images_are_grey_bytes_of_28_by_28(digits: ImageClassificationData) -> None:
    """All 5,000 of them, ten classes with equal shares in every split."""
    assert dict(digits.sizes) == {"train": 3500, "validation": 500, "test": 1000}
    assert digits.classes == tuple("0123456789")
    for split, size in digits.sizes.items():
        images, labels = digits.examples(split)
        assert images[0].shape == (28, 28, 1)
        assert images[0].dtype == np.uint8
        assert set(Counter(labels).values()) == {size // 10}


def test_logistic_regression_reads_most_of_them(digits: ImageClassificationData, tmp_path: Path) -> None:
    """The reference accuracy is .889; a loaded model predicts like the trained one."""
    model = load_plugins().models["logistic"]
    settings = {name: setting.default for name, setting in model.settings.items()}
    assignment = Assignment("finetune", digits, "default", settings, "cpu", "fp32", seed=0)
    learner = model.learner(assignment)
    before = learner.parameters()
    progress = learner.step()
    learner.save(tmp_path)
    loaded = model.learner(assignment)
    loaded.load(tmp_path)
    scores = digits.evaluate(loaded.predict, batch_size=64).scores

    assert (before, learner.parameters()) == (None, 7850)
    assert progress.done
    assert 0.88 < sum(scores["correct"]) / len(scores["correct"]) < 0.92
    assert np.allclose(loaded.predict(digits.queries()[:9]), learner.predict(digits.queries()[:9]), atol=1e-5)


def test_another_precision_is_refused(digits: ImageClassificationData) -> None:
    """Otherwise a record would name a precision that was not used."""
    model = load_plugins().models["logistic"]
    with pytest.raises(Unsupported, match="bf16"):
        model.learner(Assignment("finetune", digits, "default", {}, "cpu", "bf16", seed=0))


def test_the_digest_sees_pixels_shapes_and_labels() -> None:
    """The same bytes in another shape are another image."""
    flat = np.zeros((4, 1, 1), np.uint8)

    def digest(image: np.ndarray, label: int) -> str:
        one = Examples([image], [label])
        return ImageClassificationData("ab", {"train": one, "validation": one, "test": one}).digest

    digests = {digest(flat, 0), digest(flat.reshape(2, 2, 1), 0), digest(flat + np.uint8(1), 0), digest(flat, 1)}

    assert len(digests) == 4
