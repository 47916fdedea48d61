"""What a failure is called, and whether the same request is sent again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness_endpoints import _failures
from harness_endpoints._failures import of_status


@pytest.mark.parametrize(
    ("status", "error", "name", "again"),
    [
        (429, {"message": "Slow down"}, _failures.RATE_LIMITED, True),
        (429, {"code": "insufficient_quota", "message": "No money"}, _failures.NO_CREDIT, False),
        (503, {"message": "Loading"}, _failures.SERVER_ERROR, True),
        (408, {"message": "Too slow"}, _failures.TIMED_OUT, True),
        (500, {"message": "This model's maximum context length is 512 tokens"}, _failures.TOO_LONG, False),
        (500, {"message": "the input is larger than the context size"}, _failures.TOO_LONG, False),
        (500, {"code": "invalid_api_key", "message": "no"}, _failures.UNAUTHORISED, False),
        (400, {"message": "temperature must be positive"}, _failures.BAD_REQUEST, False),
    ],
)
def test_only_what_may_pass_is_sent_again(status: int, error: dict[str, Any], name: str, again: bool) -> None:
    """By the name, where the status is that of passing faults: some servers answer 500 to what they cannot do."""
    failure = of_status(status, json.dumps({"error": error}).encode())

    assert (failure.name, failure.again) == (name, again)
