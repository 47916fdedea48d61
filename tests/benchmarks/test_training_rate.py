"""Training through the harness beside the same loop written plainly, family by family. Prints; asserts no timing."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from harness.plugins import load_plugins
from harness.seams import Assignment, Budget
from harness.torch_learner import CLIP, TorchLearner
from harness.training import train

pytestmark = pytest.mark.benchmark
ROUNDS = 7
FAR = 1_000_000
"""Steps to the end of the learning rate's schedule."""
Loop = Callable[[int], None]
"""Takes that many steps, going on where it stopped."""


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    """Small networks gain nothing by more, and a shared machine's spread grows."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def assignment(model: str, task: str) -> tuple[Any, Assignment, Any]:
    """Return a model, what it is asked to do with its default settings, and the metric that decides."""
    plugins = load_plugins()
    declared, spec = plugins.models[model], plugins.tasks[task]
    settings = {name: setting.default for name, setting in declared.settings.items()}
    data = spec.data(None, {name: setting.default for name, setting in spec.settings.items()})
    size, budget = declared.sizes[0], Budget(steps=FAR)
    return declared, Assignment("finetune", data, size, settings, "cpu", "fp32", 0, budget), spec.metrics[0]


def by_the_harness(model: Any, spec: Assignment, metric: Any) -> Loop:
    """Return the measured loop as a step of a suite runs it, clock, budget and report included."""
    learner = model.learner(spec)

    def loop(steps: int) -> None:
        train(learner, Budget(steps=steps), spec.data, metric, lambda: None, lambda _: None)

    return loop


def in_plain_torch(learner: TorchLearner) -> Loop:
    """Return what a tutorial would write for the learner's network, batches and loss."""
    network = learner.module().train()
    settings = learner.assignment.settings
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=settings["learning_rate"], weight_decay=settings["weight_decay"], fused=True
    )
    batches = learner._stream(learner.examples())

    def loop(steps: int) -> None:
        for _ in range(steps):
            loss = learner.loss(network, next(batches))
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), CLIP)
            optimizer.step()
            optimizer.zero_grad()
            loss.item()

    return loop


def in_bare_stable_baselines(environment: str, settings: dict[str, Any]) -> Loop:
    """Return `learn` of stable-baselines3 on an environment; one step is a rollout with its update."""
    import gymnasium
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import DummyVecEnv

    names = ("learning_rate", "clip_range", "n_steps", "batch_size", "n_epochs", "gamma", "gae_lambda", "ent_coef")
    makers = [lambda: gymnasium.make(environment, disable_env_checker=True)] * settings["n_envs"]
    keywords = {name: settings[name] for name in names} | {"policy_kwargs": {"net_arch": [64, 64]}}
    ppo = PPO("MlpPolicy", DummyVecEnv(makers), seed=0, device="cpu", **keywords)
    return lambda steps: ppo.learn(steps * settings["n_steps"] * settings["n_envs"]) and None


def compare(name: str, harness: Loop, plain: Loop, steps: int) -> None:
    """Print the rate of one loop as a share of the other's: rounds in turn, each on the same batches as the other."""
    for loop in (harness, plain):
        loop(2)  # builds what the first step builds
    ratios = []
    for turn in range(ROUNDS):
        took = {}
        for loop in (harness, plain) if turn % 2 else (plain, harness):
            began = time.process_time()  # one thread that never waits: the clock of a machine that others share
            loop(steps)
            took[loop] = time.process_time() - began
        ratios.append(took[plain] / took[harness])
    print(  # noqa: T201
        f"\n{name}: training rate, harness / plain loop: median {statistics.median(ratios):.3f}, "
        f"from {min(ratios):.3f} to {max(ratios):.3f} over {ROUNDS} rounds of {steps} steps"
    )


@pytest.mark.parametrize(
    ("model", "task", "steps"), [("bert", "text-classification", 8), ("resnet", "image-classification", 30)]
)
def test_networks_beside_plain_torch(model: str, task: str, steps: int) -> None:
    """The same network, batches, optimizer and loss; the weights of both stay finite."""
    declared, spec, metric = assignment(model, task)
    learner = declared.learner(spec)
    compare(f"{model} on {task}", by_the_harness(declared, spec, metric), in_plain_torch(learner), steps)

    assert all(weight.isfinite().all() for weight in learner.module().parameters())


def test_policies_beside_bare_stable_baselines() -> None:
    """The same algorithm with the same settings on the same environment, as its own `learn` runs it."""
    declared, spec, metric = assignment("ppo", "CartPole-v1")
    bare = in_bare_stable_baselines("CartPole-v1", dict(spec.settings))
    compare("ppo on CartPole-v1", by_the_harness(declared, spec, metric), bare, 6)
