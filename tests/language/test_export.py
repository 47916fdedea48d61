"""Networks exported to ONNX with dynamic batch and sequence sizes predict as in torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from harness import Assignment, Model
    from harness_language.data import TextClassificationData

# torch's exporter uses what torch has deprecated.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*isinstance.treespec, LeafSpec.*:FutureWarning"),
    pytest.mark.filterwarnings("ignore:_check_is_size will be removed:FutureWarning"),
    pytest.mark.filterwarnings("ignore:# The axis name. .* will not be used, since it shares:UserWarning"),
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning"),
    pytest.mark.filterwarnings("ignore:The tensor attributes self.lstm:UserWarning"),
]


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        ("mlp", {}),
        pytest.param("lstm", {"max_length": 8}, marks=pytest.mark.slow),  # it is unrolled: each token costs
        pytest.param("bert", {}, marks=pytest.mark.slow),  # the conformance kit exports it too
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_exported_network_agrees_with_torch(
    three: TextClassificationData,
    assign: Callable[..., Assignment],
    models: Mapping[str, Model],
    tmp_path: Path,
    model: str,
    settings: dict[str, int],
) -> None:
    """On one text, three, the longest, one word and an empty one, up to rounding."""
    from harness_hardware.runtimes import OnnxRuntime

    trained = models[model].learner(assign(model, three, settings=settings))
    trained.step()
    trained.save(tmp_path)
    assignment = assign(model, three, seed=8, settings=settings)
    learner = models[model].learner(assignment)
    learner.load(tmp_path)
    folder = tmp_path / "exported"
    folder.mkdir()
    readings = OnnxRuntime().export(models[model], learner, tmp_path, three.queries()[:16], folder)
    predict = OnnxRuntime().predictor(models[model], assignment, tmp_path, folder)
    longest = max(three.queries(), key=lambda text: len(learner.codec().encode([text]).popitem()[1][0]))

    assert readings["largest_difference"].value < 1e-4
    for texts in (three.queries()[:1], three.queries()[3:6], [longest], ["matrix"], [""]):
        assert predict(texts) == pytest.approx(np.asarray(learner.predict(texts)), abs=1e-5)


def test_a_sigmoid_is_exported_with_one_logit(
    two: TextClassificationData, assign: Callable[..., Assignment], models: Mapping[str, Model]
) -> None:
    """The codec makes two columns of it, as in torch."""
    learner = models["lstm"].learner(assign("lstm", two))
    arrays = learner.codec().encode(two.queries()[:2])  # type: ignore[attr-defined]
    with torch.inference_mode():
        logits = learner.module().eval()(**{name: torch.from_numpy(array) for name, array in arrays.items()})["logits"]

    assert logits.shape == (2, 1)
    assert np.array_equal(
        learner.codec().decode({"logits": logits.numpy()}),
        learner.predict(two.queries()[:2]),  # type: ignore[attr-defined]
    )
