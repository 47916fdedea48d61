"""Endpoints of the test server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from harness_endpoints._answer import Answer, Ask
from harness_endpoints._client import Client, Endpoint
from harness_endpoints._retry import Backoff

QUICK = Backoff(tries=3, first_s=0.01, longest_s=2)


@pytest.fixture
def ask_once() -> Callable[..., Answer]:
    """Return a function that asks a server once, with quick retries: settings of the endpoint by name."""

    def ask(server: Any, prompt: Any = "hello", ask_settings: Any = None, extra: Any = None, **settings: Any) -> Answer:
        chat = settings.get("api", "chat") == "chat"
        messages = [{"role": "user", "content": prompt}] if chat and isinstance(prompt, str) else prompt
        endpoint = Endpoint(server.url, **{"model": "tiny", "backoff": QUICK, **settings})

        async def answer() -> Answer:
            async with Client(endpoint) as client:
                return await client.answer(Ask(messages, ask_settings or {}, extra or {}))

        return asyncio.run(answer())

    return ask
