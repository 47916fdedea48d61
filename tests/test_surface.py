"""What a package offers stands in its `__all__`, and can be had and completed."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = sorted(
    ".".join(file.parent.relative_to(top).parts)
    for top in (ROOT, *(ROOT / folder for folder in ("plugins", "reports", "dashboards")))
    for file in top.glob("harness*/**/__init__.py")
)


def _written(package: str) -> set[str]:
    """Return the public names that a package's own `__init__.py` defines."""
    file = importlib.import_module(package).__file__
    names: set[str] = set()
    for node in ast.parse(Path(str(file)).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return {name for name in names if not name.startswith("_")}


def test_every_package_is_looked_at() -> None:
    """The glob finds the core, a plugin and a package within one."""
    assert {"harness", "harness.testing", "harness_language", "harness_reports.business"} <= set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_what_a_package_defines_or_passes_on_is_listed(package: str) -> None:
    """Sorted, complete, each name to be had, and completed by `dir`."""
    module = importlib.import_module(package)
    listed = list(getattr(module, "__all__", []))

    assert listed == sorted(set(listed))
    assert _written(package) <= set(listed)
    assert set(listed) <= set(dir(module))
    for name in listed:
        assert getattr(module, name) is not None


def test_the_module_for_networks_lists_what_it_defines() -> None:
    """It is no package, and plugins import from it: all of its names, and none that it only imports."""
    from harness import torch_learner

    assert set(torch_learner.__all__) == _written("harness.torch_learner")


def test_a_notebook_completes_the_functions_of_reports() -> None:
    """They are listed before any of them was imported."""
    import harness_reports

    tables = {name for name in dir(harness_reports) if name.endswith("_table")}

    assert {"accuracy_table", "cost_table", "viability_table", "portfolio_table"} <= tables
    with pytest.raises(AttributeError, match="no attribute 'acuracy_table'"):
        _ = harness_reports.acuracy_table
