"""The models of this plugin, declared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from harness import Assignment, Learner, Model, Setting
from harness_vision.tasks import KIND


class Logistic(Model):
    """The cheap baseline."""

    name = "logistic"
    summary = "Logistic regression on the pixels (scikit-learn)"
    kinds = (KIND,)
    settings: ClassVar[Mapping[str, Setting]] = {
        "inverse_regularisation": Setting(0.1, "Logistic regression's C: larger fits closer."),
    }

    def learner(self, assignment: Assignment) -> Learner:
        """Build a learner."""
        from harness_vision._logistic import LogisticLearner

        return LogisticLearner(assignment)
