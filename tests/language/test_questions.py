"""Question answering: the default questions, SQuAD's metrics, the baseline, and BERT."""

from __future__ import annotations

import json
import math
import re
import string
import unicodedata
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from harness import Assignment, Budget, Unsupported
from harness.settings import filled
from harness_language._bert_qa import CONTEXT, LINE, QUESTION, SHARED, SHARED_LINE, TYPES
from harness_language._parameters import WORDINGS, Question, Section, _questions, questions
from harness_language._spans import sentences
from harness_language.models import Bert, Overlap
from harness_language.questions import (
    QuestionData,
    exact,
    mlqa_normalised,
    normalisation,
    overlap,
    question_data,
    squad_normalised,
)
from harness_language.tasks import QuestionAnswering

WORDS = st.text("abc .,", max_size=30)
CHARACTERS = st.text("ab7 .,。，「」中文字あกา年", max_size=30)


@pytest.fixture(scope="module")
def parameters() -> QuestionData:
    """Return the default questions."""
    data = QuestionAnswering().data(None, {})
    assert isinstance(data, QuestionData)
    return data


@pytest.fixture(scope="module")
def few(parameters: QuestionData) -> QuestionData:
    """Return a hundred of each split."""
    return QuestionData({split: parameters.questions(split)[:100] for split in parameters.sizes})


def _assignment(data: QuestionData, steps: int = 3, **changes: Any) -> Assignment:
    settings = filled({"max_length": 160, "vocabulary": 1500, "batch_size": 16} | changes, Bert.settings)
    return Assignment("finetune", data, "tiny", settings, "cpu", "fp32", 0, Budget(steps=steps))


def test_questions_are_many_and_answered_by_their_context(parameters: QuestionData) -> None:
    """Thousands, in all wordings; every answer is a span of its context, without outer white space."""
    items = [item for split in parameters.sizes for item in parameters.questions(split)]
    wordings = {wording.partition("{name}")[0] for kind in WORDINGS.values() for wording in kind}

    assert len(items) == len(questions()) > 5000
    assert all(any(item.question.startswith(start) for item in items) for start in wordings)
    for item in items:
        answer = item.context[item.start : item.end]
        assert answer == answer.strip() != ""


def test_no_context_is_in_two_splits(parameters: QuestionData) -> None:
    """Training reads no context of the test split."""
    contexts = [set(parameters.keys(split)) for split in ("train", "validation", "test")]

    assert not contexts[0] & contexts[1]
    assert not (contexts[0] | contexts[1]) & contexts[2]


SECTIONS = (
    Section(
        "fit",
        "X : {array-like, sparse matrix} of shape (n_samples, n_features)\n    Training data.\n"
        "alpha : float, default=0.5\n    Strength of it. Larger is stronger.\n",
    ),
    Section("score", "alpha : int, default: 3\n    Another thing of that name.\n"),
)


def test_a_section_becomes_questions() -> None:
    """About type, default, shape and meaning of a parameter."""
    answers = {(item.question, *item.answers) for item in _questions(SECTIONS[:1])}
    texts = {answer for _, answer in answers}

    assert {"{array-like, sparse matrix}", "(n_samples, n_features)", "Training data", "float", "0.5"} <= texts
    assert any("alpha" in question for question, answer in answers if answer == "Strength of it")


def test_questions_about_two_functions_name_one() -> None:
    """The answer is from that function's section."""
    items = list(_questions(SECTIONS))
    defaults = {item.question.split(" in ")[1].split()[0].rstrip("?"): item.answers for item in items if
                item.answers[0] in {"0.5", "3"}}  # fmt: skip

    assert defaults == {"fit": ("0.5",), "score": ("3",)}
    assert len({item.context for item in items}) == 1
    assert items[0].context.startswith("fit(...)\nX : ")


def test_some_contexts_are_of_two_functions_and_no_section_is_in_two(parameters: QuestionData) -> None:
    """About every fifth; so no split has a section of another."""
    items = [item for split in parameters.sizes for item in parameters.questions(split)]
    contexts = {item.context for item in items}
    heading = re.compile(r"(?:^|\n)\w+\(\.\.\.\)\n")
    pairs = {context for context in contexts if heading.match(context)}
    sections = [section for context in pairs for section in heading.split(context)[1:]]

    assert 0.1 < len(pairs) / len(contexts) < 0.4
    assert all(" in " in item.question for item in items if item.context in pairs)
    assert len(set(sections)) == len(sections) == 2 * len(pairs)
    assert not set(sections) & contexts


@pytest.mark.parametrize(
    ("answer", "truth", "same", "shared"),
    [
        ("The Array", "array.", 1.0, 1.0),
        ("an array of ints", "array", 0.0, 0.5),
        ("float", "int", 0.0, 0.0),
        ("", "", 1.0, 1.0),
        ("", "int", 0.0, 0.0),
    ],
)
def test_metrics_are_squads(answer: str, truth: str, same: float, shared: float) -> None:
    """Case, articles and punctuation are ignored; F1 is that of the words."""
    assert exact(answer, truth) == same
    assert overlap(answer, truth) == pytest.approx(shared)


@given(one=WORDS, other=WORDS)
def test_metrics_are_symmetric_shares(one: str, other: str) -> None:
    """An exact answer has an F1 of 1."""
    assert 0 <= exact(one, other) <= overlap(one, other) <= 1
    assert overlap(one, other) == pytest.approx(overlap(other, one))
    assert exact(one, one) == 1


@given(text=st.one_of(WORDS, CHARACTERS, st.text(max_size=30)))
def test_normalising_twice_changes_nothing(text: str) -> None:
    """By either rule, for any text."""
    for normalise in (squad_normalised, mlqa_normalised):
        assert normalise(normalise(text)) == normalise(text)


def _squads(answer: str, truth: str) -> tuple[float, float]:
    """Return exact match and F1 as SQuAD's script computes them, by its description: nothing of the harness is used."""

    def words(text: str) -> list[str]:
        kept = text.lower().translate(dict.fromkeys(map(ord, string.punctuation)))
        return re.sub(r"\b(?:a|an|the)\b", " ", kept).split()

    return _graded(words(answer), words(truth))


def _mlqas(answer: str, truth: str) -> tuple[float, float]:
    """Return them as MLQA's script computes them for Chinese: each ideograph is a word, else words end at spaces."""

    def words(text: str) -> list[str]:
        parts: list[str] = [""]
        for letter in text.lower():
            if unicodedata.category(letter).startswith("P") or letter in string.punctuation:
                continue
            if "\u4e00" <= letter <= "\u9fa5":
                parts += [letter, ""]
            elif letter.isspace():
                parts.append("")
            else:
                parts[-1] += letter
        return [word for word in parts if word]

    return _graded(words(answer), words(truth))


def _graded(words: list[str], truth: list[str]) -> tuple[float, float]:
    same = sum(min(words.count(word), truth.count(word)) for word in set(words))
    if not same:
        return float(words == truth), float(words == truth == [])
    precision, recall = same / len(words), same / len(truth)
    return float(words == truth), 2 * precision * recall / (precision + recall)


LATIN = "It was built in 1897 by “the” engineers of Zürich – an old firm."
CHINESE = "清华大学成立于1911年，位于北京市，英文名为 Tsinghua University（THU）。"
HINDI = "ताज महल आगरा में है।"


@given(answer=st.text("aAnthe bZ9.,-–“” üß", max_size=25), truth=st.text("aAnthe bZ9.,-–“” üß", max_size=25))
@example(answer="the 1897–98", truth="1897–98")
@example(answer="“Hangover”", truth="Hangover")
def test_answers_in_latin_script_are_graded_by_squads_script_to_the_bit(answer: str, truth: str) -> None:
    """With its punctuation, which is ASCII's, and its articles."""
    rule = normalisation(LATIN)

    assert (exact(answer, truth, rule), overlap(answer, truth, rule)) == _squads(answer, truth)


@given(
    answer=st.text("大学年北京 aA the9，。「（）.", max_size=25),
    truth=st.text("大学年北京 aA the9，。「（）.", max_size=25),
)
@example(answer="1911年。", truth="1911年")
@example(answer="北京市", truth="在北京")
def test_answers_in_chinese_are_graded_by_mlqas_script_to_the_bit(answer: str, truth: str) -> None:
    """In Hindi too, whose words have spaces."""
    for context in (CHINESE, HINDI):
        rule = normalisation(context)

        assert (exact(answer, truth, rule), overlap(answer, truth, rule)) == _mlqas(answer, truth)


@pytest.mark.parametrize(
    ("context", "answer", "given_answer", "f1"),
    [
        (CHINESE, "1911年", "1911年。", 1.0),
        (CHINESE, "北京市", "「北京市」", 1.0),
        (CHINESE, "北京市", "北京", 0.8),
        ("東京タワーは1958年に完成した。", "東京タワー", "タワー", 0.75),
        ("กรุงเทพเป็นเมืองหลวงของไทย", "กรุงเทพ", "กรุงเทพ", 1.0),
        (HINDI, "आगरा", "आगरा।", 1.0),
        ("Москва основана в 1147 году.", "в 1147 году", "«1147 году»", 0.8),
        ("The tower was built in 1897.", "1897", "in 1897.", 2 / 3),
    ],
)  # fmt: skip
def test_an_answer_is_compared_as_its_script_is_written(
    context: str, answer: str, given_answer: str, f1: float, tmp_path: Path
) -> None:
    """A final full stop is no error, and a part of an answer without spaces is partly right."""
    start = context.index(answer)
    rows = [{"question": f"{n}?", "context": context + n * "\n", "answer": answer, "start": start} for n in range(6)]
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    task = QuestionAnswering()
    data = question_data(task.data(str(tmp_path / "mine.jsonl"), filled({}, task.settings)))
    scores = data.evaluate(lambda inputs: [given_answer for _ in inputs], 4).scores

    assert scores["f1"] == pytest.approx([f1] * data.sizes["test"])
    assert scores["exact"] == [float(f1 == 1)] * data.sizes["test"]


def _reciting(answers: Any) -> Any:
    remaining = iter(answers)
    return lambda inputs: [next(remaining) for _ in inputs]


@pytest.mark.parametrize(
    "answer",
    [None, 3, (0, 1, 2), ("a", "b"), (-5, 10**9), (0, 10**9), (0, -1), (9, 3), (0.9, 5.9), (0, math.inf), np.eye(2)],
    ids=repr,
)
def test_an_answer_that_is_no_span_of_the_context_is_refused(answer: Any) -> None:
    """Python would cut the context somewhere, and the text would be graded."""
    questions = [Question("Who?", "It was Ada Lovelace.", 7, 10)]
    data = QuestionData(dict.fromkeys(("train", "validation", "test"), questions))

    with pytest.raises(
        ValueError, match=r"(?s)answered .* about a context of 20 characters\. Return a text, or a span"
    ):
        data.evaluate(_reciting([answer]), 1)


def test_an_answer_may_be_a_text_or_a_span(few: QuestionData) -> None:
    """Both have the same scores; the random baseline is far below."""
    spans = [(item.start, item.end) for item in few.questions("test")]
    texts = few.references("test")
    by_span, by_text = (few.evaluate(_reciting(answers), 7).scores for answers in (spans, texts))

    assert by_span == by_text
    assert set(by_span["exact"]) == {1.0}
    assert few.random_baseline()["exact match"] < 0.3


def _trained(data: QuestionData) -> Any:
    learner: Any = Overlap().learner(_assignment(data))
    assert learner.step().done
    return learner


@pytest.fixture(scope="module")
def baseline(few: QuestionData) -> Any:
    """Return the baseline, trained on a hundred questions."""
    return _trained(few)


def test_the_baseline_is_above_the_random_baseline(parameters: QuestionData) -> None:
    """From four hundred questions it learns which part of the line is asked for."""
    data = QuestionData({split: parameters.questions(split)[:400] for split in parameters.sizes})
    scores = data.evaluate(_trained(data).predict, 64).scores

    assert 2 * data.random_baseline()["exact match"] < float(np.mean(scores["exact"])) < 0.8
    assert 2 * data.random_baseline()["F1"] < float(np.mean(scores["f1"]))


PROSE = {
    "en": (
        "{who} was born in {year}. {who} lived in the city of {where} for {count} years. Later the house was sold.",
        {
            "In what year was {who} born?": "{year}",
            "In which city did {who} live?": "{where}",
            "For how many years did {who} live there?": "{count}",
        },
        (("Anna", "Ruth", "Karl", "Otto"), ("Rome", "Oslo", "Bern", "Kyiv", "Lima")),
    ),
    "zh": (
        "{who}出生于{year}年。{who}在城市{where}住了{count}天。后来房子卖给了银行。",
        {
            "{who}是哪一年出生的？": "{year}年",  # noqa: RUF001 - a Chinese question mark
            "{who}住在哪个城市？": "{where}",  # noqa: RUF001
            "{who}住了多少天？": "{count}天",  # noqa: RUF001
        },
        (("李明", "王芳", "张伟", "刘洋"), ("北京", "上海", "广州", "成都", "西安")),
    ),
}


def _prose(language: str) -> QuestionData:
    """Return questions about prose without a colon; no split has the years and numbers of another."""
    form, questions, (people, cities) = PROSE[language]
    items = []
    for number, (who, where) in enumerate(product(people, cities)):
        values = {"who": who, "where": where, "year": 1850 + number, "count": 20 + number}
        context = form.format(**values)
        for question, answer in questions.items():
            start = context.index(answer.format(**values))
            items.append(Question(question.format(**values), context, start, start + len(answer.format(**values))))
    return QuestionData({"train": items[:45], "validation": items[45:48], "test": items[48:]})


@pytest.mark.parametrize("language", list(PROSE))
def test_the_baseline_answers_questions_about_prose(language: str) -> None:
    """With a span of the sentence, where there is no colon; in Chinese too."""
    data = _prose(language)
    scores = data.evaluate(_trained(data).predict, 4).scores

    assert np.mean(scores["exact"]) > max(0.5, data.random_baseline()["exact match"])


def test_a_loaded_baseline_answers_the_same(few: QuestionData, baseline: Any, tmp_path: Path) -> None:
    """Terms as JSON, numbers as safetensors; training again gives the same answers."""
    baseline.save(tmp_path)
    loaded = Overlap().learner(_assignment(few))
    loaded.load(tmp_path)
    queries = few.queries()

    assert sorted(path.name for path in tmp_path.iterdir()) == ["terms.json", "weights.safetensors"]
    assert loaded.predict(queries) == baseline.predict(queries) == _trained(few).predict(queries)
    assert len(set(baseline.predict(queries))) > 50


@given(question=st.text("ab?谁 ", max_size=9), context=st.text("ab :.\n年。ก", max_size=30))
def test_the_baseline_always_points_into_the_context(baseline: Any, question: str, context: str) -> None:
    """For any texts; an answer has no outer white space, and is empty only where there is no text."""
    ((start, end),) = baseline.predict([{"question": question, "context": context}])

    assert 0 <= start <= end <= len(context)
    assert context[start:end] == context[start:end].strip()
    assert (start < end) == bool(context.strip())


@pytest.mark.parametrize("answer", ["yes", "no, or yes"])
def test_the_baseline_works_where_there_is_nothing_to_learn(answer: str) -> None:
    """Every token is an answer, or the best sentence never has it."""
    items = [
        Question("Is it?", "yes", 0, 3) if answer == "yes" else Question("Is it?", f"Is it? x\n\n\ny\n{answer}", 14, 17)
        for _ in range(5)
    ]
    learner = _trained(QuestionData(dict.fromkeys(("train", "validation", "test"), items)))
    ((start, end),) = learner.predict([{"question": "Is it?", "context": "Perhaps."}])

    assert 0 <= start < end <= len("Perhaps.")


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ("fit(...)\na : int\n    One. Two.\n", ["fit(...)", "a : int", "One.", "Two."]),
        ("It cost 1.5 euros! It was sold: still.", ["It cost 1.5 euros!", "It was sold: still."]),
        ("他来了。“你好！”她说。", ["他来了。", "“你好！", "”她说。"]),  # noqa: RUF001 - Chinese signs
        ("ฉันไปตลาด เธออยู่บ้าน 3 วัน", ["ฉันไปตลาด", "เธออยู่บ้าน 3 วัน"]),
        (" \n", []),
        ("", []),
    ],
)
def test_sentences_end_as_their_script_has_it(context: str, expected: list[str]) -> None:
    """At a full stop before a space, at a Chinese one, at a line's end, or at a space in Thai."""
    assert [context[start:end] for start, end in sentences(context)] == expected


def test_the_baseline_computes_in_fp32_only(few: QuestionData) -> None:
    """A record must not name a precision that was not used."""
    with pytest.raises(Unsupported, match="does not compute in bf16"):
        Overlap().learner(replace(_assignment(few), precision="bf16"))


def test_ten_answers_are_shown_with_their_references(few: QuestionData) -> None:
    """In one text, with all correct answers."""
    first = few.questions("test")[0]._replace(others=("another",))
    data = QuestionData(dict.fromkeys(("train", "validation", "test"), (first, *few.questions("test")[1:50])))
    (sample,) = data.show(lambda inputs: ["<b>mine</b>" for _ in inputs])
    blocks = sample.content.decode().split("\n\n")

    assert sample.media_type == "text/plain"
    assert len(blocks) == 10
    assert blocks[0] == f"question   {first.question}\nreference  {first.answers[0]} | another\nanswer     <b>mine</b>"


def test_only_generated_answers_have_output_tokens(few: QuestionData) -> None:
    """Words and signs; a span has no count, which differs from 0."""
    assert few.work(["float, or None", ""]) == {"output_tokens": 4}
    assert few.work(["北京，NBA"]) == {"output_tokens": 4}
    assert few.work([(1, 5), (2, 3)]) == {}
    assert few.work([]) == {"output_tokens": 0}


def test_a_pointer_points_into_the_context(few: QuestionData) -> None:
    """Even untrained: an answer is a span of the context that starts before it ends."""
    learner: Any = Bert().learner(_assignment(few))
    queries = few.queries()[:20]
    for (start, end), query in zip(learner.predict(queries), queries, strict=True):
        assert 0 <= start < end <= len(query["context"])


def _encoded(learner: Any, question: str, context: str) -> list[tuple[str, int]]:
    """Return the tokens of a context with their types."""
    arrays = learner.codec().encode([{"question": question, "context": context}])
    types, starts, ends = (arrays[name][0].tolist() for name in ("token_type_ids", "starts", "ends"))
    return [
        (context[start:end], kind) for kind, start, end in zip(types, starts, ends, strict=True) if kind != QUESTION
    ]


@pytest.fixture(scope="module")
def untrained(few: QuestionData) -> Any:
    """Return a learner that has only a tokenizer."""
    return Bert().learner(_assignment(few))


def test_words_of_the_question_have_a_type_of_their_own_in_the_context(untrained: Any) -> None:
    """Whole words only."""
    context = "x : int\n    Number.\nn_samples : float\n    What IS n_samples_2?"
    pieces = _encoded(untrained, "What is n_samples?", context)

    assert "".join(piece for piece, kind in pieces if kind in {SHARED, SHARED_LINE}) == "n_samplesWhatIS"
    assert ("n", SHARED_LINE) in pieces
    assert ("IS", SHARED) in pieces
    assert ("x", LINE) in pieces
    assert (":", CONTEXT) in pieces


@given(question=st.text("ab_? \n", max_size=30), context=st.text("ab_ :.\n", max_size=30))
def test_the_first_token_of_every_line_has_a_type_of_its_own(untrained: Any, question: str, context: str) -> None:
    """For any texts."""
    firsts = [piece for piece, kind in _encoded(untrained, question, context) if kind in {LINE, SHARED_LINE}]
    lines = [line.strip() for line in context.split("\n") if line.strip()]

    assert len(firsts) == len(lines)
    assert all(line.startswith(first) for first, line in zip(firsts, lines, strict=True))


def test_a_pretraining_is_copied_though_it_lacks_these_types(few: QuestionData, tmp_path: Path) -> None:
    """All of the encoder; the embeddings of new types are the new network's."""
    pretraining: Any = Bert().learner(replace(_assignment(few), stage="pretrain"))
    pretraining.step()
    pretraining.save(tmp_path)
    learner: Any = Bert().learner(replace(_assignment(few), start=tmp_path, pretrained=True))
    before, after = pretraining.module().bert.state_dict(), learner.module().bert.state_dict()

    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before if name != TYPES)
    assert torch.equal(before[TYPES], after[TYPES][:2])
    assert len(after[TYPES]) == 5
    assert after[TYPES][2:].any(dim=1).all()


def test_a_few_questions_can_be_memorised(few: QuestionData) -> None:
    """So the loss aims at the answer's tokens."""
    items = [item for item in few.questions("train") if len(item.context) < 300][:12]
    data = QuestionData({"train": items, "validation": items, "test": items})
    learner: Any = Bert().learner(
        _assignment(data, 60, learning_rate=0.003, dropout=0.0, initialisation="xavier", positions="sinusoids")
    )
    for _ in range(60):
        learner.step()

    assert np.mean(data.evaluate(learner.predict, 16).scores["exact"]) > 0.8


def test_the_best_span_is_predicted() -> None:
    """Not one that ends before it starts or is outside the context, however high the scores."""
    from harness_language._bert_qa import Pointer

    network: Any = Pointer({"size": "tiny", "vocabulary": 50, "settings": {"dropout": 0.0}})
    first = torch.tensor([[9.0, 0.0, 1.0, 5.0, 0.0]])
    last = torch.tensor([[9.0, 0.0, 8.0, 2.0, 7.0]])
    outside = torch.tensor([[True, False, False, False, False]])
    network.scores = lambda *_: (first.masked_fill(outside, -1e4), last.masked_fill(outside, -1e4))
    ids = torch.zeros(1, 5, dtype=torch.int64)
    starts, ends = torch.arange(5).unsqueeze(0) * 10, torch.arange(5).unsqueeze(0) * 10 + 5

    answer = network(ids, ids, ids, starts, ends)
    chances = [scores[0, 1:].log_softmax(dim=0)[token - 1].item() for scores, token in ((first, 3), (last, 4))]

    assert answer["span"].tolist() == [[30, 45]]
    assert answer["log_probability"].item() == pytest.approx(sum(chances))


def test_an_answer_of_broken_weights_is_refused(few: QuestionData) -> None:
    """The best of NaN is a span too."""
    learner: Any = Bert().learner(_assignment(few, max_length=64))
    with torch.no_grad():
        learner.module().pointer.bias.fill_(float("nan"))
    with pytest.raises(ValueError, match=r"3 of 3 outputs of a batch are not finite .*'log_probability'"):
        learner.predict(few.queries()[:3])


def test_a_long_context_is_truncated_and_a_question_is_not(few: QuestionData, tmp_path: Path) -> None:
    """To `max_length`; a loaded codec encodes the same."""
    learner: Any = Bert().learner(_assignment(few, max_length=64))
    learner.save(tmp_path)
    long = {"question": "What is x?", "context": "word " * 500}
    ours, again = learner.codec().encode([long]), Bert().codec(tmp_path).encode([long])

    assert ours["input_ids"].shape == (1, 64)
    assert all(np.array_equal(ours[name], again[name]) for name in ours)
    assert int((ours["token_type_ids"] == 0).sum()) < 20


def test_questions_with_a_truncated_answer_are_no_examples(few: QuestionData) -> None:
    """Training leaves them out."""
    context = "word " * 300 + "answer"
    cut = Question("What is it?", context, len(context) - 6, len(context))
    data = QuestionData({"train": (*few.questions("train")[:5], cut), "validation": (cut,), "test": (cut,)})
    learner: Any = Bert().learner(_assignment(data, max_length=160))

    assert len(learner.examples()) == 5
