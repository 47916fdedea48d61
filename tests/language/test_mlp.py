"""The perceptron: its arithmetic by hand, its activations, its training."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from harness_language._mlp import ACTIVATIONS, MlpLearner, Perceptron

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness import Assignment
    from harness_language.data import TextClassificationData

# The 3-5-2 network of the test below: x → W1 x + b1 → sigmoid → W2 h + b2 → cross-entropy with class 1.
X = [1.0, 0.5, -1.0]
W1 = [[0.2, -0.4, 0.1], [0.0, 0.6, -0.3], [-0.5, 0.2, 0.4], [0.3, 0.3, 0.3], [-0.1, 0.0, 0.7]]
B1 = [0.1, -0.2, 0.0, 0.05, 0.3]
W2 = [[0.5, -0.3, 0.8, 0.1, -0.6], [-0.2, 0.4, 0.3, -0.7, 0.9]]
B2 = [0.1, -0.1]
TARGET = 1


def _sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def _dot(a: list[float], b: list[float]) -> float:
    return sum(p * q for p, q in zip(a, b, strict=True))


def test_forward_and_backward_of_the_3_5_2_network_agree_with_values_computed_by_hand() -> None:
    """Every activation, logit and gradient of one example, computed without torch."""
    # First layer, line by line: 0.2 - 0.2 - 0.1 + 0.1, 0.3 + 0.3 - 0.2, -0.5 + 0.1 - 0.4, 0.3 + 0.15 - 0.3 + 0.05, ...
    z = [0.0, 0.4, -0.8, 0.2, -0.5]
    assert [_dot(row, X) + bias for row, bias in zip(W1, B1, strict=True)] == pytest.approx(z)
    h = [0.5, 0.598687660, 0.310025519, 0.549833997, 0.377540669]
    assert [_sigmoid(value) for value in z] == pytest.approx(h, abs=1e-9)
    logits = [_dot(row, h) + bias for row, bias in zip(W2, B2, strict=True)]
    assert logits == pytest.approx([0.246873117, 0.087385524], abs=1e-8)
    p = [math.exp(value) / sum(math.exp(other) for other in logits) for value in logits]
    loss = -math.log(p[TARGET])
    # Backwards: dL/dlogits = p - onehot, dL/dz = (W2' dL/dlogits) h (1 - h), weights' gradients are outer products.
    d_logits = [p[0], p[1] - 1.0]
    d_h = [W2[0][i] * d_logits[0] + W2[1][i] * d_logits[1] for i in range(5)]
    d_z = [d * value * (1 - value) for d, value in zip(d_h, h, strict=True)]

    network = Perceptron((3, 5, 2), "sigmoid")
    first, _, _, second = network.layers
    with torch.no_grad():
        for parameter, values in ((first.weight, W1), (first.bias, B1), (second.weight, W2), (second.bias, B2)):
            parameter.copy_(torch.tensor(values))
    outputs = network(bag=torch.tensor([X]))["logits"]
    output_loss = torch.nn.functional.cross_entropy(outputs, torch.tensor([TARGET]))
    output_loss.backward()

    assert outputs[0].tolist() == pytest.approx(logits, abs=1e-6)
    assert output_loss.item() == pytest.approx(loss, abs=1e-6)
    assert second.bias.grad.tolist() == pytest.approx(d_logits, abs=1e-6)
    assert first.bias.grad.tolist() == pytest.approx(d_z, abs=1e-6)
    for i in range(2):
        assert second.weight.grad[i].tolist() == pytest.approx([d_logits[i] * value for value in h], abs=1e-6)
    for i in range(5):
        assert first.weight.grad[i].tolist() == pytest.approx([d_z[i] * value for value in X], abs=1e-6)


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_every_activation_is_between_the_layers(name: str) -> None:
    """After each hidden layer, not after the last layer."""
    layers = [type(layer) for layer in Perceptron((4, 3, 3, 2), name).layers]

    assert layers.count(ACTIVATIONS[name]) == 2
    assert layers[-1] is torch.nn.Linear


def test_declared_activations_are_implemented(models: dict[str, object]) -> None:
    """The setting's choices are those of the network's table."""
    assert set(models["mlp"].settings["activation"].choices) == set(ACTIVATIONS)  # type: ignore[attr-defined]


@pytest.mark.parametrize("scheme", ["default", "gaussian", "xavier", "random"])
def test_it_learns_under_every_initialisation(
    three: TextClassificationData, assign: Callable[..., Assignment], scheme: str
) -> None:
    """The loss of the last steps is below that of the first."""
    learner = MlpLearner(
        assign("mlp", three, settings={"initialisation": scheme, "features": 512, "learning_rate": 0.01})
    )
    losses = [learner.step().losses["loss"] for _ in range(40)]

    assert np.mean(losses[-5:]) < np.mean(losses[:5])


def test_it_beats_the_random_baseline_and_survives_being_saved(
    three: TextClassificationData, assign: Callable[..., Assignment], tmp_path: Path
) -> None:
    """On held-out documents; the loaded learner has its own sizes and predicts the same."""
    learner = MlpLearner(assign("mlp", three, settings={"learning_rate": 0.01, "hidden": [16, 8]}))
    for _ in range(40):
        learner.step()
    learner.save(tmp_path)
    loaded = MlpLearner(assign("mlp", three, settings={"hidden": [2]}))
    loaded.load(tmp_path)
    scores = three.evaluate(loaded.predict, 64).scores

    assert np.mean(scores["correct"]) > three.random_baseline()["accuracy"] + 0.2
    assert np.array_equal(loaded.predict(three.queries()), learner.predict(three.queries()))
    assert learner.parameters() == loaded.parameters() == 4096 * 16 + 16 + 16 * 8 + 8 + 8 * 3 + 3
