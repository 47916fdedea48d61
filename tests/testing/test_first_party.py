"""Everything that comes with the harness keeps the rules that a stranger's plugin is held to."""

from __future__ import annotations

import pytest

import harness.testing


@pytest.mark.conformance
@harness.testing.parametrize("checkpoints", "control", "hardware", "language", "vision")
def test_conformance(check: harness.testing.Check) -> None:
    """One test for each check."""
    check()


@pytest.mark.parametrize("plugin", ["reports", "dashboards"])
def test_a_plugin_of_commands_loads_and_is_light(plugin: str) -> None:
    """It brings nothing to measure; prices, if any, are facts."""
    found = harness.testing.check(plugin)

    assert {"loads", "light_import"} <= {finding.check for finding in found}, str(found)
    assert {finding.outcome for finding in found} == {"passed"}, str(found)
