"""What measuring a model that was not measured would cost, and the command that measures it."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping
from typing import Any

from harness.names import PACKAGED
from harness_reports.business.call_cost import CallCost
from harness_reports.business.evidence import Evidence
from harness_reports.business.request import USD
from harness_reports.figures.explained import Explained, derived

ITEMS, COST = "measuring_items", "measuring_usd"
_TIMES = 2
"""The cap of the command, over the expected cost: answers may be longer than expected."""
_TIMED = 1100
"""Calls by which the suite `quick` times answers, about, after their evaluation."""


def measuring_figures(evidence: Evidence, call: CallCost) -> tuple[Explained, Explained]:
    """Return how many items a candidate was evaluated on, and what the calls of another model on them cost.

    Args:
        evidence: of the candidate whose items are to be answered.
        call: the cost of a call of the other model. Items are asked at the standard price of the list, even where the
            use case would be served at that of batches.
    """
    items = Explained(ITEMS, evidence.accuracy["items"], note="the items that the candidate was evaluated on, once",
                      source="the candidate's evaluation", kind="measured")  # fmt: skip
    return items, derived(
        COST, USD, f"{ITEMS} * {call.asked_now.name}", items, call.asked_now,
        note="to time answers costs more: the command says so with --dry-run",
    )  # fmt: skip


def command(evidence: Evidence, provider: str, model: str, call: CallCost) -> str:
    """Return the command that measures a hosted model on the candidate's items.

    The reader fills in `BASE_URL`, where the provider answers requests in OpenAI's form, and `KEY_VARIABLE`, the
    environment variable that holds the key.

    Args:
        evidence: of the candidate.
        provider: of the model, as the list of prices calls it.
        model: as the provider calls it.
        call: the cost of a call of it.
    """
    spec = next(iter(evidence.quality.leaves)).spec
    words = ["harness", "run", "quick", "--task", spec["task"], *_data(spec)]
    words += ["--model", f"openai:{model}@BASE_URL"]
    limit = f"max_tokens={_limit(call.output_tokens)}"
    for setting in (f"priced_as={provider}/{model}", "key_variable=KEY_VARIABLE", limit):
        words += ["--setting", setting]
    cap = _cap(call.asked_now.value * (evidence.accuracy["items"] + _TIMED))
    return shlex.join([*words, *_sample(spec.get("max_items")), "--spend-usd", cap])


def _data(spec: Mapping[str, Any]) -> list[str]:
    """Return the options that name the user's data and say how to read them; none of packaged data."""
    source, name = spec.get("source"), spec.get("data")
    if source is None:
        return []
    options = ["--data", source, *(["--data-name", name] if name not in (None, PACKAGED) else [])]
    for setting, value in spec.get("task_settings", {}).items():
        if value not in ("", None):
            options += ["--task-setting", f"{setting}={value if isinstance(value, str) else json.dumps(value)}"]
    return options


def _sample(items: int | None) -> list[str]:
    return [] if items is None else ["--max-items", str(items)]


def _limit(output_tokens: int) -> int:
    """Return a limit on the tokens of an answer: a power of 2 from twice those of a long one, at least 64."""
    return max(64, int(2 ** math.ceil(math.log2(max(1, _TIMES * output_tokens)))))


def _cap(usd: float) -> str:
    """Return a cap above the expected cost, rounded up to two digits, at least a cent."""
    most = max(0.01, _TIMES * usd)
    step = 10.0 ** (math.floor(math.log10(most)) - 1)
    return f"{math.ceil(most / step - 1e-9) * step:.10f}".rstrip("0").rstrip(".")
