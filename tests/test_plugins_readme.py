"""The document for plugin authors runs as printed."""

from __future__ import annotations

import re
from pathlib import Path

from harness.plugins import load_plugins
from harness.seams import Assignment

README = Path(__file__).parents[1] / "plugins" / "README.md"


def test_the_example_plugin_loads_and_answers_a_task(tmp_path: Path) -> None:
    """The whole plugin file of the document is taken, trained, saved, loaded and graded on the packaged task."""
    snippet = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert snippet is not None
    file = tmp_path / "coin_plugin.py"
    file.write_text(snippet.group(1), encoding="utf-8")
    plugins = load_plugins([str(file)])
    model, task = plugins.models["coin"], plugins.tasks["topics"]
    data = task.data(None, {name: setting.default for name, setting in task.settings.items()})
    assignment = Assignment("finetune", data, "default", {}, "cpu", "fp32", seed=0)
    learner = model.learner(assignment)
    progress = learner.step()
    learner.save(tmp_path)
    again = model.learner(assignment)
    again.load(tmp_path)
    scores = data.evaluate(again.predict, batch_size=64)

    assert progress.done
    assert len(scores["correct"]) == data.sizes["test"]
    assert 0 < sum(scores["correct"]) / len(scores["correct"]) < data.chance()["accuracy"]
