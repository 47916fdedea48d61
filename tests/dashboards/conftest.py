"""A store of the walk with samples and a second metric in an evaluation, and stores that pages rarely see."""

from __future__ import annotations

import base64
import io
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import yaml

if TYPE_CHECKING:
    from harness.records import Record

EVIL = "*four* <img src=x onerror=alert(1)>"
MEASURED = Path(__file__).parents[1] / "reports" / "sample"
"""A store of the suite `quick`."""
FOREIGN = "http://192.0.2.1/x.png"
"""An address that no page may ask; it is reserved for documentation."""
HOSTILE = (
    "=cmd|'/C calc'!A1", f"<img src={FOREIGN} onerror=alert(1)>", f"$\\LaTeX$ ![x]({FOREIGN})",
    "[x](javascript:alert(1))", "two\nlines", "\u202eright to left\u200f",
)  # fmt: skip
"""Names that a page or a spreadsheet may take for more than text."""
HOSTILE_KIND = "hostile names"
KINDS = ("no store", "empty", "failures only", "unsupported only", "one record", "without readings", HOSTILE_KIND)


@pytest.fixture(scope="session")
def sampled(walked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with the walk's records; the evaluation of tf-idf has a picture, a text and a second metric."""
    from harness.store import open_store, peek_records

    folder = tmp_path_factory.mktemp("sampled") / "store"
    store = open_store(str(folder), create=True)
    for record in peek_records(str(walked / "store")):
        evaluated = record.step == "evaluate" and record.spec["model"] == "tfidf"
        second = {"name": "misses", "unit": "share", "column": "misses", "higher_is_better": False, "ceiling": 1.0}
        changes = {"samples": _samples(), "metrics": [*record.metrics, {**second, "random_baseline": None}]}
        changes["scores"] = {**record.scores, "misses": [1 - score for score in record.scores.get("correct", [])]}
        store.add(replace(record, **changes) if evaluated else record)
    store.close()
    return folder


def _samples() -> list[dict[str, str]]:
    from PIL import Image

    stream = io.BytesIO()
    Image.linear_gradient("L").save(stream, "PNG")
    picture = base64.b64encode(stream.getvalue()).decode()
    return [
        {"caption": EVIL, "media_type": "image/png", "content": picture},
        {"caption": "a text", "media_type": "text/plain", "content": "first line\n  <b>second</b> line"},
    ]


@pytest.fixture(scope="session")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with verdicts: that of `quick`, its shortened latencies repeated until they suffice."""
    from harness.store import open_store

    folder = tmp_path_factory.mktemp("decided")
    store = open_store(str(folder / "store"), create=True)
    for record in _measured(folder):
        store.add(replace(record, series={name: 4 * values for name, values in record.series.items()}))
    store.close()
    return folder / "store"


class OddStore(NamedTuple):
    """A store that pages rarely see."""

    kind: str
    location: Path
    plugins: tuple[Path, ...]
    """Files with the use cases that its records need."""


@pytest.fixture(params=KINDS)
def odd_store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OddStore]:
    """Let pages read a store of each kind."""
    from harness_dashboards import sources

    made = _odd_store(request.param, tmp_path)
    monkeypatch.setenv("HARNESS_STORE", str(made.location))
    monkeypatch.setenv("HARNESS_PRICE_BOOK", "cloud")
    monkeypatch.setenv("HARNESS_PLUGINS", os.pathsep.join(map(str, made.plugins)))
    sources.plugins.clear()
    yield made
    sources.plugins.clear()


@pytest.fixture(
    scope="module", params=[pytest.param(k, marks=[] if k == HOSTILE_KIND else pytest.mark.slow) for k in KINDS[1:]]
)
def served_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> OddStore:
    """Return a store of each kind that the command opens: the one with everything hostile by default."""
    return _odd_store(request.param, tmp_path_factory.mktemp("odd"))


def _odd_store(kind: str, folder: Path) -> OddStore:
    from harness.store import open_store

    location = folder / "store"
    if kind != "no store":
        store = open_store(str(location), create=True)
        for record in _records(kind, folder):
            store.add(record)
        store.close()
    return OddStore(kind, location, (_hostile_use_case(folder),) if kind == HOSTILE_KIND else ())


def _measured(folder: Path) -> list[Record]:
    """Return the records of `quick`."""
    from harness.plugins import load_plugins
    from harness.store import peek_records

    copy = shutil.copytree(MEASURED, folder / "measured")  # reading writes SQLite's own files
    return load_plugins().under_current_names(peek_records(str(copy)))


def _records(kind: str, folder: Path) -> list[Record]:
    everything = _measured(folder)
    if kind in ("failures only", "unsupported only"):
        return [_ended(record, kind.removesuffix(" only").replace("failures", "failed")) for record in everything]
    if kind == "without readings":
        return [replace(record, readings={}) for record in everything]
    if kind == HOSTILE_KIND:
        return [_hostile(record) for record in everything] + [_ended(_hostile(everything[0]), "failed", "again")]
    return [everything[0], _grades(folder)] if kind == "one record" else []


def _grades(folder: Path) -> Record:
    """Return a record of human grades, which has no model and no machine."""
    from harness_reports.measured.human_grades import HumanGrade, record_of

    return record_of([HumanGrade("q", "a", "ann", 2)], '{"scale": {"1": "wrong", "2": "right"}}', folder / "grades.csv")


def _ended(record: Record, outcome: str, suffix: str = "") -> Record:
    """Return the record of a step that did not succeed, so that nothing was read."""
    nothing: dict[str, Any] = {name: {} for name in ("readings", "series", "scores", "used", "environment")}
    nothing |= {name: [] for name in ("metrics", "samples", "notes")}
    names = {"id": record.id + suffix, "fingerprint": record.fingerprint + suffix}
    return replace(record, outcome=outcome, reason=HOSTILE[1], traceback=HOSTILE[0], **nothing, **names)


def _hostile(record: Record) -> Record:
    """Return a record in which every name, note and caption is hostile."""
    names = ("model", "size", "task", "data", "hardware", "runtime")
    spec = {name: hostile(value) if name in names else value for name, value in record.spec.items()}
    metrics = [{**metric, "name": hostile(metric["name"]), "unit": hostile("unit")} for metric in record.metrics]
    samples = [{**sample, "caption": hostile(sample["caption"])} for sample in record.samples]
    baseline = hostile(record.baseline) if record.baseline else None
    notes = [*HOSTILE]
    changes = {"spec": spec, "metrics": metrics, "samples": samples, "baseline": baseline, "notes": notes}
    return replace(record, **changes, **_hostile_answers(record))


def _hostile_answers(record: Record) -> dict[str, Any]:
    """Return what was asked and answered in an evaluation, each text of it hostile."""
    count = len(next(iter(record.scores.values()), []))
    texts = [HOSTILE[place % len(HOSTILE)] for place in range(count)]
    answers = [hostile(f"{record.spec['model']} {place}") for place in range(count)]
    items = {"test": {"input": texts, "reference": texts[::-1]}}
    return {"items": items, "answers": {"test": {"output": answers}}} if count else {}


def hostile(name: str) -> str:
    """Return a name behind a hostile beginning, the same for the same name."""
    return HOSTILE[sum(map(ord, name)) % len(HOSTILE)] + name


def _hostile_use_case(folder: Path) -> Path:
    """Write a packaged use case with hostile texts for the hostile name of its task."""
    import harness_language

    packaged = Path(harness_language.__file__).parent / "use_cases" / "document-classification.yaml"
    body = yaml.safe_load(packaged.read_text(encoding="utf-8"))
    for part in ("needs", "market"):
        body[part] = {name: {**figure, "source": hostile(name)} for name, figure in body[part].items()}
    body |= {"name": "hostile", "title": "".join(HOSTILE), "summary": HOSTILE[2], "tasks": [hostile(body["tasks"][0])]}
    file = folder / "hostile.yaml"
    file.write_text(yaml.safe_dump({k: v for k, v in body.items() if k != "data"}), encoding="utf-8")
    return file


@pytest.fixture(autouse=True)
def _main_stays() -> Iterator[None]:
    """Restore `__main__`: Streamlit's AppTest leaves its script there, which a fork server would run again."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture
def store(sampled: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let pages read the store at the cloud's prices."""
    monkeypatch.setenv("HARNESS_STORE", str(sampled))
    monkeypatch.setenv("HARNESS_PRICE_BOOK", "cloud")
    return sampled


def _page(name: str, language: str) -> None:
    """Show one page: AppTest cannot open a page of `st.navigation` by its name."""
    import importlib

    from harness_dashboards.texts import TEXTS
    from harness_reports.reasons import speaking

    with speaking(language):
        importlib.import_module(f"harness_dashboards.{name}").show(TEXTS[language])


@pytest.fixture
def open_page() -> Callable[..., Any]:
    """Return a function that opens a page by its module's name."""
    from streamlit.testing.v1 import AppTest

    def opened(name: str, language: str = "en") -> Any:
        app = AppTest.from_function(_page, default_timeout=60, kwargs={"name": name, "language": language}).run()
        assert not app.exception
        return app

    return opened


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _served(*options: str) -> Iterator[str]:
    port = _free_port()
    command = ["harness", "dashboard", *options, "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=1).close()  # noqa: S310 - our own server
                break
            except OSError:
                assert server.poll() is None, "the dashboard ended"
                time.sleep(0.1)
        yield url
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture(scope="session")
def served() -> Callable[..., AbstractContextManager[str]]:
    """Return what starts the command with options on a free port, gives its address, and ends it."""
    return _served
