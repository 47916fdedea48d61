"""A plugin that works."""

import harness


class OutsideCoin(harness.Model):
    """A model that can do nothing the harness has a task for."""

    name = "outside-coin"
    summary = "Comes from another distribution"
    kinds = ("outside",)

    def learner(self, assignment: harness.Assignment) -> harness.Learner:
        """Refuse."""
        raise harness.Unsupported("only here to be found")


@harness.hookimpl
def harness_models() -> list[harness.Model]:
    """Bring the model."""
    return [OutsideCoin()]
