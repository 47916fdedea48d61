"""Why a call has no answer: a small closed set of names, each with its remedy."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from harness.json_text import load
from harness_endpoints._retry import RETRIED_STATUSES

RATE_LIMITED = "rate limited"
NO_CREDIT = "no credit"
SERVER_ERROR = "server error"
TIMED_OUT = "timed out"
UNREACHABLE = "unreachable"
CUT_OFF = "cut off stream"
BROKEN_JSON = "broken JSON"
UNAUTHORISED = "unauthorised"
UNKNOWN_MODEL = "unknown model"
WRONG_URL = "wrong URL"
TOO_LONG = "context too long"
BAD_REQUEST = "bad request"
REFUSED = "refused"
SPEND_CAP = "spend cap reached"

REMEDIES = {
    RATE_LIMITED: "lower the concurrency, or raise the limit of the account.",
    NO_CREDIT: "add credit to the account, or use another key.",
    SERVER_ERROR: "read the server's log.",
    TIMED_OUT: "raise the time-out, or lower the concurrency.",
    UNREACHABLE: "start the server, or correct the base URL.",
    CUT_OFF: "read the server's log, and that of proxies before it.",
    BROKEN_JSON: "check that the base URL is of an OpenAI-compatible API, and read the server's log.",
    UNAUTHORISED: "set the environment variable that holds the key, and name it in key_variable.",
    UNKNOWN_MODEL: "name a model that the server has; GET /models lists them.",
    WRONG_URL: "correct the base URL; it usually ends with /v1.",
    TOO_LONG: "shorten the prompt (fewer shots), lower max_tokens, or serve with a longer context.",
    BAD_REQUEST: "correct the settings, or remove what this server does not know from the extra body.",
    REFUSED: "none, if the model is right to refuse; else another wording.",
    SPEND_CAP: "raise spend_usd in the budgets of the suite, or --spend-usd, and set max_tokens no higher than needed.",
}
"""What to do, by the name of the failure: all names there are."""

PASSING = {RATE_LIMITED, SERVER_ERROR, TIMED_OUT}
"""Those that may pass by themselves; a prompt that is too long stays so, whatever the status."""

CODES = {
    "context_length_exceeded": TOO_LONG,
    "exceed_context_size_error": TOO_LONG,
    "model_not_found": UNKNOWN_MODEL,
    "insufficient_quota": NO_CREDIT,
    "invalid_api_key": UNAUTHORISED,
    "content_filter": REFUSED,
    "content_policy_violation": REFUSED,
    "rate_limit_exceeded": RATE_LIMITED,
}
"""Names by the `code` or `type` of an error object."""
STATUSES = {
    401: UNAUTHORISED, 403: UNAUTHORISED, 402: NO_CREDIT, 404: WRONG_URL, 405: WRONG_URL, 408: TIMED_OUT,
    413: TOO_LONG, 429: RATE_LIMITED,
}  # fmt: skip
"""Names by status, where the error object says nothing more exact."""
SENTENCES = (
    (re.compile(r"context (length|size|window)|maximum model length|max_model_len|too long", re.IGNORECASE), TOO_LONG),
    (re.compile(r"\bmodel\b.*\b(not found|not exist|unknown)|unknown model", re.IGNORECASE), UNKNOWN_MODEL),
)
"""Names by what servers without codes say (vLLM, llama.cpp, Ollama, SGLang); of requests that they refuse alone."""


class Failure(NamedTuple):
    """Why a call has no answer."""

    name: str
    """One of the keys of `REMEDIES`."""
    detail: str
    """What happened, without the key."""
    again: bool = False
    """Whether the same request may succeed later."""

    def sentence(self) -> str:
        """Return what happened and what to do next."""
        return f"{self.detail.rstrip('.')}. Next: {REMEDIES[self.name]}"


def of_status(status: int, body: bytes) -> Failure:
    """Return the failure that a status other than 200 and its body tell."""
    code, message = error_in(_object(body))
    name = CODES.get(code) or _by_sentence(status, message) or STATUSES.get(status) or _by_class(status)
    detail = f"The server answers {status}" + (f": {message}" if message else "")
    return Failure(name, detail, again=status in RETRIED_STATUSES and name in PASSING)


def of_error(body: Mapping[str, Any]) -> Failure:
    """Return the failure that an error object within an answer of status 200 tells."""
    error = body.get("error")
    status = error.get("code") if isinstance(error, Mapping) else None
    return of_status(status if isinstance(status, int) else 500, json.dumps(body).encode())


def error_in(body: Any) -> tuple[str, str]:
    """Return code and message of an error object: OpenAI's, vLLM's older, Ollama's, FastAPI's; else empty."""
    if not isinstance(body, Mapping):
        return "", ""
    error = body.get("error", body)
    if not isinstance(error, Mapping):
        return "", str(error)
    codes = [error.get(name) for name in ("code", "type")]
    code = next((text for text in codes if isinstance(text, str) and text in CODES), "")
    return code, str(error.get("message") or error.get("detail") or "")


def _object(body: bytes) -> Any:
    try:
        return load(body)
    except ValueError:  # a page of a proxy, or nothing
        return None


def _by_sentence(status: int, message: str) -> str | None:
    if status not in {400, 404, 422, 500}:  # some servers answer 500 to what they cannot do
        return None
    return next((name for pattern, name in SENTENCES if pattern.search(message)), None)


def _by_class(status: int) -> str:
    if status >= 500:  # noqa: PLR2004 - the class of the server's faults
        return SERVER_ERROR
    return BAD_REQUEST if status >= 400 else WRONG_URL  # noqa: PLR2004 - below are redirections
