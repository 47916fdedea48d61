"""`harness judge` against a real server: what is asked, kept, asked once, and refused before anything is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.plugin_files import import_file
from harness.records import Record
from harness.store import open_store
from harness_reports.cli.judging import sample
from harness_reports.measured.open_answers import Given, given_answers
from tests.reports.cli.conftest import QUESTIONS, RUBRIC, SUITE

server = import_file(Path(__file__).parents[2] / "endpoints" / "server.py")
parrot = import_file(Path(__file__).parents[2] / "checkpoints" / "parrot.py")
Behaviour, Server = server.Behaviour, server.Server
Run = Callable[..., Any]


@pytest.fixture
def run(harness_command: Run, folder: Path) -> Run:
    """Return a function that runs `harness judge` in the folder."""

    def judge(model: str, *more: str) -> Any:
        return harness_command(folder, "judge", "--model", model, "--rubric", "rubric.yaml", "--store", "store", *more)

    return judge


@pytest.fixture
def judges() -> Iterator[Any]:
    """Return a server that finds every answer right, but for what a test plants."""
    with Server({"judge": Behaviour()}, answers={"Answer to be graded": "3"}) as one:
        yield one


def _instruction() -> str:
    """Return what stands before each answer that is to be graded."""
    return (
        "Grade an answer to a question.\nIs the answer right?\n\nThe grades are:\n1: wrong\n2: partly right\n3: right\n"
        "\nAnswer with exactly one of these numbers, and with nothing else: 1, 2, 3"
    )


def _records(folder: Path, task: str = "answer-grading") -> list[Record]:
    return [one for one in open_store(str(folder / "store")).records() if one.spec["task"] == task]


def _answers(folder: Path) -> list[Given]:
    return given_answers(open_store(str(folder / "store")).records(), "open-answers")


def _files(folder: Path) -> dict[str, bytes]:
    """Return the content of all files of the store; SQLite's log is none."""
    files = (
        file for file in (folder / "store").rglob("*") if file.is_file() and not file.name.endswith(("-wal", "-shm"))
    )
    return {str(file): file.read_bytes() for file in files}


@pytest.mark.usefixtures("libraries_at_hand")
def test_a_judge_grades_each_answer_once(folder: Path, run: Run, judges: Any) -> None:
    """Its record holds question, reference, answer and rubric; what is no grade is None and counted by its name."""
    answers = _answers(folder)
    for one, grade in zip(answers, ("1", "2", "so", ""), strict=False):
        text = f"Question:\n{one.input}\n\nReference answer:\n{one.reference}\n\nAnswer to be graded:\n{one.answer}"
        judges.answers[text] = grade
    done = run(f"openai:judge@{judges.url}", "--setting", "max_tokens=4")
    assert done.code == 0, done.stdout + done.stderr
    (record,) = _records(folder)
    calls = len(judges.prompts("asked"))
    again = run(f"openai:judge@{judges.url}", "--setting", "max_tokens=4")

    assert len(answers) == QUESTIONS == calls
    items = record.items["test"]
    assert list(map(Given, items["input"], items["reference"], items["answer"])) == answers
    assert record.answers["test"]["output"] == [1, 2, None, None, *[3] * (QUESTIONS - 4)]
    assert record.usage["test"]["why"][:5] == [None, None, "unparsable", "empty", None]
    assert record.scores["graded"] == [1.0, 1.0, 0.0, 0.0, *[1.0] * (QUESTIONS - 4)]
    assert [metric["name"] for metric in record.metrics] == ["graded"]
    kept = json.loads(record.spec["task_settings"]["rubric"])
    assert (kept["good_from"], kept["scale"]["2"], kept["as_of"]) == (3, "partly right", "2026-11-27")
    assert record.spec["task_settings"]["order"] == "worst-first"
    assert again.code == 0
    assert f"was asked to grade all {QUESTIONS} answers already; nothing to do." in again.stdout
    assert "What it said of 2 of them before is no grade." in again.stdout
    assert f"--again asks it to grade all {QUESTIONS} anew." in again.stdout
    assert len(judges.prompts("asked")) == calls


@pytest.mark.usefixtures("libraries_at_hand")
def test_later_answers_alone_are_asked_for_later(folder: Path, run: Run, harness_command: Run, judges: Any) -> None:
    """Answers of another model come into the store: what was graded is not paid twice, unless with --again."""
    run(f"openai:judge@{judges.url}")
    before = set(judges.prompts("asked"))
    with Server({"writer": Behaviour()}, answers={"What is number": "Nobody knows."}) as writers:
        suite = SUITE.replace("[nearest]", f'[{{name: "openai:writer@{writers.url}"}}]')
        (folder / "later.yaml").write_text(suite, encoding="utf-8")
        assert harness_command(folder, "run", "later.yaml", "--store", "store").code == 0
    done = run(f"openai:judge@{judges.url}")
    later = judges.prompts("asked")[len(before) :]
    anew = run(f"openai:judge@{judges.url}", "--again")

    assert (done.code, anew.code) == (0, 0), done.stderr + anew.stderr
    assert len(later) == QUESTIONS
    assert all(prompt.endswith("Answer to be graded:\nNobody knows.") for prompt in later)
    assert len(judges.prompts("asked")) == 4 * QUESTIONS
    assert [len(one.items["test"]["answer"]) for one in _records(folder)] == [QUESTIONS, QUESTIONS, 2 * QUESTIONS]


@pytest.mark.usefixtures("libraries_at_hand")
def test_a_judge_that_failed_goes_on_with_what_is_missing(folder: Path, run: Run, judges: Any) -> None:
    """The same command asks for the answers that have no grade yet, though the file of answers is whole."""
    one = _answers(folder)[-1]
    text = f"Question:\n{one.input}\n\nReference answer:\n{one.reference}\n\nAnswer to be graded:\n{one.answer}"
    prompt = f"{_instruction()}\n\n{text}"
    judges.planted[prompt] = Behaviour(statuses=(400,))
    failed = run(f"openai:judge@{judges.url}")
    first = len(judges.prompts("asked"))
    del judges.planted[prompt]
    done = run(f"openai:judge@{judges.url}")

    assert (failed.code, done.code) == (1, 0), failed.stdout + done.stderr
    assert first == QUESTIONS
    assert judges.prompts("asked")[first:] == [prompt]
    assert [one.outcome for one in _records(folder)] == ["failed", "ok"]
    assert _records(folder)[-1].answers["test"]["output"] == [3] * QUESTIONS
    whole = run(f"openai:judge@{judges.url}").stdout
    assert "answers already; nothing to do" in whole
    assert "--again" not in whole


@pytest.mark.usefixtures("libraries_at_hand")
def test_the_order_of_the_scale_can_be_checked(folder: Path, run: Run, judges: Any) -> None:
    """A sample is graded a second time with the scale the other way round; it is the same whatever is asked besides."""
    answers = _answers(folder)
    judges.answers["1: wrong\n2: partly right\n3: right"] = "2"
    judges.answers.pop("Answer to be graded")
    judges.answers["3: right\n2: partly right\n1: wrong"] = "3"
    done = run(f"openai:judge@{judges.url}", "--check-order", "5")
    assert done.code == 0, done.stderr
    listed, swapped = _records(folder)

    assert (listed.spec["task_settings"]["order"], swapped.spec["task_settings"]["order"]) == (
        "worst-first", "best-first",
    )  # fmt: skip
    assert listed.answers["test"]["output"] == [2] * QUESTIONS
    assert swapped.answers["test"]["output"] == [3] * 5
    items = swapped.items["test"]
    assert list(map(Given, items["input"], items["reference"], items["answer"])) == sample(answers, 5)
    assert set(sample(answers, 5)) <= set(sample([*answers, Given("a", "", "b")], 6))
    assert "all 20 answers already" in run(f"openai:judge@{judges.url}", "--check-order", "5").stdout


@pytest.mark.slow
@pytest.mark.usefixtures("libraries_at_hand")
def test_a_checkpoint_in_the_process_can_be_the_judge(folder: Path, run: Run) -> None:
    """What it says stands in its weights."""
    parrot.save_parrot(folder / "parrot", "2")
    done = run("hf:parrot", "--setting", "max_tokens=4")

    assert done.code == 0, done.stdout + done.stderr
    (record,) = _records(folder)
    assert record.answers["test"]["output"] == [2] * QUESTIONS
    assert record.spec["start"] == "as-is"


def test_a_dry_run_says_what_it_costs_and_writes_nothing(folder: Path, run: Run, judges: Any) -> None:
    """Calls, tokens and money, of a model with a price by the entry that is named; without a cap it is refused."""
    before = _files(folder)
    free = run(f"openai:judge@{judges.url}", "--check-order", "5", "--dry-run")
    priced = ("--setting", "priced_as=openai/gpt-4o-mini", "--setting", "max_tokens=4")
    capped = run(f"openai:judge@{judges.url}", *priced, "--spend-usd", "2", "--dry-run")
    uncapped = run(f"openai:judge@{judges.url}", *priced)

    assert free.code == 0, free.stderr
    assert "All together: 25 calls, about" in free.stdout
    assert "no price" in free.stdout
    assert "20 calls, about" in capped.stdout
    assert "at most 80 output tokens, about 0.0" in capped.stdout
    assert "No call that would pass 2 USD is made." in capped.stdout
    assert (uncapped.code, "--spend-usd" in uncapped.stderr) == (2, True)
    assert judges.prompts("asked") == []
    assert _files(folder) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--model", "openay:judge"), "Unknown model"),
        (("--model", "tfidf"), "tfidf has to be trained, and a judge is asked as it is"),
        (("--model", "nearest"), "The tasks are of the kind text-classification. nearest"),
        (("--model", "openai:judge@URL", "--rubric", "lost.yaml"), "There is no rubric file lost.yaml"),
        (("--model", "openai:judge@URL", "--rubric", "flat.yaml"), "flat.yaml has no scale. Add one"),
        (("--model", "openai:judge@URL", "--task", "open-answer"), "Did you mean 'open-answers'?"),
        (("--model", "openai:judge@URL", "--task", "translation"), "The store has no answers of translation. Ask a"),
        (("--model", "openai:judge@URL", "--data-name", "fag"), "Unknown data 'fag'. Did you mean 'faq'?"),
        (("--model", "openai:judge@URL", "--store", "elsewhere"), "There is no store at 'elsewhere'"),
        (("--model", "openai:judge@URL", "--spend-usd", "0"), "--spend-usd takes an amount above 0"),
        (("--model", "openai:judge@URL", "--setting", "shots"), "'shots' is not a setting: write NAME=VALUE"),
        (("--model", "openai:judge@URL", "--setting", "shots=2"), "there are no graded answers to learn from"),
        (("--model", "openai:judge@URL", "--hardware", "abacus"), "Unknown hardware 'abacus'"),
        (("--model", "openai:judge@http://127.0.0.1:9/v1"), "127.0.0.1:9"),
        (("--model", "openai:jury@URL"), "jury"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(
    folder: Path, harness_command: Run, judges: Any, arguments: tuple[str, ...], message: str
) -> None:
    """Exit code 2, and a sentence that says what to do."""
    (folder / "flat.yaml").write_text(RUBRIC.replace("scale:", "scales:"), encoding="utf-8")
    before, usual = _files(folder), {"--rubric": "rubric.yaml", "--store": "store"}
    given = {**usual, **dict(zip(arguments[::2], arguments[1::2], strict=True))}
    options = [part.replace("URL", judges.url) for pair in given.items() for part in pair]
    done = harness_command(folder, "judge", *options)

    assert done.code == 2, done.stdout
    assert message.casefold() in " ".join(done.stderr.split()).casefold()
    assert _files(folder) == before
    assert judges.prompts("asked") == []


def test_answers_that_are_no_texts_or_none_at_all_are_not_judged() -> None:
    """With what to do; several references count as the first."""
    spec = {"task": "open-answers", "data": "faq", "source": "faq.csv"}

    def record(outputs: list[Any], reference: Any = "") -> Record:
        return Record(
            id="1", fingerprint=str(outputs), step="evaluate", spec=spec, inputs={}, started_at="", outcome="ok",
            items={"test": {"input": ["q"] * len(outputs), "reference": [reference] * len(outputs)}},
            answers={"test": {"output": outputs}},
        )  # fmt: skip

    from harness.errors import StoreError

    with pytest.raises(StoreError, match="Every answer of open-answers in the store is empty"):
        given_answers([record(["", " "])], "open-answers")
    with pytest.raises(StoreError, match="are no texts, such as 1"):
        given_answers([record([1])], "open-answers")
    with pytest.raises(StoreError, match="has no answers of open-answers"):
        given_answers([], "open-answers")
    assert given_answers([record(["a", "", "a"], ["r", "s"]), record(["b"])], "open-answers") == [
        Given("q", "", "b"), Given("q", "r", "a"),
    ]  # fmt: skip
