"""A seeded sample of a split: what is evaluated where all of it would take too long or cost too much."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from harness import plain
from harness.seams import Data

SEED = 0
"""One for all runs, so that every model and every seed is evaluated on the same items."""


def places(total: int, count: int) -> list[int]:
    """Return the places of a sample, in order; a larger sample holds the smaller ones, and at most all."""
    shuffled = random.Random(SEED).sample(range(total), total)  # noqa: S311 - no secret
    return sorted(shuffled[:count])


def sampled(data: Data, split: str, spec: Mapping[str, Any]) -> tuple[Data, dict[str, int] | None]:
    """Return what an evaluation reads of a split, and the size of the sample; None where it is the whole split.

    Args:
        data: the task's.
        split: `validation` or `test`.
        spec: the step's; `max_items` is the largest number of items, if there is one.

    Raises:
        Unsupported: the data cannot be evaluated on some of their items.
    """
    most, total = spec.get("max_items"), data.sizes[split]
    if most is None or most >= total:
        return data, None
    part = plain.instance(data.only(split, places(total, most)), Data, "Data.only()")
    return part, {"items": most, "of": total, "seed": SEED}


def in_words(sample: Mapping[str, int]) -> str:
    """Return `300 of 5,000 items, drawn with seed 0`."""
    return f"{sample['items']:,} of {sample['of']:,} items, drawn with seed {sample['seed']}"
