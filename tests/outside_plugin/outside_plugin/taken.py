"""A plugin whose name another one has."""

import harness
from outside_plugin.good import OutsideCoin


@harness.hookimpl
def harness_models() -> list[harness.Model]:
    """Bring a model whose name is taken."""
    return [OutsideCoin()]
