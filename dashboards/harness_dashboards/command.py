"""`harness dashboard`: starts Streamlit on the loopback address."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from harness_dashboards.server import ADDRESS

STORE, BOOK, PLUGINS = "HARNESS_STORE", "HARNESS_PRICE_BOOK", "HARNESS_DASHBOARD_PLUGINS"
"""Environment variables that the pages read; of plugins a JSON list, as a path may hold any character."""


def dashboard(
    store: Annotated[
        str | None, typer.Option("--store", help="Folder or database URL; else HARNESS_STORE or harness-results.")
    ] = None,
    price_book: Annotated[
        str, typer.Option("--price-book", help="The name of a price book, or a YAML file with prices.")
    ] = "cloud",
    port: Annotated[int, typer.Option(help="The port on 127.0.0.1.", min=1, max=65535)] = 8501,
    plugin: Annotated[
        list[str] | None,
        typer.Option("--plugin", help="A Python file with a plugin, or a use case's YAML file; repeatable."),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Another name under which browsers reach it, as by a proxy of yours; repeatable."),
    ] = None,
) -> None:
    """Open the dashboard over a store; Ctrl-C ends it."""
    from harness.installed import DISTRIBUTION, require
    from harness.plugins import load_plugins
    from harness.store import open_store
    from harness_reports.prices.price_book_file import find_price_book

    require("The dashboard", ["streamlit"], DISTRIBUTION, "dashboard")
    names = _names(allow_host or ())
    open_store(store).close()
    find_price_book(price_book, load_plugins(plugin or ()).price_books())
    _refuse_taken(port)
    typer.echo(f"Dashboard: http://{ADDRESS}:{port} (Ctrl-C ends it)")
    _serve(port, names, _environment(store, price_book, plugin or []))


def _names(hosts: Iterable[str]) -> list[str]:
    """Return names of hosts as they are compared.

    Raises:
        HarnessError: one is no name alone.
    """
    from harness.errors import HarnessError
    from harness_dashboards.guard import name_in

    for host in hosts:
        if name_in(host) != host.lower():
            raise HarnessError(f"--allow-host {host} is no name of a host. Give it without scheme, port and path.")
    return [host.lower() for host in hosts]


def _refuse_taken(port: int) -> None:
    """Raise if a port is taken: Streamlit would silently use another.

    Raises:
        HarnessError: another program listens on it.
    """
    from harness.errors import HarnessError

    with socket.socket() as probe:
        if probe.connect_ex((ADDRESS, port)) == 0:
            raise HarnessError(f"Port {port} is taken by another program. Name another with --port.")


def _environment(store: str | None, price_book: str, plugins: list[str]) -> dict[str, str]:
    variables = {BOOK: price_book, PLUGINS: json.dumps([str(Path(file).absolute()) for file in plugins])}
    return {**os.environ, **variables, **({STORE: store} if store else {})}


def _serve(port: int, hosts: Sequence[str], environment: dict[str, str]) -> NoReturn:
    """Replace this process by the server, so that ending it leaves no child."""
    sys.stdout.flush()
    # -P: not the modules lying here.
    command = [sys.executable, "-P", "-m", "harness_dashboards.server", str(port), *hosts]
    os.execve(sys.executable, command, environment)  # noqa: S606
