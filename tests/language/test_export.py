"""Every network leaves for ONNX with batch and sequence open, and answers there as it does in torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from harness import Assignment, Model
    from harness_language._texts import TextClassificationData

# torch's own exporter uses what torch has deprecated.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*isinstance.treespec, LeafSpec.*:FutureWarning"),
    pytest.mark.filterwarnings("ignore:_check_is_size will be removed:FutureWarning"),
    pytest.mark.filterwarnings("ignore:# The axis name. .* will not be used, since it shares:UserWarning"),
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning"),
    pytest.mark.filterwarnings("ignore:The tensor attributes self.lstm:UserWarning"),
]


def _dynamic(array: np.ndarray, batch: Any, sequence: Any) -> dict[int, Any]:
    return {0: batch, 1: sequence} if array.dtype == np.int64 and array.ndim > 1 else {0: batch}


@pytest.mark.parametrize("shared", [True, False], ids=["named", "automatic"])
@pytest.mark.parametrize("model", ["mlp", "lstm", "bert"])
def test_an_exported_network_agrees_with_torch(
    three: TextClassificationData,
    assign: Callable[..., Assignment],
    models: Mapping[str, Model],
    tmp_path: Path,
    model: str,
    shared: bool,
) -> None:
    """On one text, on three, on the longest, on one word and on none, within rounding."""
    import onnxruntime

    trained = models[model].learner(assign(model, three))
    trained.step()
    trained.save(tmp_path)
    learner = models[model].learner(assign(model, three, seed=8))
    learner.load(tmp_path)
    codec = models[model].codec(tmp_path)
    arrays = codec.encode(three.queries()[:3])
    dim = torch.export.Dim
    names = (dim("batch"), dim("sequence")) if shared else (dim.DYNAMIC, dim.DYNAMIC)
    torch.onnx.export(
        learner.module(),
        kwargs={name: torch.from_numpy(array) for name, array in arrays.items()},
        dynamo=True,
        dynamic_shapes={name: _dynamic(array, *names) for name, array in arrays.items()},
        output_names=["logits"],
        verbose=False,
    ).save(tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    longest = max(three.queries(), key=lambda text: len(learner.codec().encode([text]).popitem()[1][0]))
    for texts in (three.queries()[:1], three.queries()[3:6], [longest], ["matrix"], [""]):
        (logits,) = session.run(["logits"], codec.encode(texts))
        assert codec.decode({"logits": logits}) == pytest.approx(np.asarray(learner.predict(texts)), abs=1e-5)


def test_a_sigmoid_is_exported_with_its_one_logit(
    two: TextClassificationData, assign: Callable[..., Assignment], models: Mapping[str, Model]
) -> None:
    """Two classes: the codec makes two columns of it, in either framework."""
    learner = models["lstm"].learner(assign("lstm", two))
    arrays = learner.codec().encode(two.queries()[:2])  # type: ignore[attr-defined]
    with torch.inference_mode():
        logits = learner.module().eval()(**{name: torch.from_numpy(array) for name, array in arrays.items()})["logits"]

    assert logits.shape == (2, 1)
    assert np.array_equal(
        learner.codec().decode({"logits": logits.numpy()}),
        learner.predict(two.queries()[:2]),  # type: ignore[attr-defined]
    )
