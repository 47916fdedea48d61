"""One pretraining for all tasks that can use it."""

from __future__ import annotations

import pytest
import yaml

from harness.plan import make_plan
from harness.plugins import load_plugins
from harness.suite import Source

TASKS = ["text-classification", "language-modelling", "question-answering"]


@pytest.mark.parametrize(("model", "cases"), [("bert", 2), ("gpt", 2)])
def test_tasks_of_one_library_share_a_pretraining(model: str, cases: int) -> None:
    """With any budget of fine-tuning."""
    budgets = [{"finetune": {"steps": steps}, "pretrain": {"steps": 9}} for steps in (1, 2, 3)]
    suite = {
        "name": "shared",
        "models": [
            {"name": model, "tasks": [task], "budgets": budget} for task, budget in zip(TASKS, budgets, strict=True)
        ],
        "tasks": TASKS,
        "hardware": ["cpu"],
        "runtimes": ["eager"],
        "budgets": {"finetune": {"steps": 1}},
    }
    source = Source("shared.yaml", yaml.safe_dump(suite))
    plan = make_plan(source.validate(), source, load_plugins())
    (pretraining,) = [step for step in plan.steps if step.kind == "pretrain"]
    tuned = [step for step in plan.steps if step.kind == "finetune"]

    assert pretraining.spec["task"] == "text-classification"
    assert len(tuned) == cases
    assert {step.inputs["pretrained"] for step in tuned} == {pretraining.fingerprint}
