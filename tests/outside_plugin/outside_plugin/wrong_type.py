"""A plugin that gives classes in place of instances."""

import harness
from outside_plugin.good import OutsideCoin


@harness.hookimpl
def harness_models() -> list[type]:
    """Bring a class."""
    return [OutsideCoin]
