"""A suite that is too large is refused before its cases are made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import plan as planning
from harness.cases import MOST_CASES, require_bounded
from harness.errors import SuiteError
from harness.plan import Plan
from harness.suite import Suite

TOY = str(Path(__file__).with_name("toy_plugin.py"))
LARGE: dict[str, Any] = {
    "name": "large",
    "models": ["guess"],
    "tasks": ["parity"],
    "hardware": ["here"],
    "runtimes": ["plain", "paper"],
    "batch_sizes": list(range(1, 501)),
    "seeds": list(range(2000)),
}


def test_the_sentence_has_the_product_and_says_how_to_divide_it(
    plan_of: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two million cases: no case is made, and no model or data looked at."""
    for name in ("cases", "resolved"):
        monkeypatch.setattr(planning, name, lambda *_: pytest.fail("the suite was expanded"))
    with pytest.raises(SuiteError) as refused:
        plan_of(**LARGE)

    assert str(refused.value) == (
        "Suite 'large' has 2,000,000 cases, with those that it excludes: 2 runtimes × 500 batch sizes × 2,000 seeds. "
        "At most 50,000 are planned at once. Divide it, for example its seeds, into several suites, and run them into "
        "one store: steps that they share are done once."
    )


@pytest.mark.parametrize("more", [0, 1])
def test_the_cap_is_for_the_whole_product(more: int) -> None:
    """Every list counts, and the cap itself is allowed."""
    lists = {"runtimes": ("a", "b"), "scenarios": ("c", "d"), "precisions": ("e", "f", "g", "h", "i")}
    suite = Suite(name="full", models=["m"], tasks=["t"], seeds=tuple(range(MOST_CASES // 20 + more)), **lists)
    if more:
        with pytest.raises(SuiteError, match=r"50,020 cases.*: 2 runtimes × 5 precisions × 2 scenarios × 2,501 seeds"):
            require_bounded(suite)
    else:
        require_bounded(suite)


@pytest.mark.parametrize("option", [[], ["--dry-run"]])
def test_the_command_refuses_it_and_writes_nothing(tmp_path: Path, harness_command: Any, option: list[str]) -> None:
    """Exit code 2, in a dry run too."""
    (tmp_path / "large.yaml").write_text(yaml.safe_dump(LARGE), encoding="utf-8")
    done = harness_command(tmp_path, "run", "large.yaml", "--plugin", TOY, "--store", "store", *option)

    assert done.code == 2
    assert "2,000,000 cases" in done.stderr
    assert not (tmp_path / "store").exists()
