"""The plugin's declarations, and its light import."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from datetime import date

import pytest

import harness_language
from harness import Figure, Model, Record, Task
from harness.plugins import load_plugins
from harness_reports.business.figure_rules import NEEDS

HEAVY = {
    "accelerate", "datasets", "numpy", "onnxruntime", "pandas", "plotly", "pydantic", "safetensors", "scipy", "sklearn",
    "streamlit", "tokenizers", "torch", "transformers",
}  # fmt: skip
TASKS = {task.name: task for task in harness_language.harness_tasks()}
MODELS = {model.name: model for model in harness_language.harness_models()}
USE_CASES = {case.name: case for case in harness_language.harness_use_cases()}


def test_the_entry_module_is_light() -> None:
    """Importing the plugin, calling its hooks and identifying the default data imports nothing heavy."""
    program = """
import json, sys
import harness_language as plugin
tasks = {task.name: task for task in plugin.harness_tasks()}
list(plugin.harness_models()), list(plugin.harness_use_cases())
tasks["text-classification"].check(None, {}); tasks["text-classification"].identity(None, {})
phrases = tasks["translation"]; settings = {name: setting.default for name, setting in phrases.settings.items()}
phrases.check(None, settings); phrases.identity(None, settings)
print(json.dumps(sorted(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert HEAVY & set(json.loads(done.stdout)) == set()


def test_naming_a_file_is_light(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A file's identity needs no data library."""
    path = tmp_path_factory.mktemp("data") / "reviews.csv"
    path.write_text("text,label\ngood,1\n", encoding="utf-8")
    program = f"""
import json, sys
from harness_language.tasks import TextClassification
TextClassification().identity({str(path)!r}, {{"text_column": "text", "label_column": "label"}})
print(json.dumps(sorted(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert HEAVY & set(json.loads(done.stdout)) == set()


def test_every_task_has_models_and_every_model_a_task() -> None:
    """Of the same kind."""
    assert list(TASKS) == [
        "text-classification", "language-modelling", "question-answering", "translation", "information-extraction",
        "summarization", "open-answers", "answer-grading",
    ]  # fmt: skip
    assert list(MODELS) == ["tfidf", "mlp", "lstm", "bert", "gpt", "ngram", "overlap", "nearest", "lead", "t5"]
    assert {task.kind for task in TASKS.values()} == {kind for model in MODELS.values() for kind in model.kinds}


def test_a_task_declares_every_field() -> None:
    """Metrics, baseline, use case, source, licence and settings, and that it takes the user's data."""
    task: Task = TASKS["text-classification"]
    metric = task.metrics[0]

    assert (metric.name, metric.column, metric.higher_is_better, metric.ceiling) == ("accuracy", "correct", True, 1.0)
    assert [metric.name for metric in task.metrics] == ["accuracy", "macro-F1"]
    assert task.baseline in MODELS
    assert task.use_case in USE_CASES
    assert USE_CASES[task.use_case].covers(task.name, task.data_name)
    assert task.takes_data
    assert task.source
    assert task.licence
    assert set(task.settings) == {"text_column", "label_column", "encoding", "delimiter", "columns", "split_column"}


@pytest.mark.parametrize(
    ("former", "task", "data"),
    [
        ("topics", "text-classification", "scipy-docstrings"), ("docstrings", "language-modelling", "scipy-docstrings"),
        ("parameters", "question-answering", "parameter-questions"), ("phrases", "translation", "cldr-phrases"),
    ],
)  # fmt: skip
def test_records_of_former_names_are_those_of_the_task(former: str, task: str, data: str) -> None:
    """On the packaged data; records of the user's data under `sentiment` are of the data `reviews`."""
    plugins = load_plugins()
    user = {"task": "sentiment", "source": "r.csv"}
    packaged, reviews = plugins.under_current_names([_record(task=former, source=None), _record(**user)])

    assert (packaged.spec["task"], packaged.spec["data"]) == (task, data)
    assert (reviews.spec["task"], reviews.spec["data"]) == ("text-classification", "reviews")


def _record(**spec: str | None) -> Record:
    return Record(
        id="1", fingerprint="f" * 64, step="evaluate", outcome="ok", spec=spec, inputs={},
        started_at="2026-11-26T00:00:00+00:00",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("data", "cases"),
    [
        ("scipy-docstrings", {"document-classification"}), ("documents", {"document-classification"}),
        ("reviews", {"review-sentiment"}), ("letters", set()),
    ],
)  # fmt: skip
def test_a_verdict_about_reviews_rests_on_reviews_alone(data: str, cases: set[str]) -> None:
    """A verdict about filing documents never rests on reviews."""
    assert {name for name, case in USE_CASES.items() if case.covers("text-classification", data)} == cases


@pytest.mark.parametrize("name", MODELS)
def test_settings_have_help_and_valid_defaults(name: str) -> None:
    """Each help is a sentence, and each default is one of the choices."""
    model: Model = MODELS[name]
    for setting in model.settings.values():
        assert setting.help.endswith(".")
        assert not setting.choices or setting.default in setting.choices


@pytest.mark.parametrize("name", ["mlp", "lstm", "bert", "gpt", "t5"])
def test_networks_offer_every_initialisation_and_onnx(name: str) -> None:
    """All networks can be initialised and exported."""
    assert MODELS[name].settings["initialisation"].choices == ("default", "random", "gaussian", "xavier")
    assert MODELS[name].formats == ("onnx",)


def test_bert_is_pretrained() -> None:
    """It declares its objective and sizes; three others have no pretraining."""
    assert MODELS["bert"].pretraining == "masked-language"
    assert MODELS["bert"].sizes == ("tiny", "small", "base")
    assert {MODELS[name].pretraining for name in ("tfidf", "mlp", "lstm")} == {None}


@pytest.mark.parametrize("name", USE_CASES)
def test_use_cases_are_complete_and_dated(name: str) -> None:
    """Every need is there; assumptions have the file's day, published figures their own."""
    case = USE_CASES[name]
    figures: list[Figure] = [*case.needs.values(), *case.market.values()]

    assert set(case.needs) == set(NEEDS)
    assert all(len(figure.source) > 5 and figure.unit for figure in figures)
    assert {figure.kind for figure in figures if figure.as_of == date(2026, 11, 24)} == {"assumption"}
    assert {figure.kind for figure in figures if figure.as_of != date(2026, 11, 24)} == {"sourced"}


def test_the_value_of_a_request_follows_from_its_source() -> None:
    """Seconds of a clerk's time at 33 or 30 USD an hour give the figures."""
    market = USE_CASES["document-classification"].market

    assert market["value_per_request_usd"].value == pytest.approx(10 * 33 / 3600, abs=0.01)
    assert market["cost_per_error_usd"].value == pytest.approx(30 * 33 / 3600, abs=0.005)
    assert USE_CASES["review-sentiment"].market["value_per_request_usd"].value == pytest.approx(18 / 5 * 30 / 3600)


@pytest.mark.parametrize("part", [*MODELS.values(), *TASKS.values()], ids=lambda part: part.name)
def test_declared_imports_exist(part: Model | Task) -> None:
    """The fork server leaves out a name that does not exist, silently."""
    assert part.imports is not None
    for name in (*part.imports, *getattr(part, "data_imports", ())):
        assert importlib.import_module(name)


@pytest.mark.slow
def test_every_heavy_module_is_preloaded() -> None:
    """After the preload, workers import no other heavy module."""
    program = """
import importlib, json, sys
import harness_language as plugin
for part in (*plugin.harness_models(), *plugin.harness_tasks()):
    for name in (*part.imports, *getattr(part, "data_imports", ())):
        importlib.import_module(name)
before = set(sys.modules)
from harness_language import _bert, _codecs, _corpus, _lstm, _mlp, _tables, _tfidf
heavy = {"torch", "transformers", "sklearn", "datasets", "tokenizers", "pandas", "scipy"}
print(json.dumps(sorted(n for n in set(sys.modules) - before if n.split(".")[0] in heavy)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == []
