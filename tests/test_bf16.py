"""Every network of ours that trains in bf16 also answers with weights in bf16."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness import Assignment, Budget
from harness.measure.outputs import check_outputs
from harness.plugins import load_plugins
from harness.torch_learner import TorchLearner

if TYPE_CHECKING:
    from pathlib import Path

PLUGINS = load_plugins()
NETWORKS = (
    "bert", "centernet", "conv3d", "dcgan", "efficientnet", "gpt", "lstm", "mlp", "pixel-mlp", "resnet", "rt-detr",
    "t5", "videomae", "vit",
)  # fmt: skip


def _assignment(name: str) -> Assignment:
    model = PLUGINS.models[name]
    task = next(task for task in PLUGINS.tasks.values() if task.kind in model.kinds)
    data = task.data(None, {key: setting.default for key, setting in task.settings.items()})
    settings = {key: setting.default for key, setting in model.settings.items()}
    return Assignment("finetune", data, model.sizes[0], settings, "cpu", "bf16", 0, Budget(steps=2))


def test_no_network_is_forgotten() -> None:
    """All models that can be exported are in the list; policies of stable-baselines3 compute in fp32 alone."""
    exported = {name for name, model in PLUGINS.models.items() if "onnx" in model.formats}
    assert exported - set(NETWORKS) == {"dqn", "ppo"}


@pytest.mark.slow
@pytest.mark.usefixtures("no_precision_yet")
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_answers_in_bf16(name: str, tmp_path: Path) -> None:
    """It answers every input with finite numbers after it was loaded."""
    assignment = _assignment(name)
    learner = PLUGINS.models[name].learner(assignment)
    assert isinstance(learner, TorchLearner)
    learner.step()
    learner.save(tmp_path)
    again = PLUGINS.models[name].learner(assignment)
    again.load(tmp_path)
    inputs = list(assignment.data.queries()[:4])

    check_outputs(again.predict(inputs), len(inputs))
