"""The real server answers to its own names alone, and says in every answer what may be done with it."""

from __future__ import annotations

import http.client
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from harness_dashboards.guard import name_in, policies

SAMPLE = Path(__file__).parents[1] / "reports" / "sample"
UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
PATHS = ("/", "/cost", "/_stcore/health", "/_stcore/host-config", "/static/nothing.js", "/media/nothing")


@pytest.fixture(scope="module")
def port(served: Callable[..., AbstractContextManager[str]]) -> Iterator[int]:
    """Start the dashboard of a store with a name of its own, and return its port."""
    with served("--store", str(SAMPLE), "--allow-host", "Box.example") as url:
        yield urlsplit(url).port or 0


def _get(port: int, path: str, host: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path, headers={"Host": host})
    answer = connection.getresponse()
    answer.text = answer.read().decode()  # type: ignore[attr-defined]
    connection.close()
    return answer


def _first_line(port: int, path: str, headers: str) -> str:
    """Return the status of a request with these headers and no others."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\n{headers}\r\n".encode())
        return connection.recv(4096).decode("latin-1").splitlines()[0].split(" ")[1]


@pytest.mark.parametrize(
    "host", ["127.0.0.1:{}", "localhost:{}", "LOCALHOST.", "[::1]:{}", "box.example", "box.example:80"]
)
def test_its_own_names_are_answered(port: int, host: str) -> None:
    """Those of this machine with any port, and what the user named: by HTTP and by websocket."""
    host = host.format(port)
    upgrade = f"Host: {host}\r\nOrigin: http://{host}\r\n{UPGRADE}"

    assert _get(port, "/_stcore/health", host).status == 200
    assert _first_line(port, "/_stcore/stream", upgrade) == "101"


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{}", "127.0.0.1.evil.example", "a@127.0.0.1", "127.0.0.1:x", "127.0.0.1/x", "[", ""],
)
def test_any_other_name_is_refused(port: int, host: str) -> None:
    """The name of a page that lets it lead to this machine: pages, data and the websocket."""
    host = host.format(port)
    for path in PATHS:
        answer = _get(port, path, host)
        assert answer.status == 421
        assert "--allow-host NAME" in answer.text  # type: ignore[attr-defined]

    assert _first_line(port, "/_stcore/stream", f"Host: {host}\r\n{UPGRADE}") == "403"


@pytest.mark.parametrize(
    "headers",
    [
        "Host: 127.0.0.1:{}\r\nHost: evil.example\r\n",
        "Host: 127.0.0.1:{}\r\nOrigin: http://evil.example\r\n",
        "Host: 127.0.0.1:{}\r\nOrigin: null\r\n",
    ],
    ids=["two hosts", "a page of another site", "a page in a sandbox"],
)
def test_requests_of_other_pages_are_refused(port: int, headers: str) -> None:
    """Also where Host is right."""
    status = _first_line(port, "/_stcore/stream", headers.format(port) + UPGRADE)

    assert status in ("400", "403")
    assert _first_line(port, "/_stcore/health", headers.format(port)) in ("400", "421")


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_has_the_policies_once(port: int, path: str) -> None:
    """Of pages, data, files and errors."""
    answer = _get(port, path, f"127.0.0.1:{port}")
    for name, value in policies(_page(port)).items():
        assert answer.headers.get_all(name) == [value]

    assert answer.getheader("X-Frame-Options") == "DENY"
    assert "frame-ancestors 'none'" in answer.getheader("Content-Security-Policy", "")


def _page(port: int) -> str:
    return str(_get(port, "/", "localhost").text)  # type: ignore[attr-defined]


def test_the_policy_lets_no_other_script_run(port: int) -> None:
    """Neither inline, by eval, nor from another host; that of the first page is named by its hash."""
    policy = dict(part.split(" ", 1) for part in policies(_page(port))["Content-Security-Policy"].split("; "))

    assert policy["default-src"] == "'self'"
    assert re.fullmatch(r"'self'( 'sha256-[\w+/]{43}=')+", policy["script-src"])
    assert not any("*" in value or "http" in value for value in policy.values())


@pytest.mark.parametrize(
    ("host", "name"),
    [("a.b:80", "a.b"), ("A.B", "a.b"), ("a.b.", "a.b"), ("[::1]:1", "::1"), ("a:b", None), ("a/b", None), ("", None),
     ("a?b", None), ("a#b", None), ("u:p@a", None), ("[::1", None)],
)  # fmt: skip
def test_a_name_is_read_as_browsers_mean_it(host: str, name: str | None) -> None:
    """Without port; what is more than a name is none."""
    assert name_in(host) == name


def test_a_name_with_more_to_it_is_refused(tmp_path: Path, harness_command: Callable[..., Any]) -> None:
    """Before a server starts."""
    done = harness_command(tmp_path, "dashboard", "--store", str(SAMPLE), "--allow-host", "http://box.example")

    assert done.code == 2
    assert "--allow-host http://box.example is no name of a host" in done.stderr
