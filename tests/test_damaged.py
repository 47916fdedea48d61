"""Stores as they are found after a bad day: a record that cannot be read, a file that is no database, no room."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import harness_dashboards
from harness import damaged
from harness.errors import StoreError
from harness.records import VERSION
from harness.store import open_store, peek_records

SAMPLE = Path(__file__).parent / "reports" / "sample" / "harness.db"
APP = Path(harness_dashboards.__file__).with_name("app.py")
Body = dict[str, Any]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a store of a suite, a copy; what was reported before is reported again."""
    (tmp_path / "store").mkdir()
    shutil.copy(SAMPLE, tmp_path / "store")
    monkeypatch.setattr(damaged, "_reported", set())
    return tmp_path / "store"


def _edit(store: Path, body: str | Callable[[Body], object]) -> int:
    """Put another body in the place of one of the evaluations, and return the record's number."""
    with sqlite3.connect(store / "harness.db") as connection:
        query = "SELECT number, body FROM records WHERE step = 'evaluate' ORDER BY number LIMIT 1"
        number, text = connection.execute(query).fetchone()
        if callable(body):
            content = json.loads(text)
            body(content)
            body = json.dumps(content, ensure_ascii=False)
        connection.execute("UPDATE records SET body = CAST(? AS TEXT) WHERE number = ?", (_bytes(body), number))
    connection.close()
    return int(number)


def _bytes(text: str) -> bytes:
    """Return a text's bytes; half a character is one that is none."""
    return text.encode(errors="surrogateescape" if "\udcff" in text else "surrogatepass")


def _set(**values: Any) -> Callable[[Body], object]:
    return lambda body: body.update(values)


def _set_spec(**values: Any) -> Callable[[Body], object]:
    return lambda body: body["asked"].update(values)


BAD: dict[str, tuple[str | Callable[[Body], object], str]] = {
    "no JSON": ("{", "its body is no JSON"),
    "nothing": ("", "its body is no JSON"),
    "cut": ('{"version": 10, "spec": {"task": "te', "its body is no JSON"),
    "a list": ("[]", "not of the form of a record"),
    "a number": ("7", "not of the form of a record"),
    "nested": ("[" * 100_000, "its body is nested too deeply"),
    "no UTF-8": (lambda body: body["asked"].update(size="\udcff"), "surrogates not allowed"),
    "of tomorrow": (_set(version=VERSION + 1), f"has version {VERSION + 1}; this harness reads up to {VERSION}"),
    "without version": (lambda body: body.pop("version"), "it lacks 'version'"),
    "without spec": (lambda body: body.pop("asked"), "missing 1 required keyword-only argument: 'spec'"),
    "without readings": (lambda body: body.pop("readings"), "it lacks 'readings'"),
    "unknown key": (_set(more=1), "unexpected keyword argument 'more'"),
    "spec of another type": (lambda body: body.update({"asked": "x"}), "spec is 'x' and no dict"),
    "environment of another type": (_set(environment=[]), "environment is [] and no dict"),
    "notes of another type": (_set(notes=None), "notes is None and no list"),
    "hardware of another type": (_set(environment={"hardware": "x"}), "environment.hardware is no object"),
    "outcome of another type": (_set(outcome=1), "outcome is 1 and no str"),
    "a reading of another type": (_set(readings={"x": ["a", "s"]}), "the reading x is 'a' 's'"),
    "a reading that is none": (_set(readings={"x": 5}), "not of the form of a record"),
    "metrics of another type": (_set(metrics=["x"]), "not of the form of a record"),
    "a metric without name": (_set(metrics=[{"column": None}]), "metric.name is None and no str"),
    "raw of another type": (_set(raw=[]), "not of the form of a record"),
    "a time that is none": (_set(started_at="yesterday"), "Invalid isoformat string: 'yesterday'"),
    "without a task": (lambda body: body["asked"].pop("task"), "its spec lacks task"),
    "a task that is none": (_set_spec(task=5), "spec.task is 5 and no str"),
    "settings that are none": (_set_spec(settings=[]), "spec.settings is [] and no dict"),
    "half a character": (_set_spec(model="\ud800"), "surrogates not allowed"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_record_is_reported_and_left_out(case: str, store: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """By its number, once; all others are read."""
    whole = peek_records(str(store))
    body, message = BAD[case]
    number = _edit(store, body)
    rest = peek_records(str(store))
    reported = capfd.readouterr().err
    peek_records(str(store))

    assert len(rest) == len(whole) - 1
    assert reported.startswith(f"warning: record {number} of store '{store}' is left out: ")
    assert message in reported
    assert reported.count("\n") == 1
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("case", ["no JSON", "of tomorrow", "a task that is none", "no UTF-8"])
@pytest.mark.parametrize(
    "command", ["table accuracy", "table viability", "run quick --dry-run", "export predictions -o o.csv"]
)
def test_commands_show_the_rest(case: str, command: str, store: Path, harness_command: Callable[..., Any]) -> None:
    """What is read is shown as ever, the warning is on stderr."""
    number = _edit(store, BAD[case][0])
    done = harness_command(store.parent, *command.split(), "--store", "store")

    assert done.code == 0
    assert f"warning: record {number} of store 'store' is left out" in done.stderr
    assert "Traceback" not in done.stderr
    assert "warning" not in done.stdout


def _damage(store: Path, step: str) -> str:
    """Cut the raw values of the first record of a step off; return its id."""
    with contextlib.closing(sqlite3.connect(store / "harness.db")) as connection, connection:
        made = open_store(str(store), create=True)  # with the columns beside the bodies
        record = next(each for each in made.records() if each.step == step)
        changed = replace(record, id="another", fingerprint="f" * 64, series={"latency_s": [0.5, 0.25]})
        changed.scores.update({name: [*column[:-1], 0.125] for name, column in record.scores.items()})
        made.add(changed)
        made.close()
        body = json.loads(connection.execute("SELECT body FROM records WHERE id = 'another'").fetchone()[0])
        for digest in body["raw"].values():
            connection.execute("UPDATE raw SET content = x'789c00' WHERE digest = ?", (digest,))
    return "another"


@pytest.mark.parametrize(
    "command",
    [
        "table accuracy", "table viability", "table cost", "report", "export predictions", "compare tfidf mlp",
        "compare tfidf mlp --answers all", "explain accuracy --model tfidf --where metric=accuracy",
    ],
)  # fmt: skip
def test_a_record_with_damaged_raw_values_is_left_out(
    command: str, store: Path, harness_command: Callable[..., Any]
) -> None:
    """They are read when a table needs them: it is made of the others, and stderr says so."""
    before = harness_command(store.parent, *command.split(), "--store", "store")
    _damage(store, "evaluate")
    done = harness_command(store.parent, *command.split(), "--store", "store")

    assert (before.code, done.code) == (0, 0)
    assert "are damaged" not in before.stderr
    assert done.stderr.count("a record is left out: record ") == 1
    assert "are damaged" in done.stderr
    assert done.stdout == before.stdout


def test_a_damaged_basis_is_read_in_the_body(store: Path, harness_command: Callable[..., Any]) -> None:
    """Many records share it: none is left out, and what is stale is told as before."""
    open_store(str(store), create=True).close()  # the columns, with the digests of bases, are added
    before = harness_command(store.parent, "table", "accuracy", "--format", "csv", "--store", "store")
    _sql("UPDATE raw SET content = x'789c00'")(store / "harness.db")
    done = harness_command(store.parent, "table", "accuracy", "--format", "csv", "--store", "store")

    assert (done.code, done.stderr) == (0, before.stderr)
    assert done.stdout == before.stdout
    assert "stale" in done.stdout


def test_what_is_measured_again_puts_damaged_raw_values_right(store: Path, harness_command: Callable[..., Any]) -> None:
    """They are kept by their digest: the same scores are kept anew, and both records are read."""
    _damage(store, "evaluate")
    command = ("table", "accuracy", "--format", "csv", "--store", "store")
    damaged_rows = harness_command(store.parent, *command)
    made = open_store(str(store), create=True)
    record = next(each for each in made.records() if each.step == "evaluate")
    again = replace(record, id="again", fingerprint="e" * 64, series={"latency_s": [0.5, 0.25]})
    again.scores.update({name: [*column[:-1], 0.125] for name, column in record.scores.items()})
    assert made.add(again)
    made.close()
    done = harness_command(store.parent, *command)

    assert "`harness run SUITE --again`" in damaged_rows.stderr
    assert (done.code, done.stderr) == (0, "")


def test_raw_values_are_those_of_their_digest(store: Path, harness_command: Callable[..., Any]) -> None:
    """Sound ones of another record are not taken for this one's."""
    _damage(store, "evaluate")
    content = zlib.compress(b'{"correct": [1.0]}')
    with contextlib.closing(sqlite3.connect(store / "harness.db")) as connection, connection:
        connection.execute("UPDATE raw SET content = ? WHERE content = x'789c00'", (content,))
    done = harness_command(store.parent, "table", "accuracy", "--store", "store")

    assert done.code == 0
    assert "they are not those that were kept" in done.stderr


def test_a_page_leaves_out_a_record_with_damaged_raw_values(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And says so; the rest of the page is there."""
    _damage(store, "evaluate")
    monkeypatch.setenv("HARNESS_STORE", str(store))
    app = AppTest.from_file(str(APP), default_timeout=120).run()

    assert not app.exception
    assert not app.error
    assert len(app.metric) > 1
    assert [each.value for each in app.warning if "are damaged" in each.value]


def test_pages_say_what_is_left_out(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As text, also where a name in it is markup; the rest of the page is there."""
    _edit(store, lambda body: body["asked"].update(task=["<img src=x onerror=alert(1)> *b*"]))
    monkeypatch.setenv("HARNESS_STORE", str(store))
    app = AppTest.from_file(str(APP), default_timeout=120).run()

    assert not app.exception
    assert len(app.metric) > 1
    (warning,) = [each.value for each in app.warning if "is left out" in each.value]
    assert r"\<img src=x" in warning


@pytest.mark.parametrize(("language", "title"), [("en", "Records that cannot be read"), ("zh", "无法读取的记录")])
def test_the_report_says_what_is_left_out(
    language: str, title: str, store: Path, harness_command: Callable[..., Any]
) -> None:
    """Escaped; it does not say that every step finished."""
    _edit(store, lambda body: body["asked"].update(model=["<script>alert(1)</script>"]))
    options = ["--store", "store", "-o", "report.html", "--lang", language]
    done = harness_command(store.parent, "report", *options)
    page = (store.parent / "report.html").read_text(encoding="utf-8")

    assert done.code == 0, done.stderr
    assert f"<h3>{title}</h3><ul><li>record 2 of store" in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page


# Files that are no database -------------------------------------------------------------------------------------------


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _text(file: Path) -> None:
    file.write_text("these are my notes, not a database, and quite long ones at that" * 4, encoding="utf-8")


def _cut(share: float) -> Callable[[Path], None]:
    def cut(file: Path) -> None:
        file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])

    return cut


def _sql(*statements: str) -> Callable[[Path], None]:
    def run(file: Path) -> None:
        with sqlite3.connect(file) as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()

    return run


def _overwritten(file: Path) -> None:
    """Write noise over all pages but the first."""
    content = file.read_bytes()
    file.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))


def _other(file: Path) -> None:
    file.unlink()
    _sql("CREATE TABLE cats (name TEXT)", "CREATE TABLE dogs (name TEXT)")(file)


def _bare(file: Path) -> None:
    file.unlink()
    _sql("PRAGMA user_version = 1")(file)


FILES: dict[str, tuple[Callable[[Path], None], str]] = {
    "empty": (
        _empty,
        "is an empty file: nothing was written to it, or it was lost in a copy. Restore it, or",
    ),
    "text": (_text, "is no SQLite database: it begins with b'these are my not'"),
    "cut to half": (_cut(0.5), "is cut off: it has"),
    "cut in its header": (_cut(0.0003), "is cut off: it has"),
    "overwritten": (_overwritten, "It is damaged. Restore it from a copy, or save what can be read: sqlite3"),
    "without meta": (_sql("DROP TABLE meta"), "has no table `meta` with its version: it is no store, or a damaged one"),
    "without version": (_sql("DELETE FROM meta"), "has no table `meta` with its version"),
    "without records": (_sql("DROP TABLE records"), "no such table: records"),
    "of another program": (_other, "Its tables: cats, dogs. Name another store with --store"),
    "without tables": (_bare, "holds no records. Run a suite into it first"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_is_no_store_says_what_it_is(case: str, store: Path, harness_command: Callable[..., Any]) -> None:
    """In a sentence with what to do; by folder and by URL; it is left as it is."""
    damage, message = FILES[case]
    damage(store / "harness.db")
    before = (store / "harness.db").read_bytes()
    for place in ("store", f"sqlite:///{store / 'harness.db'}"):
        done = harness_command(store.parent, "table", "accuracy", "--store", place)

        assert done.code == 2
        assert message in done.stderr
        assert "Traceback" not in done.stderr
    assert (store / "harness.db").read_bytes() == before


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """By URL too: looking makes nothing."""
    with pytest.raises(StoreError, match="There is no database"):
        open_store(f"sqlite:///{tmp_path / 'harness.db'}")

    assert list(tmp_path.iterdir()) == []


# Where nothing may be written -----------------------------------------------------------------------------------------


@pytest.fixture
def written(store: Path) -> Path:
    """Return a store in WAL mode, as runs leave it: to be read it needs a file beside it."""
    open_store(str(store), create=True).close()
    assert (store / "harness.db").read_bytes()[18:20] == b"\2\2"
    return store


@pytest.fixture
def mounted(store: Path) -> Iterator[Callable[..., None]]:
    """Return what mounts something on the store's folder; unmounted in the end."""
    mounts = []

    def mount(*options: str) -> None:
        """Mount; the last of the options may be to change what is mounted."""
        done = subprocess.run(["mount", *options, str(store)], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no rights to mount here: {done.stderr.strip()}")
        if "remount" not in "".join(options):
            mounts.append(store)

    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("only root may mount")
    yield mount
    gc.collect()  # records read their long fields later, and hold the database until they are gone
    for place in reversed(mounts):
        subprocess.run(["umount", str(place)], check=True)


def _tables(store: Path, harness_command: Callable[..., Any]) -> str:
    done = harness_command(store.parent, "table", "accuracy", "--store", "store", "--format", "csv")
    assert done.code == 0, done.stderr
    return str(done.stdout)


def _with_log(store: Path) -> None:
    """Leave the last record in the log, as a process does that was killed; its index is gone."""
    script = (
        "import os, sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1])\n"
        "c.execute('PRAGMA journal_mode=WAL')\n"
        "c.execute('PRAGMA wal_autocheckpoint=0')\n"
        "c.execute(\"UPDATE records SET outcome = 'failed' WHERE number = 1\"); c.commit(); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", script, str(store / "harness.db")], check=True)
    (store / "harness.db-shm").unlink()
    assert (store / "harness.db-wal").stat().st_size > 0


@pytest.mark.parametrize("log", [False, True], ids=["closed", "with a log"])
def test_a_store_on_a_read_only_mount_is_read(
    log: bool, written: Path, tmp_path: Path, mounted: Callable[..., None], harness_command: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """As where it may be written, also what is only in the log; nothing can be measured into it."""
    expected = _tables(written, harness_command)
    if log:
        _with_log(written)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    mounted("--bind", "-o", "ro", str(written))
    mounted("-o", "remount,bind,ro")
    with pytest.raises(OSError, match="Read-only"):
        (written / "probe").touch()

    assert _tables(written, harness_command) == expected
    opened = open_store(str(written))
    finished = opened.finished()
    opened.close()
    assert len(finished) == len(peek_records(str(SAMPLE.parent))) - log
    gc.collect()
    assert not [*tmp_path.glob("harness-store-*")]
    refused = harness_command(written.parent, "run", "quick", "--store", "store")
    assert refused.code == 2
    assert "may not be written" in refused.stderr


@pytest.mark.parametrize("name", ["sp ace", "结果", "a#b", "100%25", "what?", "q?timeout=1"])
@pytest.mark.parametrize("log", [False, True], ids=["closed", "with a log"])
def test_a_store_that_is_only_read_may_have_any_name(
    log: bool, name: str, written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its path stands in a URL for SQLite; nothing is made beside it."""
    folder = written.rename(written.with_name(name))
    if log:
        _with_log(folder)
    monkeypatch.setattr(os, "access", lambda *_: False)
    before = sorted(one.name for one in written.parent.rglob("*"))
    opened = open_store(str(folder))
    finished = opened.finished()
    opened.close()

    assert len(finished) == len(peek_records(str(folder))) - log
    assert log or sorted(one.name for one in written.parent.rglob("*")) == before


def test_a_store_in_a_folder_without_rights_is_read(written: Path, tmp_path: Path) -> None:
    """By a user who may not write there: root may everywhere, so that the command is run by another user."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root may become another user")
    for place in (written, *written.parents):
        if place == Path(tempfile.gettempdir()):
            break
        place.chmod(0o755)
    (written / "harness.db").chmod(0o444)
    command = "from harness.store import peek_records; import sys; print(len(peek_records(sys.argv[1])))"
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-c", command, str(written)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "PermissionError" in done.stderr or "ModuleNotFoundError" in done.stderr:
        pytest.skip("another user may not read the installed packages")

    assert done.stdout.strip() == str(len(peek_records(str(SAMPLE.parent)))), done.stderr


def _fill(file: Path) -> None:
    """Write until there is no space."""
    with contextlib.suppress(OSError), file.open("wb", buffering=0) as stream:
        while stream.write(b"\0" * 4096):
            pass


def test_a_store_on_a_full_disk_is_read(
    written: Path, tmp_path: Path, mounted: Callable[..., None], harness_command: Callable[..., Any]
) -> None:
    """There is no room for the index that SQLite makes to read; a run says that there is no space."""
    expected = _tables(written, harness_command)
    shutil.copy(written / "harness.db", tmp_path)
    mounted("-t", "tmpfs", "-o", "size=4m", "tmpfs")
    shutil.copy(tmp_path / "harness.db", written)
    _fill(written / "filler")

    assert _tables(written, harness_command) == expected
    assert not (written / "harness.db-wal").exists() or not (written / "harness.db-wal").stat().st_size
    refused = harness_command(written.parent, "run", "quick", "--store", "store")
    assert refused.code == 2
    assert "the disk is full" in refused.stderr


@pytest.mark.skipif(os.name != "posix", reason="POSIX gives back all locks of a process when it closes a file")
def test_opening_a_store_leaves_the_locks_of_others_that_read_it(written: Path) -> None:
    """Else a run that ends would take itself for the last, and remove the log that an open connection still reads."""
    reader = open_store(str(written))
    with reader._engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM records").scalar()
        assert peek_records(str(written))
        writes = f"from harness.store import open_store; open_store({str(written)!r}, create=True).close()"
        subprocess.run([sys.executable, "-c", writes], check=True)
        assert (written / "harness.db-wal").exists()
    reader.close()
