"""What the server answers to whom: requests for its own names alone, and policies in every answer.

A page of another site may have its own name lead to 127.0.0.1 (DNS rebinding), so that a browser takes the dashboard
for that site and lets its scripts read the store. The name that the browser used is in the header Host.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

LOCAL = ("127.0.0.1", "localhost", "::1")
"""Names under which a browser on this machine reaches the server."""
_Message = MutableMapping[str, Any]
_Send = Callable[[_Message], Awaitable[None]]
_Receive = Callable[[], Awaitable[_Message]]
_App = Callable[[_Message, _Receive, _Send], Awaitable[None]]
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_REFUSED = b"This dashboard does not answer to this name. Start it with --allow-host NAME if the name is yours.\n"


def policies(page: str) -> dict[str, str]:
    """Return the headers of every answer.

    Nothing comes from another host and nothing goes there, no other page may frame the dashboard, and no script runs
    that is not a file of the server or written in its first page.

    Args:
        page: the HTML of the first page.
    """
    hashes = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in _INLINE.findall(page))
    sources = {
        "default-src": "'self'",
        "script-src": " ".join(["'self'", *(f"'sha256-{digest}'" for digest in hashes)]),
        "style-src": "'self' 'unsafe-inline'",  # Streamlit and plotly write styles into the page
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "worker-src": "'self' blob:",
        "media-src": "'self' data: blob:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in sources.items()),
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


def first_page() -> str:
    """Return the HTML of Streamlit's first page."""
    import streamlit

    return (Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")


def name_in(host: str) -> str | None:
    """Return the name in a header Host, without its port; None where it is none."""
    try:
        parts = urlsplit(f"//{host}")
        parts.port  # noqa: B018 - raises where it is no number
    except ValueError:
        return None
    return parts.hostname.rstrip(".") if parts.hostname and parts.netloc == host and "@" not in host else None


class Guard:
    """Middleware (ASGI) that refuses requests for other names, websockets too, and adds headers to all answers."""

    def __init__(self, app: _App, hosts: Iterable[str], headers: MutableMapping[str, str]) -> None:
        """Take the application, the names beside `LOCAL` that it answers to, and what is added to its answers."""
        self._app = app
        self._hosts = {*LOCAL, *(host.lower() for host in hosts)}
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Answer a request, refuse it, or hand on what is none."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
        elif self._is_ours(scope):
            await self._app(scope, receive, self._with_headers(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})  # becomes 403, as it was not accepted
        else:
            await self._refuse(self._with_headers(send))

    def _is_ours(self, scope: _Message) -> bool:
        """Return whether Host, and Origin where a browser sends it, name this server."""
        sent = [(name, value.decode("latin-1")) for name, value in scope["headers"]]
        hosts = [name_in(value) for name, value in sent if name == b"host"]
        origins = [name_in(value.partition("://")[2]) for name, value in sent if name == b"origin"]
        return len(hosts) == 1 and {*hosts, *origins} <= self._hosts

    def _with_headers(self, send: _Send) -> _Send:
        names = {name for name, _ in self._headers}

        async def sending(message: _Message) -> None:
            if message["type"] == "http.response.start":
                kept = [pair for pair in message.get("headers", ()) if pair[0].lower() not in names]
                message = {**message, "headers": [*kept, *self._headers]}
            await send(message)

        return sending

    async def _refuse(self, send: _Send) -> None:
        kind = [(b"content-type", b"text/plain"), (b"content-length", str(len(_REFUSED)).encode())]
        await send({"type": "http.response.start", "status": 421, "headers": kind})
        await send({"type": "http.response.body", "body": _REFUSED})
