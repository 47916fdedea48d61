"""Where artifacts go: beside an SQLite file, to a folder, or to an S3 server that all machines of a store reach."""

from __future__ import annotations

import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.errors import StoreError
from harness.store import open_store

DRIVER = Path(__file__).parents[1] / "drive.py"
WROTE = ("pretrain", "finetune", "export")


def run(location: str, folder: Path) -> str:
    """Run the driver's suite into a store; return what it said."""
    command = [sys.executable, "-I", str(DRIVER), location, str(folder / "log"), "0.01"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def intact(location: str) -> list[bool]:
    """Return of each step that wrote something whether it is there, as it was written."""
    store = open_store(location)
    wrote = sorted({record.fingerprint for record in store.records() if record.step in WROTE})
    kept = [store.has_artifact(fingerprint) for fingerprint in wrote]
    store.close()
    return kept


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Start an S3 server; return a client of it, with an empty bucket `models`."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "HARNESS_ARTIFACTS": "s3://models/of/toys",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    urllib.request.urlopen(f"http://{host}:{port}/moto-api/reset", data=b"").close()  # earlier tests' buckets
    client.create_bucket(Bucket="models")
    yield client
    client.close()
    server.stop()


def names(client: Any) -> list[str]:
    """Return the names in the bucket."""
    return [one["Key"] for one in client.list_objects_v2(Bucket="models").get("Contents", [])]


def test_another_machine_reads_what_one_wrote_to_s3(bucket: Any, tmp_path: Path) -> None:
    """It has no copies yet; what is altered or gone on the server is made again by its step."""
    location = str(tmp_path / "store")
    run(location, tmp_path)
    copies = tmp_path / "cache" / "viability-harness" / "artifacts"

    assert intact(location) == [True] * 5
    assert len({name.split("/")[3] for name in names(bucket) if name.startswith("of/toys/") and "-" in name}) == 5
    assert not (tmp_path / "store" / "artifacts").exists()
    shutil.rmtree(copies)
    assert intact(location) == [True] * 5
    assert len(list(copies.glob("*/??/*/*"))) == 5

    altered, gone = [name for name in names(bucket) if "-" in name][:2]
    bucket.put_object(Bucket="models", Key=altered, Body=b"other bytes")
    bucket.delete_object(Bucket="models", Key=gone)
    shutil.rmtree(copies)
    assert sorted(intact(location)) == [False, False, True, True, True]


def test_what_is_gone_from_s3_is_made_again(bucket: Any, tmp_path: Path) -> None:
    """Where a step is due that reads it; the record names what is there then."""
    location = str(tmp_path / "store")
    run(location, tmp_path)
    store = open_store(location)
    finetuned = [record for record in store.records() if record.step == "finetune"]
    export = next(record for record in store.records() if record.step == "export")
    store.close()
    (used,) = [one for one in finetuned if one.fingerprint in export.inputs.values()]
    for name in names(bucket):
        if used.fingerprint in name:
            bucket.delete_object(Bucket="models", Key=name)
    shutil.rmtree(tmp_path / "cache")
    import sqlite3

    with sqlite3.connect(tmp_path / "store" / "harness.db") as database:
        database.execute("DELETE FROM records WHERE fingerprint = ?", (export.fingerprint,))
    database.close()
    output = run(location, tmp_path)

    assert "done again, as what it wrote is gone or has changed" in output
    assert intact(location) == [True] * 5


def test_an_address_that_cannot_be_written_is_told_before_anything_is_measured(
    bucket: Any, tmp_path: Path, harness_command: Callable[..., Any]
) -> None:
    """A bucket that does not exist is not made; nor is a kind of address that nothing here reads."""
    for address, words in [
        ("s3://modles/of/toys", "there is no 'modles'"),
        ("gs://models/x", "Install what this kind of address needs"),
        ("nonsense://x", "nonsense"),
        ("s3://", "it names no bucket"),
    ]:
        done = harness_command(tmp_path, "run", "quick", "--store", str(tmp_path / "store"), "--artifacts", address)
        assert done.code == 2
        assert words in done.stderr
        assert "Traceback" not in done.stderr
        assert not (tmp_path / "store").exists()
    assert names(bucket) == []


def test_a_server_without_a_place_for_artifacts_is_told(
    postgresql: Callable[[], str], tmp_path: Path, harness_command: Callable[..., Any]
) -> None:
    """A run ends with 2 and makes no table; a table of what is there needs none."""
    location = postgresql()
    done = harness_command(tmp_path, "run", "quick", "--store", location)

    assert done.code == 2
    assert "is a server, and nothing says where its artifacts are" in done.stderr
    assert "--artifacts or HARNESS_ARTIFACTS" in done.stderr
    with pytest.raises(StoreError, match="holds no records"):
        open_store(location)
    open_store(location, create=True, artifacts=str(tmp_path)).close()
    store = open_store(location)
    assert store.records() == []
    store.close()


def test_artifacts_of_an_sqlite_file_are_beside_it(tmp_path: Path) -> None:
    """Also of two in one folder, which do not sweep each other's."""
    for name in ("harness.db", "one.db", "two.db"):
        store = open_store(f"sqlite:///{tmp_path / name}", create=True)
        store.artifacts.scratch()
        store.close()

    assert {file.name for file in tmp_path.iterdir() if file.is_dir()} == {
        "artifacts", "one-artifacts", "two-artifacts"
    }  # fmt: skip


@pytest.mark.parametrize("address", ["file://{}/there", "{}/there"], ids=["a URL", "a folder"])
def test_a_folder_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """As a path, or as a URL, of which this machine keeps copies."""
    monkeypatch.setenv("HARNESS_ARTIFACTS", address.format(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    location = str(tmp_path / "store")
    run(location, tmp_path)

    assert intact(location) == [True] * 5
    assert len(list((tmp_path / "there").glob("??/*"))) == 5
