"""A plugin with a misspelt hook."""

import harness


@harness.hookimpl
def harness_modles() -> list[harness.Model]:
    """Bring nothing: there is no such hook."""
    return []
