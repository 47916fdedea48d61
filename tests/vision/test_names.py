"""Records under former names of the image tasks belong to the tasks' current names."""

from __future__ import annotations

import pytest

from harness.plugins import load_plugins
from harness.records import Record


@pytest.mark.parametrize(
    ("former", "task", "data"),
    [
        ("digits", "image-classification", "mnist-5k"), ("scenes", "object-detection", "digit-scenes"),
        ("digit-drawings", "image-generation", "mnist-5k"), ("motions", "video-classification", "moving-digits"),
    ],
)  # fmt: skip
def test_records_of_former_names_are_those_of_the_task(former: str, task: str, data: str) -> None:
    """On the packaged data, and on the user's under the name of their folder, which its use case is not about."""
    plugins = load_plugins()
    records = [
        Record(
            id="1",
            fingerprint="f" * 64,
            step="evaluate",
            outcome="ok",
            spec={"task": former, "source": source},
            inputs={},
            started_at="2026-11-26T00:00:00+00:00",
        )
        for source in (None, "/photos/parts")
    ]
    spec = [(one.spec["task"], one.spec["data"]) for one in plugins.under_current_names(records)]
    case = plugins.use_cases()[str(plugins.tasks[task].use_case)]

    assert spec == [(task, data), (task, "parts")]
    assert [case.covers(*one) for one in spec] == [True, False]
