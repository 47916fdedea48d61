"""Served models in a suite: what is asked, read, kept and refused, against a real server."""

from __future__ import annotations

import csv
import json
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import Assignment, NotAnAnswerError, testing
from harness.labelled import NO_CLASS
from harness.plugin_files import import_file
from harness.plugins import load_plugins
from harness.records import Record
from harness.sampling import places
from harness.seams.prompts import messages
from harness.settings import filled
from harness.store import open_store
from harness_endpoints._asking import Asking

server = import_file(Path(__file__).with_name("server.py"))
Behaviour, Server = server.Behaviour, server.Server

KEY, KEY_VARIABLE = "sk-a-key-that-nobody-sees", "KEY_OF_THE_TEST"
CLASSES = ("calm", "glad", "sad")
ROWS = 180
SUITE = """name: asked
models:
  - name: openai:tiny
    settings: {{base_url: "{url}", max_tokens: 8, key_variable: {variable}{more}}}
tasks: [{{name: text-classification, data: mood.csv}}]
batch_sizes: [8]
serve: {{seconds: 0.05, queries: 2}}
"""
FILTERED = {"message": "The content is filtered.", "type": "invalid_request_error", "code": "content_filter"}
FAULTS: dict[str, tuple[str | None, Any, str | None]] = {
    "no class": ("unparsable", Behaviour(), "no idea"),
    "two classes": ("unparsable", Behaviour(), "calm or sad"),
    "a class within a word": ("unparsable", Behaviour(), "calmness gladly sadden"),
    "another language": ("unparsable", Behaviour(), "平静"),
    "half an emoji": ("unparsable", Behaviour(), "\ud83d"),
    "JSON without a class": ("unparsable", Behaviour(), '```json\n{"label": null}\n```'),
    "no words": ("empty", Behaviour(), ""),
    "blanks": ("empty", Behaviour(), "  \n"),
    "reasoning alone": ("empty", Behaviour(reasoning="Is it calm? It may be."), ""),
    "cut off": ("cut off", Behaviour(finish="length"), None),
    "cut off within reasoning": ("cut off", Behaviour(reasoning="calm " * 9), None),
    "a refusal": ("refused", Behaviour(refusal="I will not say."), None),
    "a filter": ("refused", Behaviour(finish="content_filter"), None),
    "a filter instead of an answer": ("refused", Behaviour(statuses=(400,), error=FILTERED), None),
    "another class": (None, Behaviour(), "another"),
}
"""Wrong answers: how each is counted, how the server answers, and what (None: the right class)."""
SOUND: dict[str, tuple[Any, str]] = {
    "reasoning first": (Behaviour(reasoning="Glad? Sad?"), "{}"),
    "in capitals": (Behaviour(), "{upper}"),
    "in quotation marks": (Behaviour(), '"{}".'),
    "within a sentence": (Behaviour(), "I would say that it is {}!"),
    "JSON in a fence": (Behaviour(), '```json\n{{"label": "{}"}}\n```'),
    "an emoji that is cut": (Behaviour(bytes_per_write=3), "{} \U0001f600"),
    "no usage": (Behaviour(usage="none"), "{}"),
    "no end": (Behaviour(ending="no done"), "{}"),
    "no stream": (Behaviour(ignores_stream=True), "{}"),
    "last of its batch": (Behaviour(first_s=(0.3,)), "{}"),
    "a fault, then the answer": (Behaviour(statuses=(503, 200)), "{}"),
    "too many requests, then the answer": (Behaviour(statuses=(429, 200), retry_after="0"), "{}"),
    "a proxy's page twice, then the answer": (Behaviour(statuses=(502, 504, 200), error_page=True), "{}"),
}
"""What does not make an answer wrong: how the server answers, and what."""
ATTEMPTS = {"a fault, then": 2, "too many requests": 2, "a proxy's page": 3}


@pytest.fixture
def mood(tmp_path: Path) -> Path:
    """Return a folder with texts of three classes."""
    with (tmp_path / "mood.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows([f"Entry {number} of the diary", CLASSES[number % 3]] for number in range(ROWS))
    return tmp_path


def data_of(folder: Path) -> Any:
    """Return the task's data."""
    task = load_plugins().find("tasks", "text-classification")
    return task.data(str(folder / "mood.csv"), filled({}, task.settings))


def references(folder: Path, split: str = "test") -> dict[str, str]:
    """Return the prompt of each text of a split, and its class."""
    data = data_of(folder)
    texts, labels = data.examples(split)
    prompts = [messages(data.prompts(), text)[-1]["content"] for text in texts]
    return dict(zip(prompts, (data.classes[label] for label in labels), strict=True))


def write_suite(folder: Path, url: str, variable: str = '""', more: str = "") -> None:
    """Write the suite."""
    text = SUITE.format(url=url, variable=variable, more=f", {more}" if more else "")
    (folder / "asked.yaml").write_text(text, encoding="utf-8")


@pytest.fixture
def evaluated(mood: Path, harness_command: Any) -> Callable[..., Record]:
    """Return a function that runs the suite against a server and returns the record of the evaluation."""

    def run(one: Any, variable: str = '""', more: str = "") -> Record:
        write_suite(mood, one.url, variable, more)
        done = harness_command(mood, "run", "asked.yaml", "--store", "store")
        assert done.code == 0, done.stdout + done.stderr
        return next(each for each in reversed(open_store(str(mood / "store")).records()) if each.step == "evaluate")

    return run


def test_answers_are_graded_exactly_with_faults_planted(mood: Path, evaluated: Callable[..., Record]) -> None:
    """Each answer that is none is wrong and counted under its name; what is only odd is right."""
    right = references(mood)
    answers, planted, places = dict(right), {}, iter(right)
    for (_, behaviour, words), prompt in zip(FAULTS.values(), places, strict=False):
        planted[prompt] = behaviour
        other = CLASSES[CLASSES.index(right[prompt]) - 1]
        answers[prompt] = right[prompt] if words is None else other if words == "another" else words
    places = iter(list(right)[len(FAULTS) :])
    for (behaviour, words), prompt in zip(SOUND.values(), places, strict=False):
        planted[prompt] = behaviour
        answers[prompt] = words.format(right[prompt], upper=right[prompt].upper())
    with Server(answers=answers, planted=planted) as one:
        record = evaluated(one)

    usage, count, wrong = record.usage["test"], len(right), len(FAULTS)
    assert (len(planted), wrong) == (28, 15)
    assert record.scores["correct"] == [0.0] * wrong + [1.0] * (count - wrong)
    assert record.metric_value(record.metrics[0]) == (count - 15) / count
    assert dict(zip(FAULTS, usage["why"], strict=False)) == {name: why for name, (why, *_) in FAULTS.items()}
    assert usage["why"][wrong:] == [None] * (count - wrong)
    assert record.scores["predicted"][: wrong - 1] == [NO_CLASS] * (wrong - 1)
    assert record.answers["test"]["output"][: wrong - 1] == [None] * (wrong - 1)
    attempts = dict(zip(SOUND, usage["attempts"][wrong:], strict=False))
    assert {name: tries for name, tries in attempts.items() if tries != 1} == {
        name: tries for name in SOUND for start, tries in ATTEMPTS.items() if name.startswith(start)
    }
    without_usage = [*FAULTS, *SOUND].index("no usage"), [*FAULTS].index("a filter instead of an answer")
    assert [place for place, tokens in enumerate(usage["output_tokens"]) if tokens is None] == sorted(without_usage)
    assert {name for name in usage["model"] if name is not None} == {"tiny"}
    assert [note for note in record.notes if "are none" in note] == [
        f"Of {count} answers of test, 14 are none and count as wrong: 6 unparsable, 3 empty, 3 refused, 2 cut off."
    ]


@pytest.mark.slow
def test_a_step_is_not_its_url_and_the_key_is_nowhere(mood: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same server on another port is asked nothing; another temperature is another step."""
    monkeypatch.setenv(KEY_VARIABLE, KEY)

    def run(url: str, *arguments: str, more: str = "") -> str:  # a process of its own: workers get its variables
        write_suite(mood, url, KEY_VARIABLE, more)
        command = ["harness", "run", "asked.yaml", "--store", "store", *arguments]
        done = subprocess.run(command, cwd=mood, capture_output=True, text=True, encoding="utf-8", check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    answers = references(mood)
    with Server(answers=answers, key=KEY) as one:
        first = run(one.url)
    with Server(answers=answers, key=KEY) as other:
        again = run(other.url)
        asked_again = list(other.log)
        warmer = run(other.url, "--dry-run", more="temperature: 0.5")
    wrong = Behaviour(version="fp_2")
    with Server({"tiny": wrong}, answers=dict.fromkeys(answers, "angry"), key=KEY) as changed:
        planned = run(changed.url, "--again", "--dry-run")
        anew = run(changed.url, "--again")
        asked_anew = len(set(changed.prompts("asked")) & set(answers))
    table = subprocess.run(
        ["harness", "table", "accuracy", "--store", "store", "--format", "json"],
        cwd=mood, capture_output=True, text=True, encoding="utf-8", check=True,
    )  # fmt: skip

    record = next(each for each in open_store(str(mood / "store")).records() if each.step == "evaluate")
    assert record.scores["correct"] == [1.0] * len(answers)
    assert record.spec["access"]["key_variable"] == KEY_VARIABLE
    assert asked_again == []
    assert "all 2 steps are measured already" in again
    assert "2 to do" in warmer
    assert planned.count("to do, measured again") == 2
    assert "2 ok" in anew
    assert asked_anew == len(answers)
    assert [row["value"] for row in json.loads(table.stdout)] == [0.0]
    both = [each for each in open_store(str(mood / "store")).records() if each.step == "evaluate"]
    assert [sum(each.scores["correct"]) for each in both] == [len(answers), 0]
    assert set(both[1].usage["test"]["system_fingerprint"]) == {"fp_2"}
    assert any(note.startswith("The answers to test are by tiny, of 20") for note in both[1].notes)
    files = [file for file in (mood / "store").rglob("*") if file.is_file()]
    texts = [first, again, warmer, *(file.read_bytes().decode("utf-8", "replace") for file in files)]
    assert not [text for text in texts if KEY in text]


def test_a_request_that_is_too_long_ends_the_step_with_the_remedy(mood: Path, harness_command: Any) -> None:
    """Its length is known to the server alone: the record says it."""
    with Server(context=16) as one:
        write_suite(mood, one.url)
        done = harness_command(mood, "run", "asked.yaml", "--store", "store")
    record = next(each for each in open_store(str(mood / "store")).records() if each.step == "evaluate")

    assert done.code == 1
    assert record.outcome == "failed"
    assert "maximum context length is 16 tokens" in str(record.reason)
    assert str(record.reason).endswith(
        "Next: shorten the prompt (fewer shots), lower max_tokens, or serve with a longer context."
    )


@pytest.mark.slow
def test_shots_are_of_the_training_split(mood: Path, evaluated: Callable[..., Record]) -> None:
    """They stand before the question, with their answers; what is graded is asked last."""
    answers = {text.rpartition("\n\n")[2]: label for text, label in references(mood).items()}
    with Server(answers=answers) as one:
        record = evaluated(one, more="shots: 2")
        prompts = one.prompts("asked")

    assert record.scores["correct"] == [1.0] * len(answers)
    assert {prompt for prompt in prompts if prompt in answers} == set(answers)
    assert min(record.usage["test"]["input_tokens"]) > 25  # instruction, two examples and the question


@pytest.fixture
def refuse(mood: Path, harness_command: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return a function that runs a suite that must be refused, and returns the error in one line."""
    monkeypatch.delenv(KEY_VARIABLE, raising=False)

    def run(url: str, variable: str = '""', more: str = "", model: str = "tiny") -> str:
        write_suite(mood, url, variable, more)
        path = mood / "asked.yaml"
        path.write_text(path.read_text(encoding="utf-8").replace("openai:tiny", f"openai:{model}"), encoding="utf-8")
        done = harness_command(mood, "run", "asked.yaml", "--store", "store")
        assert done.code == 2, done.stdout
        assert not (mood / "store").exists()
        return " ".join(done.stderr.split())

    return run


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ("shots: 199", "shots is 199; the training split has 126 examples."),
        ("extra_body: '[1]'", "extra_body is [1]. Give a JSON object"),
        ("extra_body: '{'", "extra_body is no JSON"),
        ('extra_body: \'{"model": "big"}\'', "extra_body holds model. Leave it out: the model's name says"),
        ("extra_body: '{\"messages\": []}'", "extra_body holds messages"),
        ("extra_body: '{\"n\": 2}'", "extra_body holds n. Leave it out: one answer is graded"),
        ('extra_body: \'{"max_tokens": "abc"}\'', "max_tokens is 'abc'. Give a whole number"),
        ("extra_body: '{\"max_completion_tokens\": 1.5}'", "max_completion_tokens is 1.5. Give a whole number"),
        ("extra_body: '{\"max_tokens\": true}'", "max_tokens is True. Give a whole number"),
        ("api: chats", "Did you mean 'chat'?"),
    ],
)
def test_bad_settings_are_refused_before_anything_is_asked(
    refuse: Callable[..., str], more: str, sentence: str
) -> None:
    """Nothing is written, and nothing is asked."""
    with Server() as one:
        assert sentence in refuse(one.url, more=more)
        assert one.prompts("asked") == []


def test_what_cannot_be_reached_is_refused_with_the_remedy(
    refuse: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No URL, no server, another path, another model, no key, a wrong key."""
    with Server(key=KEY) as one:
        url = one.url
        assert f"The environment variable {KEY_VARIABLE} is to hold the key and is not set" in refuse(url, KEY_VARIABLE)
        assert "set the environment variable that holds the key" in refuse(url)
        monkeypatch.setenv(KEY_VARIABLE, KEY[:-1])
        assert "401" in refuse(url, KEY_VARIABLE)
        monkeypatch.setenv(KEY_VARIABLE, KEY)
        assert "Did you mean 'tiny'?" in refuse(url, KEY_VARIABLE, model="tinny")
        assert "correct the base URL" in refuse(url.removesuffix("/v1"), KEY_VARIABLE)
        assert one.prompts("asked") == []
    assert "start the server, or correct the base URL" in refuse(url)
    assert "openai:tiny has no URL. Name it" in refuse("")


def test_the_url_may_stand_in_the_models_name(mood: Path, harness_command: Any) -> None:
    """`openai:NAME@URL`; the model is planned under its name alone, where it is served."""
    with Server() as one:
        done = harness_command(
            mood, "run", "quick", "--model", f"openai:tiny@{one.url}", "--task", "text-classification", "--dry-run"
        )
        assert done.code == 0, done.stdout + done.stderr
        assert one.prompts("asked") == []
    assert "evaluate openai:tiny on text-classification http as it is" in done.stdout
    assert "openai:tiny does not compute on cpu: it is measured and priced on remote." in done.stdout
    assert "finetune" not in done.stdout


def test_a_sample_is_the_same_for_every_model(mood: Path, harness_command: Any) -> None:
    """Both are asked for it alone; plan, record and screen say how many of how many."""
    answers = references(mood)
    whole = data_of(mood)
    with Server({"tiny": Behaviour(), "other": Behaviour()}, answers=answers) as one:
        write_suite(mood, one.url)
        path = mood / "asked.yaml"
        second = f'  - name: openai:other\n    settings: {{base_url: "{one.url}", max_tokens: 8}}\ntasks:'
        path.write_text(path.read_text(encoding="utf-8").replace("tasks:", second), encoding="utf-8")
        command = ("run", "asked.yaml", "--store", "store", "--max-items", "7")
        planned = harness_command(mood, *command, "--dry-run")
        done = harness_command(mood, *command)
        prompts = Counter(entry["prompt"] for entry in one.log if entry["event"] == "asked")
    records = [each for each in open_store(str(mood / "store")).records() if each.step == "evaluate"]

    assert done.code == 0, done.stderr
    note = "note: text-classification (mood): 7 of 36 items, drawn with seed 0."
    assert note in planned.stdout
    assert note in done.stdout
    texts = whole.only("test", places(36, 7)).examples("test")
    for record in records:
        assert record.items["test"]["input"] == list(texts.inputs)
        assert record.scores["correct"] == [1.0] * 7
        assert record.used["sample"] == {"test": {"items": 7, "of": 36, "seed": 0}}
        assert "Evaluated on 7 of 36 items, drawn with seed 0, of test." in record.notes
        assert record.data_digest == whole.digest
        assert record.metrics[0]["random_baseline"] == whole.only("test", places(36, 7)).random_baseline()["accuracy"]
    assert len(records) == 2
    assert all(prompts[text] >= 2 for text in answers if text.rpartition("\n")[2] in texts.inputs)


@pytest.mark.slow
def test_the_kit_skips_what_needs_a_training() -> None:
    """A declaration is checked; a learner, weights and exports are not there."""
    checks = testing.check("openai:tiny@http://127.0.0.1:1/v1", load_plugins())

    assert {one.outcome for one in checks} == {"passed", "skipped"}
    assert "is served: it is asked over HTTP and not trained" in " ".join(one.why or "" for one in checks)


def test_rows_of_ones_are_what_prompts_read(mood: Path) -> None:
    """An answer by its class's name is right for every class; other words are none."""
    prompts = data_of(mood).prompts()

    assert [int(np.argmax(prompts.read(name, ""))) for name in CLASSES] == [0, 1, 2]
    with pytest.raises(NotAnAnswerError):
        prompts.read("angry", "")


@pytest.mark.parametrize(("max_tokens", "sent"), [(0, None), (5, 5)])
def test_the_longest_answer_is_the_servers_where_none_is_set(mood: Path, max_tokens: int, sent: int | None) -> None:
    """The field is then left out of the request: a 0 in it would be refused."""
    model = load_plugins().find("models", "openai:tiny@http://127.0.0.1:1/v1")
    settings = filled({"max_tokens": max_tokens}, model.settings)
    assignment = Assignment("finetune", data_of(mood), "default", settings, "remote", "as served", 0)
    request = Asking("tiny", assignment).body("Entry")

    assert request.get("max_tokens") == sent
    assert request["temperature"] == 0


@pytest.mark.slow
def test_what_a_run_costs_is_exact_to_the_cent(
    mood: Path, evaluated: Callable[..., Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tokens that the server counted at the price of the entry that the user named; wrong answers are paid, too."""
    from harness_reports.prices.cost import cost
    from harness_reports.prices.pricing import Pricing

    right = references(mood)
    first, second, *_ = right
    answers = right | {first: "no idea at all"}
    monkeypatch.setitem(globals(), "SUITE", SUITE + "budgets: {{spend_usd: 1}}\n")
    with Server(answers=answers, planted={second: Behaviour(statuses=(429, 200), retry_after="0")}) as one:
        record = evaluated(one, more="priced_as: openai/gpt-4o-mini")
    (row,) = cost([record], Pricing({})).to_dict("records")
    usd = {text: 0.15e-6 * len(server.tokens(text)) + 0.60e-6 * len(server.tokens(answers[text])) for text in right}

    assert sum(record.usage["test"]["attempts"]) == len(right) + 1
    assert row["usd_per_1k_inferences"] == pytest.approx(sum(usd.values()) / len(usd) * 1000, rel=1e-12)
    assert row["usd_per_1k_correct"] == pytest.approx(sum(usd.values()) / (len(usd) - 1) * 1000, rel=1e-12)
    assert row["usd_per_1k_with_retries"] == pytest.approx((sum(usd.values()) + usd[second]) / len(usd) * 1000)
    assert (row["price_provider"], row["price_item"]) == ("openai", "gpt-4o-mini")
    assert not any("usd" in name or "price" in name for name in record.readings)
