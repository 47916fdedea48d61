"""Checkpoints asked in words within the process: what they read, answer, count and refuse."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import HarnessError, Unsupported
from harness.plan import make_plan
from harness.plugin_files import import_file
from harness.plugins import Plugins
from harness.seams import Assignment, StreamingPredictor
from harness.seams.prompts import messages, shown
from harness.settings import filled
from harness.store import open_store
from harness.suite import Source
from harness_checkpoints.prompted import KINDS, PromptedCheckpoint
from harness_endpoints import served

parrot = import_file(Path(__file__).with_name("parrot.py"))
CLASSES = ("calm", "glad", "sad")
ROWS = 60
SUITE = """name: asked
models: [{name: "hf:parrot", settings: {max_tokens: 8}}]
tasks: [{name: text-classification, data: mood.csv}]
starts: [as-is]
scenarios: [Offline, SingleStream]
batch_sizes: [4]
serve: {seconds: 0.05, queries: 3}
"""


@pytest.fixture
def mood(tmp_path: Path) -> Path:
    """Return a folder with texts of three classes."""
    with (tmp_path / "mood.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows([f"Entry {number} of the diary", CLASSES[number % 3]] for number in range(ROWS))
    return tmp_path


@pytest.fixture
def built(mood: Path, plugins: Plugins) -> Callable[..., Any]:
    """Return a function that builds what asks the checkpoint in the folder `parrot`."""

    def build(says: str = "sad", seed: int = 0, template: str | None = parrot.TEMPLATE, **settings: Any) -> Any:
        if not (mood / "parrot").exists():
            parrot.save_parrot(mood / "parrot", says, template=template)
        model = plugins.find("models", f"hf:{mood / 'parrot'}")
        filled_in = filled({"max_tokens": 8, **settings}, model.settings)
        data = data_of(plugins, mood)
        return model.learner(
            Assignment("finetune", data, "default", filled_in, "cpu", "fp32", seed, pretrained=True, as_is=True)
        )

    return build


def data_of(plugins: Plugins, folder: Path) -> Any:
    """Return the texts as data of their task."""
    task = plugins.find("tasks", "text-classification")
    return task.data(str(folder / "mood.csv"), filled({}, task.settings))


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "opt", "t5"])
def test_a_batch_is_answered_as_each_prompt_alone(architecture: str, tmp_path: Path) -> None:
    """Padding changes no answer, on the left before a decoder and on the right before an encoder."""
    from harness_checkpoints._generation import Generator
    from harness_checkpoints.folder import CheckpointFolder

    folder = CheckpointFolder(parrot.save_random(architecture, tmp_path / architecture))
    generator = Generator(folder, "cpu", "fp32", trusted=False)
    prompts = parrot.random_prompts((5, 30, 17))
    together = generator.write(prompts, 12, 0.0, 0)
    alone = [generator.write([prompt], 12, 0.0, 0)[0] for prompt in prompts]

    assert generator._pads  # those of 17 and 30 tokens were generated together
    assert together == alone
    assert len({tuple(one.tokens) for one in alone}) == len(prompts)  # answers that could be mistaken for each other


def test_what_reads_padding_answers_one_by_one(tmp_path: Path) -> None:
    """RWKV has no mask: generated together, its answers would be others; this is seen, and they are not."""
    from harness_checkpoints._generation import Generator
    from harness_checkpoints.folder import CheckpointFolder

    folder = CheckpointFolder(parrot.save_random("rwkv", tmp_path / "rwkv"))
    generator = Generator(folder, "cpu", "fp32", trusted=False)
    prompts = parrot.random_prompts((5, 30, 17))
    alone = [generator.write([prompt], 12, 0.0, 0)[0] for prompt in prompts]

    assert generator.write(prompts, 12, 0.0, 0) == alone
    assert generator._written(generator._config(12, 0.0), prompts) != alone


def test_an_answer_ends_where_the_generation_config_says(built: Callable[..., Any], mood: Path) -> None:
    """At its token for the end, which counts as output; else at `max_tokens`, and that is no answer."""
    whole, short = built(), built(max_tokens=2)
    assert whole.predict(["a text", "another"])[1].tolist() == [0, 0, 1]
    short.predict(["a text"])
    file = mood / "parrot" / "generation_config.json"
    ends = {**json.loads(file.read_text(encoding="utf-8")), "eos_token_id": [parrot.END, ord("a") - 29]}
    file.write_text(json.dumps(ends), encoding="utf-8")
    early = built()
    early.predict(["a text"])

    usage, cut, other = whole.usage()(), short.usage()(), early.usage()()
    assert (usage["answer"], usage["output_tokens"], usage["finish"]) == (["sad"] * 2, [4] * 2, ["stop"] * 2)
    assert (cut["answer"], cut["output_tokens"], cut["finish"], cut["why"]) == (["sa"], [2], ["length"], ["cut off"])
    assert (other["answer"], other["output_tokens"], other["finish"]) == (["sa"], [2], ["stop"])
    assert whole.usage()() == {}  # each answer is counted once


def test_a_prompt_is_the_chat_that_the_template_makes(built: Callable[..., Any], plugins: Plugins, mood: Path) -> None:
    """System message, shots of the training split and the text, each in its turn; the input's tokens are those."""
    learner = built(system="Be brief.", shots=2, seed=5)
    data = data_of(plugins, mood)
    shots = shown(data.prompts(), 2, 5)
    turns = messages(data.prompts(), "a text", shots, "Be brief.")
    chat = "".join(f"<|{turn['role']}|>{turn['content']}<|end|>" for turn in turns) + "<|assistant|>"
    learner.predict(["a text"])
    tokenizer = learner._wording.tokenizer

    assert tokenizer.decode(learner._wording.tokens("a text")) == chat
    assert learner.usage()()["input_tokens"] == [len(tokenizer(chat)["input_ids"])]
    assert [turn["role"] for turn in turns] == ["system", *["user", "assistant"] * 2, "user"]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"instruction": False}, "a text\n\n"),
        ({"instruction": False, "system": "Be brief."}, "Be brief.\n\na text\n\n"),
        ({}, "{instruction}\n\na text\n\n"),
    ],
)
def test_without_a_template_it_continues_a_text(
    built: Callable[..., Any], plugins: Plugins, mood: Path, settings: dict[str, Any], text: str
) -> None:
    """The plan says so; the instruction can be left out."""
    learner = built(template=None, **settings)
    model = plugins.find("models", f"hf:{mood / 'parrot'}")
    data = data_of(plugins, mood)
    (note,) = model.check(data, filled({"max_tokens": 8}, model.settings), "as-is")
    prompt = learner._wording.tokenizer.decode(learner._wording.tokens("a text"))

    assert prompt == text.format(instruction=data.prompts().instruction)
    assert "has no chat template. It is asked by a text" in note
    assert learner.predict(["a text"])[0].tolist() == [0, 0, 1]


def test_draws_are_seeded(built: Callable[..., Any]) -> None:
    """At a temperature the same seed gives the same answers and another seed others; at 0 there is no draw."""
    texts = [f"text {number}" for number in range(6)]
    answers = []
    for seed in (1, 1, 2):
        learner = built(temperature=9.0, seed=seed)
        learner.predict(texts)
        answers.append(learner.usage()()["answer"])

    assert answers[0] == answers[1]
    assert answers[0] != answers[2]
    assert len(set(answers[0])) > 1


def test_it_is_evaluated_and_served_as_it_is(
    mood: Path, plugins: Plugins, harness_command: Any, libraries_at_hand: None
) -> None:
    """Nothing is trained or exported; tokens are counted, and it is priced by its machine's hour."""
    from harness_reports.prices.usage import is_served

    parrot.save_parrot(mood / "parrot", "sad")
    (mood / "asked.yaml").write_text(SUITE, encoding="utf-8")
    done = harness_command(mood, "run", "asked.yaml", "--store", "store")
    assert done.code == 0, done.stdout + done.stderr
    records = list(open_store(str(mood / "store")).records())
    by_step = {record.spec.get("scenario", record.step): record for record in records}
    graded = by_step["evaluate"]
    usage = graded.usage["test"]
    _, labels = data_of(plugins, mood).examples("test")
    table = harness_command(mood, "table", "cost", "--store", "store", "--format", "csv")
    (row,) = csv.DictReader(table.stdout.splitlines())

    assert sorted(by_step) == ["Offline", "SingleStream", "evaluate"]
    assert usage["answer"] == ["sad"] * graded.used["test_items"]
    assert set(usage["output_tokens"]) == {4}
    assert graded.scores["correct"] == [float(CLASSES[label] == "sad") for label in labels]
    assert graded.readings["parameters"].value > 2 * parrot.WIDTH**2
    assert 1 <= len(by_step["SingleStream"].series["first_token_s"]) <= 3  # as many as fit into the window
    assert not is_served(graded)
    assert float(row["usd_per_1k_inferences"]) > 0
    assert float(row["usd_per_hour"]) > 0


def planned(plugins: Plugins, folder: Path, name: str, task: str, start: str) -> list[tuple[str, str, str | None]]:
    """Return kind and start of each step of a plan, and why it is not supported."""
    text = (
        f'{{name: s, models: [{{name: "hf:{folder / name}"}}], tasks: [{task}], starts: [{start}], '
        f"runtimes: [eager, onnxruntime], budgets: {{finetune: {{steps: 1}}}}, scenarios: [Offline]}}"
    )
    source = Source("s.yaml", text)
    steps = make_plan(source.validate(), source, plugins).steps
    return [(step.kind, step.spec["start"], step.unsupported) for step in steps]


@pytest.mark.parametrize(
    ("name", "task", "start", "used", "exports"),
    [
        ("gpt2", "text-classification", "as-is", "as-is", False),
        ("gpt2", "text-classification", "pretrained", "pretrained", True),
        ("gpt2", "question-answering", "pretrained", "as-is", False),
        ("marian", "text-classification", "pretrained", "as-is", False),
        ("bert", "text-classification", "pretrained", "pretrained", True),
    ],
)
def test_starts_depend_on_what_is_asked(
    checkpoints: Path, plugins: Plugins, tmp_path: Path, name: str, task: str, start: str, used: str, exports: bool
) -> None:
    """What generates text is trained as a classifier where it has one, and is asked in words as it is."""
    if name == "marian":
        parrot.save_random("marian", tmp_path / "marian")
        for file in checkpoints.glob("t5/tokenizer*"):
            shutil.copy(file, tmp_path / "marian")
    steps = planned(plugins, tmp_path if name == "marian" else checkpoints, name, task, start)
    model = plugins.find("models", f"hf:{(tmp_path if name == 'marian' else checkpoints) / name}")
    trained = ["finetune"] if used != "as-is" else []

    assert isinstance(model, PromptedCheckpoint) == (name != "bert")
    assert {step[1] for step in steps} == {used}
    assert [kind for kind, _, _ in steps if kind in ("finetune", "export")] == trained + ["export"] * exports
    assert [why is None for kind, _, why in steps if kind == "evaluate"] == [True, exports]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "too long": ({}, r"context too long. It has 100 positions; 12 of 12 prompts \(the longest has 1\d\d tokens\)"),
    "no answer": ({"max_tokens": 0}, "max_tokens is 0 and temperature 0.0"),
    "cold": ({"temperature": -1.0}, "temperature -1.0. Give at least one token"),
    "shots": ({"shots": 1000}, "shots is 1000; the training split has"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_asked_is_refused_in_the_plan(
    mood: Path, plugins: Plugins, case: str, harness_command: Any
) -> None:
    """Code 2, a sentence with the remedy, and nothing is written."""
    changes, sentence = REFUSED[case]
    parrot.save_parrot(mood / "parrot", "sad", positions=100 if case == "too long" else 8192)
    settings = json.dumps({"max_tokens": 8} | changes)
    (mood / "asked.yaml").write_text(SUITE.replace("{max_tokens: 8}", settings), encoding="utf-8")
    done = harness_command(mood, "run", "asked.yaml", "--store", "store")

    assert done.code == 2
    assert re.search(sentence, " ".join(done.stderr.split()))
    assert not (mood / "store").exists()


def test_broken_folders_are_refused_by_name(mood: Path, plugins: Plugins) -> None:
    """No tokenizer, a tokenizer that cannot be read, a chat template that refuses, weights that are missing."""
    from safetensors.torch import load_file, save_file

    whole = parrot.save_parrot(mood / "parrot", "sad")
    data = data_of(plugins, mood)

    def refusal(change: Callable[[Path], object], **settings: Any) -> str:
        folder = shutil.copytree(whole, mood / "broken", dirs_exist_ok=True)
        change(folder)
        model = plugins.find("models", f"hf:{folder}")
        filled_in = filled({"max_tokens": 8, **settings}, model.settings)
        with pytest.raises(HarnessError) as error:
            _ = model.identity(filled_in), model.check(data, filled_in, "as-is")
        shutil.rmtree(folder)
        return str(error.value)

    def lose_weight(folder: Path) -> None:
        weights = load_file(folder / "model.safetensors")
        save_file({name: w for name, w in weights.items() if "o_proj" not in name}, folder / "model.safetensors")

    template = "{{ raise_exception('No system message') if messages[0].role == 'system' }}"

    assert "has no tokenizer. Save one" in refusal(lambda folder: (folder / "tokenizer.json").unlink())
    assert "tokenizer cannot be opened" in refusal(lambda folder: (folder / "tokenizer.json").write_text("{"))
    assert "missing: model.layers.0.self_attn.o_proj.weight" in refusal(lose_weight).replace("Missing", "missing")
    assert "template refuses the prompts: No system message. Leave out" in refusal(
        lambda folder: (folder / "chat_template.jinja").write_text(template), system="Be brief."
    )


def test_nothing_of_it_is_trained_or_saved(built: Callable[..., Any], tmp_path: Path) -> None:
    """The learner says so by name."""
    learner = built()

    for refused in (learner.step, lambda: learner.save(tmp_path), lambda: learner.load(tmp_path)):
        with pytest.raises(Unsupported, match="is asked as it is: nothing of it is trained, saved or exported"):
            refused()


def test_the_first_token_is_all_that_a_stream_waits_for(built: Callable[..., Any], plugins: Plugins) -> None:
    """The eager runtime streams it; only whole answers are counted."""
    learner = built()
    model = plugins.find("models", f"hf:{learner._folder.path}")
    predict = plugins.find("runtimes", "eager").predictor(model, learner._assignment, None, None)
    assert isinstance(predict, StreamingPredictor)
    assert predict.usage is not None
    predict.first(["a text"])
    predict(["a text", "another"])

    assert predict.usage()["answer"] == ["sad", "sad"]


def test_it_does_what_an_endpoint_does() -> None:
    """A kind is asked in words wherever the model runs."""
    assert set(KINDS) <= set(served.KINDS)
