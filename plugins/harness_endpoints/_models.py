"""Whether an endpoint can be asked at all: its server, its key, its model's name; nothing is billed for it."""

from __future__ import annotations

from typing import Any

from harness.errors import SuiteError, unknown
from harness.json_text import load
from harness_endpoints._answer import OK, Call, read_call
from harness_endpoints._client import Client
from harness_endpoints._failures import BROKEN_JSON, SERVER_ERROR, WRONG_URL, Failure


async def model_names(client: Client) -> tuple[str, ...] | None:
    """Return the models that GET /models lists; None where the server fails to list any, which is no fault of the URL.

    Raises SuiteError where no server answers, the URL is wrong, or the key is missing or refused.
    """
    call = await client.get("/models")
    names = _names(call)
    if names is not None:
        return names
    failure = _failure(call)
    if failure.name == SERVER_ERROR:
        return None
    raise SuiteError(f"{client.endpoint.url('/models')}: {failure.sentence()}")


async def check(client: Client) -> None:
    """Raise SuiteError, with the remedy, where the endpoint cannot be asked."""
    names = await model_names(client)
    if names and client.endpoint.model not in names:
        raise SuiteError(unknown(f"model of {client.endpoint.base_url}", client.endpoint.model, names))


def _names(call: Call) -> tuple[str, ...] | None:
    if call.status != OK or call.failure is not None:
        return None
    try:
        body: Any = load(b"".join(data for _, data in call.arrivals))
        return tuple(str(entry["id"]) for entry in body["data"])
    except (ValueError, TypeError, KeyError):
        return None


def _failure(call: Call) -> Failure:
    """Return why there is no list."""
    if call.failure is not None:
        return call.failure
    _, failure = read_call(call)
    if failure is None or failure.name == BROKEN_JSON:
        return Failure(WRONG_URL, "What the server answers is no list of models")
    return failure
