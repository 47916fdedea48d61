"""What a training step's record tells apart: building, the first step, all steps."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from harness.records import StepResult
from harness.steps import STEPS, Job, Scene

if TYPE_CHECKING:
    from pathlib import Path

    from harness.plugins import Plugins

BUILD_S, FIRST_S = 0.3, 0.2


def built(learner: Any) -> Any:
    """Return a model whose learner takes long to build, and long for its first step."""
    step = learner.step

    def first_step() -> Any:
        learner.step = step
        time.sleep(FIRST_S)
        return step()

    learner.prepare, learner.step = lambda: time.sleep(BUILD_S), first_step
    return SimpleNamespace(learner=lambda _: learner)


def test_building_is_no_part_of_a_training(toys: Plugins, tmp_path: Path) -> None:
    """Its time is `build_s`; the training's time holds the steps alone, the first of them told apart."""
    spec = {
        "budget": {"steps": 3}, "size": "small", "settings": {}, "precision": "fp32", "seed": 0, "start": "scratch",
    }  # fmt: skip
    task, measured = toys.find("tasks", "parity"), StepResult(outcome="ok")
    data, job = task.data(None, {"count": 8}), Job("finetune", spec, {}, tmp_path)
    learner = toys.find("models", "counter").learner(SimpleNamespace(settings={}, start=None))
    scene = Scene(job, task, data, built(learner), toys.find("hardware", "here"), None, lambda _: None)
    STEPS["finetune"](scene, measured)
    read = {name: reading.value for name, reading in measured.readings.items()}

    assert read["build_s"] >= BUILD_S
    assert read["first_step_s"] == measured.series["step_s"][0] >= FIRST_S
    assert FIRST_S <= read["wall_s"] < BUILD_S + FIRST_S
    assert read["wall_s"] == pytest.approx(sum(measured.series["step_s"]), abs=0.05)
