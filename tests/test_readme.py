"""Every command of the README is run in a fresh clone, as it stands or in its smallest variation."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.plugin_files import import_file

ROOT = Path(__file__).parents[1]
Variation = Callable[[str], list[str]]
SERVER = "http://127.0.0.1:8000/v1"
"""Where the README's served model is; the test server takes its place."""


def _commands() -> list[str]:
    """Return the commands of the README's shell blocks, without comments."""
    blocks = re.findall(
        r"^```sh\n(.*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    lines = "\n".join(blocks).splitlines()
    return [command for line in lines if (command := re.sub(r"\s+#.*", "", line).strip())]


def _as_it_stands(command: str) -> list[str]:
    return [command]


def _planned_and_with(model: str) -> Variation:
    """Plan the command's networks, whose training takes minutes, and run it with a cheap model."""

    def vary(command: str) -> list[str]:
        cheap = re.sub(r" --(model|setting) \S+", "", command)
        return [f"{command} --dry-run", f"{cheap} --model {model} --runtime eager"]

    return vary


def _one_model(command: str) -> list[str]:
    """Run one model on its task: the whole suite takes four minutes, and `tox run -e quickstart` runs it."""
    return [f"{command} --model tfidf --runtime eager"]


def _read_by_tox(command: str) -> list[str]:
    """Install tox, let it read its environments and their dependencies: to run them is what CI and releases do."""
    install, run = command.split(" && ")
    environment = run.partition(" -e ")[2] or "py"
    return [f"{install} --quiet && python -m tox config -e {environment} -k commands extras", "python -m tox list"]


def _resolved(command: str) -> list[str]:
    """Resolve all that would be installed, and install nothing: what runs here is installed from the same sources."""
    return [f"{command} --dry-run --no-build-isolation"]


def _named_and_planned(command: str) -> list[str]:
    """Edit the suite as it asks for, then plan it."""
    return [f"sed -i s/MODEL@/tiny@/ mine.yaml && sed -i s#{SERVER}#SERVED# mine.yaml", command]


def _few_items(command: str) -> list[str]:
    """Ask for few items of one task."""
    return [f"{command.replace('NAME@' + SERVER, 'tiny@SERVED')} --task text-classification --max-items 20"]


def _judged(command: str) -> list[str]:
    """Ask the test server, which says no grade: then there is none."""
    return [command.replace(f"NAME@{SERVER}", "tiny@SERVED")]


def _graded(command: str) -> list[str]:
    """Grade what was exported."""
    grade = (
        "rows[['input', 'output']].drop_duplicates().rename(columns={'output': 'answer'}).assign(grader='ann', grade=3)"
    )
    program = f"import pandas as pd; rows = pd.read_csv('answers.csv'); {grade}.to_csv('graded.csv', index=False)"
    return [f'python -c "{program}"', command]


def _with_another_model(command: str) -> list[str]:
    run = "harness run quick --model tfidf --model mlp --task text-classification --runtime eager"
    return [run, command.replace("bert", "mlp")]


VARIATIONS: dict[str, Variation] = {
    "python -m pip install tox": _read_by_tox,
    "python -m pip install -c constraints.txt": _resolved,
    "harness run quick --dry-run": _as_it_stands,
    "harness run quick": _one_model,
    "harness run quick --data reviews.csv": _one_model,
    "harness run quick --data pairs.jsonl": _planned_and_with("nearest"),
    "harness run standard --data input.txt": _planned_and_with("ngram"),
    "harness run quick --data squad.json": _planned_and_with("overlap"),
    "harness run quick --data invoices.jsonl": lambda command: [f"{command} --runtime eager"],
    "harness run quick --data news.jsonl": lambda command: [f"{command} --runtime eager"],
    "harness run quick --data faq.csv": lambda command: [f"{command} --runtime eager"],
    "harness run quick --data Acrobot-v1": _planned_and_with("random"),
    "harness data": _as_it_stands,
    "harness run my-suite.yaml": _as_it_stands,
    "harness run mine.yaml --dry-run": _named_and_planned,
    "harness run mine.yaml": _few_items,
    "harness run llm": _few_items,
    "harness table": _as_it_stands,
    "harness compare": _with_another_model,
    "harness judge": _judged,
    "harness export": _as_it_stands,
    "harness grades": _graded,
    "harness report": _as_it_stands,
    "harness plan": _as_it_stands,
    "harness dashboard": _as_it_stands,
    "harness new": _as_it_stands,
    "harness check": _as_it_stands,
    "harness run quick --plugin mine.py": _as_it_stands,
    "harness run quick --task": lambda command: [f"{command.replace('FOLDER', 'checkpoint')} --runtime eager"],
}
"""How a command begins → the commands that are run for it; the longest beginning counts."""


def _variation(command: str) -> str:
    return max((start for start in VARIATIONS if command.startswith(start)), key=len, default="")


def test_every_command_of_the_readme_has_its_way_to_be_run() -> None:
    """A new command is given one here, and one that is gone is taken out."""
    assert {_variation(command) for command in _commands()} == VARIATIONS.keys()


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a fresh clone of what is committed here, with the files in it that a user brings."""
    folder = tmp_path_factory.mktemp("readme") / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    _write_data(folder)
    _write_checkpoint(folder / "checkpoint")
    return folder


def _write_data(folder: Path) -> None:
    rows = [(f"{word} number {number}", word) for number in range(40) for word in ("good", "bad")]
    (folder / "reviews.csv").write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows), "utf-8")
    pairs = [{"en": f"{number} days ago", "zh": f"{number}天前"} for number in range(200)]
    (folder / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs), encoding="utf-8")
    passages = [f"Passage {number}. {'It was the best of times, the worst of times. ' * 5}" for number in range(100)]
    (folder / "input.txt").write_text("\n\n".join(passages), encoding="utf-8")
    (folder / "squad.json").write_text(json.dumps({"data": [{"paragraphs": _paragraphs()}]}), encoding="utf-8")
    invoices = [{"text": f"Pay {number} EUR.", "json": {"total": number}} for number in range(60)]
    (folder / "invoices.jsonl").write_text("".join(json.dumps(one) + "\n" for one in invoices), encoding="utf-8")
    schema = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
    (folder / "invoice.json").write_text(json.dumps(schema), encoding="utf-8")
    news = [{"text": f"Rain on day {number}. It was wet.", "summary": f"Rain, day {number}"} for number in range(60)]
    (folder / "news.jsonl").write_text("".join(json.dumps(one) + "\n" for one in news), encoding="utf-8")
    rows_of_faq = "".join(f"What is number {number}?,It is {number}.\n" for number in range(60))
    (folder / "faq.csv").write_text(f"input,reference\n{rows_of_faq}", encoding="utf-8")
    (folder / "rubric.yaml").write_text(_yaml("good_from"), encoding="utf-8")
    _write_suite(folder)


def _yaml(key: str) -> str:
    """Return the README's block of YAML that has a key."""
    blocks = re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)
    (block,) = (one for one in blocks if f"{key}:" in one)
    return str(block)


def _write_suite(folder: Path) -> None:
    """Write the README's suite, and the data that it names."""
    (folder / "my-suite.yaml").write_text(_yaml("models"), encoding="utf-8")
    rows = "".join(f"{word} number {number}?,{word}\n" for number in range(60) for word in ("who", "when"))
    (folder / "tickets.csv").write_text(f"question,category\n{rows}", encoding="utf-8")


def test_the_suite_of_the_readme_is_complete(tmp_path: Path, harness_command: Callable[..., Any]) -> None:
    """It reads the columns and is called as it says; every key that it has is explained there."""
    _write_suite(tmp_path)
    done = harness_command(tmp_path, "run", "my-suite.yaml", "--dry-run")

    assert done.code == 0, done.stderr
    assert "documents (tickets.csv) as text-classification:" in done.stdout
    assert "text_column" in done.stdout
    assert "2 cases, 6 steps (0 shared), 6 to do." in done.stdout


def _paragraphs() -> list[dict[str, object]]:
    paragraphs = []
    for number in range(60):
        context = f"size: The size is {number} metres.\ncolour: The colour is red."
        answer = f"{number} metres"
        spec = {"id": str(number), "question": "What is the size?",
                 "answers": [{"text": answer, "answer_start": context.index(answer)}]}  # fmt: skip
        paragraphs.append({"context": context, "qas": [spec]})
    return paragraphs


def _write_checkpoint(folder: Path) -> None:
    import tokenizers
    import transformers

    words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0, "[PAD]": 1, "the": 2}, "[UNK]"))
    words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    special = {"unk_token": "[UNK]", "pad_token": "[PAD]"}
    transformers.PreTrainedTokenizerFast(tokenizer_object=words, **special).save_pretrained(folder)
    config = transformers.BertConfig(
        vocab_size=3, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, pad_token_id=1
    )
    transformers.BertForMaskedLM(config).save_pretrained(folder)


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """Return this environment with its programs first on the path."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HARNESS_", "PYTHON", "TOX"))}
    return _with_programs(Path(sys.executable).parent, kept)


@pytest.fixture(scope="module")
def empty_environment(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> dict[str, str]:
    """Return an environment with nothing installed, for what pip really installs."""
    folder = tmp_path_factory.mktemp("empty")
    venv.create(folder, with_pip=True)
    return _with_programs(folder / "bin", environment)


def _with_programs(folder: Path, environment: dict[str, str]) -> dict[str, str]:
    return environment | {"PATH": os.pathsep.join([str(folder), environment["PATH"]])}


def _serves(command: str, folder: Path, environment: dict[str, str]) -> None:
    """Start a server on a free port, read its page, end it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen([*command.split(), "--port", str(port)], cwd=folder, env=environment) as server:
        try:
            assert "streamlit" in _page(f"http://127.0.0.1:{port}", until=time.monotonic() + 60).lower()
        finally:
            server.terminate()


def _page(url: str, until: float) -> str:
    while True:
        try:
            with urllib.request.urlopen(url) as answer:  # noqa: S310 - our own server
                return str(answer.read().decode())
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    """Return the base URL of a server."""
    server = import_file(Path(__file__).parent / "endpoints" / "server.py")
    with server.own_process() as url:
        yield url


@pytest.mark.slow
def test_the_commands_of_the_readme_run_in_a_fresh_clone(
    clone: Path, environment: dict[str, str], empty_environment: dict[str, str], served: str
) -> None:
    """In their order, each with exit code 0."""
    for command in _commands():
        for variation in VARIATIONS[_variation(command)](command):
            if variation.startswith("harness dashboard"):
                _serves(variation, clone, environment)
            else:
                _run(
                    variation.replace("SERVED", served), clone, empty_environment if "tox" in variation else environment
                )

    assert (clone / "report.html").is_file()


def _run(command: str, folder: Path, environment: dict[str, str]) -> None:
    shell = ["sh", "-c", command]
    done = subprocess.run(shell, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    print(f"$ {command}\n{done.stdout[-600:]}")  # noqa: T201

    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
