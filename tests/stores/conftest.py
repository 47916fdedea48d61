"""Databases that several runs share: SQLite, and a real PostgreSQL server in a folder and on a port of its own."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

USER = "harness"
ACCOUNT = "postgres"
"""Who runs the server where the tests are run by root: PostgreSQL refuses root."""


@contextlib.contextmanager
def _server() -> Iterator[Callable[[], str]]:
    """Start a server; yield a function that makes an empty database and returns its URL."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    data, port = folder / "data", _free_port()
    try:
        _run(folder, programs / "initdb", "-D", data, "-U", USER, "-A", "trust", "-N")
        options = f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off -c max_connections=200"
        _run(folder, programs / "pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start")
        try:
            yield lambda: _made(port)
        finally:
            _run(folder, programs / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Callable[[], str]]:
    """Return a function that makes an empty database of a server and returns its URL."""
    with _server() as made:
        yield made


@pytest.fixture(params=["sqlite", "postgresql"])
def location(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return where a new store is, with its artifacts below `tmp_path`."""
    monkeypatch.setenv("HARNESS_ARTIFACTS", str(tmp_path / "artifacts"))
    return str(tmp_path / "store") if request.param == "sqlite" else request.getfixturevalue("postgresql")()


def _programs() -> Path:
    """Return the folder of the server's programs; skip where there is none, but not in CI."""
    places = [Path(initdb).parent] if (initdb := shutil.which("initdb")) else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not places:
        missing = "no PostgreSQL here: Debian's package `postgresql` brings it"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    return places[-1]


def _run(folder: Path, *command: str | Path) -> None:
    """Run a program of the server, as another user where this one is root."""
    user = None
    if getpass.getuser() == "root":
        shutil.chown(folder, ACCOUNT)
        user = ACCOUNT
    # No pipe: the server would inherit it, and its end would never come.
    with (folder.parent / f"{folder.name}.out").open("w+", encoding="utf-8") as output:
        try:
            subprocess.run(
                [*map(str, command)], cwd=folder, user=user, stdout=output, stderr=subprocess.STDOUT, check=True
            )
        except subprocess.CalledProcessError:
            output.seek(0)
            pytest.fail(output.read())
        finally:
            Path(output.name).unlink()


def _made(port: int) -> str:
    name = f"d{uuid.uuid4().hex}"
    address = f"postgresql+psycopg://{USER}@127.0.0.1:{port}"
    engine = sa.create_engine(f"{address}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return f"{address}/{name}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
