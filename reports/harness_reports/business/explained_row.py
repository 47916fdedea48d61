"""A row of a table of use cases, made from figures."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from harness_reports.figures.explained import Explained


class ExplainedRow(NamedTuple):
    """A row of a table, and its figures by column."""

    row: dict[str, Any]
    figures: dict[str, Explained]
    request_usd: np.ndarray | None = None
    """Of hosted models: the cost of the calls of a request in each draw, shape (draws,) or (1,)."""
