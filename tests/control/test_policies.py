"""The policies: baselines as given, PPO that learns, is saved, exported, and repeats itself to the bit."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from harness import Assignment, Learner, SuiteError
from harness_control.models import Ppo, Random, Rule

Assign = Callable[..., Assignment]


def _trained(assign: Assign, steps: int, **changes: Any) -> Learner:
    learner = Ppo().learner(assign("ppo", steps=steps, **changes))
    for _ in range(steps):
        learner.step()
    return learner


def _mean_return(learner: Learner, assignment: Assignment, split: str = "test") -> float:
    return float(np.mean(assignment.data.evaluate(learner.predict, 64, split)["episode_return"]))


def test_the_rule_solves_the_game(assign: Assign) -> None:
    """The cheap baseline reaches the ceiling: the table must say so."""
    assignment = assign("rule")
    learner = Rule().learner(assignment)

    assert learner.step().done
    assert _mean_return(learner, assignment) == 500.0


def test_random_is_at_chance_and_repeats_itself(assign: Assign, tmp_path: Path) -> None:
    """Two learners of one seed draw the same; saved and loaded, it begins anew."""
    assignment = assign("random", seed=3)
    learner = Random().learner(assignment)
    learner.save(tmp_path)
    again = Random().learner(assign("random", seed=4))
    again.load(tmp_path)
    inputs = list(assignment.data.queries())  # type: ignore[attr-defined]

    assert learner.predict(inputs) == again.predict(inputs)
    assert abs(_mean_return(again, assignment) - assignment.data.chance()["return"]) < 8


def test_a_rule_with_too_few_weights_is_bad_input(assign: Assign) -> None:
    """The sentence says what observations have."""
    with pytest.raises(SuiteError, match=r"weights of shape \(2,\); observations have \(4,\)"):
        Rule().learner(assign("rule", weights=[1.0, 2.0]))


def test_ppo_learns(assign: Assign) -> None:
    """A short training is far above chance on episodes it never saw."""
    assignment = assign("ppo", steps=60)
    learner = _trained(assign, 60)

    assert _mean_return(learner, assignment, "validation") > 4 * assignment.data.chance()["return"]


def test_a_step_is_one_rollout_and_says_what_it_used(assign: Assign) -> None:
    """Environment steps are counted, losses are finite, and nothing is printed."""
    learner = Ppo().learner(assign("ppo", n_envs=4, n_steps=16, batch_size=32))
    said = io.StringIO()
    with redirect_stdout(said):
        progress = [learner.step() for _ in range(3)]

    assert [dict(p.consumed) for p in progress] == [{"samples": 64, "environment_steps": 64}] * 3
    assert all(
        np.isfinite(list(p.losses.values())).all() and set(p.losses) == {"policy_loss", "value_loss"} for p in progress
    )
    assert not any(p.done for p in progress)
    assert said.getvalue() == ""


def test_one_seed_gives_one_policy_to_the_bit(assign: Assign) -> None:
    """Weights and grades are equal; another seed's are not."""
    one, two, other = _trained(assign, 4), _trained(assign, 4), _trained(assign, 4, seed=1)
    weights = [learner.module().state_dict() for learner in (one, two, other)]

    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not all(torch.equal(weights[0][name], weights[2][name]) for name in weights[0])


def test_saved_and_loaded_it_answers_the_same(assign: Assign, tmp_path: Path) -> None:
    """Through safetensors, into a learner of another seed."""
    assignment = assign("ppo")
    learner = _trained(assign, 4)
    learner.save(tmp_path)
    again = Ppo().learner(assign("ppo", seed=9))
    again.load(tmp_path)
    inputs = list(assignment.data.queries())  # type: ignore[attr-defined]

    assert [file.suffix for file in tmp_path.iterdir()] == [".safetensors"]
    assert learner.predict(inputs) == again.predict(inputs)
    assert learner.parameters() == again.parameters() > 9000  # type: ignore[operator]


def test_finetuning_starts_where_pretraining_ended(assign: Assign, tmp_path: Path) -> None:
    """The source variant's policy is the real game's first policy."""
    pretrained = _trained(assign, 3, task="cartpole-source")
    pretrained.save(tmp_path)
    tuned = Ppo().learner(assign("ppo", seed=5, start=tmp_path))
    ours, theirs = tuned.module().state_dict(), pretrained.module().state_dict()

    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("scheme", ["default", "random", "gaussian", "xavier"])
def test_initialisation_is_honoured(scheme: str, assign: Assign) -> None:
    """The spread of the first layer's weights is the scheme's."""
    learner = Ppo().learner(assign("ppo", initialisation=scheme))
    weight = learner.module().state_dict()["policy.mlp_extractor.policy_net.0.weight"]
    expected = {"default": np.sqrt(2 / 64), "random": 1.0, "gaussian": 0.02, "xavier": np.sqrt(2 / (4 + 64))}[scheme]

    assert float(weight.std()) == pytest.approx(expected, rel=0.25)


def test_the_exported_policy_agrees_at_every_batch_size(assign: Assign, tmp_path: Path) -> None:
    """ONNX Runtime answers as torch does for one, three and all observations."""
    from harness_hardware.runtimes import OnnxRuntime

    assignment = assign("ppo")
    learner = _trained(assign, 4)
    learner.save(tmp_path)
    inputs = list(assignment.data.queries())  # type: ignore[attr-defined]
    readings = OnnxRuntime().export(Ppo(), learner, tmp_path, inputs[:16], tmp_path)
    predict = OnnxRuntime().predictor(Ppo(), assignment, tmp_path, tmp_path)

    assert readings["largest_difference"].value < 1e-4
    for count in (1, 3, len(inputs)):
        assert predict(inputs[:count]) == learner.predict(inputs[:count])
    assert onnxruntime.__version__


def test_a_policy_of_another_kind_of_data_is_refused(assign: Assign) -> None:
    """The message says what it got."""
    from dataclasses import replace

    with pytest.raises(TypeError, match="the task gave str"):
        Ppo().learner(replace(assign("ppo"), data="no game"))  # type: ignore[arg-type]


def test_logits_that_are_not_finite_are_no_action() -> None:
    """A broken policy never plays in silence."""
    with pytest.raises(ValueError, match="not finite"):
        Ppo().codec(Path()).decode({"logits": np.array([[np.nan, 1.0]])})
