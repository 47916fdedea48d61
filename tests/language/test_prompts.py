"""How tasks are asked in words, and what answers in words stand for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import NotAnAnswerError
from harness.labelled import Examples
from harness.seams.prompts import messages
from harness_language._parameters import Question
from harness_language.data import TextClassificationData
from harness_language.extraction import Extract, ExtractionData
from harness_language.questions import QuestionData
from harness_language.summaries import Summarised, SummaryData
from harness_language.translations import Pair, TranslationData


def of_classes(*classes: str) -> TextClassificationData:
    """Return data with a text of each class in each split."""
    texts, places = tuple(f"about {name}" for name in classes), tuple(range(len(classes)))
    return TextClassificationData(classes, dict.fromkeys(("train", "validation", "test"), Examples(texts, places)))


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("sport", 0),
        (" Sport.\n", 0),
        ('"POLITICS"', 1),
        ("**sport**", 0),
        ("The class is politics, I think.", 1),
        ("体育", 3),
        ("答案是体育。", 3),
        ("sports politics", 1),  # `sports` is another word
        ("C++", 5),
        ("It is C++!", 5),
        ("C", 4),
        ("C.", 4),
    ],
)
def test_an_answer_is_the_class_that_it_names(words: str, place: int) -> None:
    """Exactly, in other letters, within quotation marks, or as the only class in a sentence."""
    prompts = of_classes("sport", "politics", "no", "体育", "C", "C++").prompts()

    assert np.argmax(prompts.read(words, "")) == place
    assert prompts.read(words, "").sum() == 1


@pytest.mark.parametrize("words", ["", "  ", "sport or politics", "weather", "sporty", "nothing", "C and sport"])
def test_what_names_no_class_or_several_is_no_answer(words: str) -> None:
    """It is not guessed."""
    with pytest.raises(NotAnAnswerError):
        of_classes("sport", "politics", "no", "C", "C++").prompts().read(words, "")


@pytest.mark.parametrize(
    ("classes", "words", "place"),
    [
        (("да", "нет"), "Зависит от интернета", None),
        (("да", "нет"), "Скорее нет, чем наоборот", 1),
        (("cis", "dé"), "C'est une décision", None),
        (("gr", "y"), "größer", None),
        (("na", "ñ"), "mañana", None),
        (("न", "नह"), "नहीं", None),
        (("हाँ", "नहीं"), "उत्तर नहीं है", 1),
        (("体育", "政治"), "答案是体育。", 0),
        (("sport", "政治"), "答案是sport。", 0),
        (("ใช่", "ไม่"), "คำตอบคือใช่", 0),
        (("ja", "nein"), "ja_nein", None),
    ],
)
def test_a_name_within_a_word_is_none_in_any_script(classes: tuple[str, str], words: str, place: int | None) -> None:
    """Where a script has spaces; in others a name may stand beside any character."""
    prompts = of_classes(*classes).prompts()
    if place is None:
        with pytest.raises(NotAnAnswerError):
            prompts.read(words, "")
    else:
        assert np.argmax(prompts.read(words, "")) == place


def test_signs_alone_are_read_exactly() -> None:
    """One sign is not taken for another."""
    prompts = of_classes("!", "?").prompts()

    assert np.argmax(prompts.read("?", "")) == 1
    with pytest.raises(NotAnAnswerError):
        prompts.read(".", "")


@given(st.lists(st.text(min_size=1).filter(str.strip), min_size=2, max_size=5, unique_by=str.strip), st.data())
def test_a_class_by_its_own_name_is_always_read(classes: list[str], draw: st.DataObject) -> None:
    """Whatever the names are: parts of each other, punctuation, any script."""
    place = draw.draw(st.integers(0, len(classes) - 1))

    assert np.argmax(of_classes(*classes).prompts().read(classes[place], "")) == place


def test_no_answer_is_wrong_for_every_class_and_for_macro_f1() -> None:
    """A row of zeros is no guess for the first class."""
    data = of_classes("a", "b")
    nothing = data.prompts().nothing()

    def predict(texts: Sequence[str]) -> list[np.ndarray]:
        return [nothing if "a" in text.split() else np.array([0.0, 1.0]) for text in texts]

    grades = data.evaluate(predict, 2)

    assert grades.scores["correct"] == [0, 1]
    assert grades.scores["predicted"] == [-1, 1]
    assert grades.answers == {"output": [None, "b"]}
    assert grades.over["macro-F1"](np.arange(2)) == 0.5  # F1 of `a` 0, of `b` 1


def test_a_model_that_names_classes_says_nothing_of_its_confidence() -> None:
    """Ones and zeros are no probabilities; others are kept."""
    data = of_classes("a", "b")

    assert "confidence" not in data.evaluate(lambda texts: np.eye(2)[: len(texts)], 2).answers
    assert data.evaluate(lambda texts: np.full((len(texts), 2), 0.5), 2).answers["confidence"] == [0.5, 0.5]


def questions() -> QuestionData:
    """Return a question in each split."""
    one = Question("What is the size?", "The size is 5.", 12, 13)
    return QuestionData({split: [one] for split in ("train", "validation", "test")})


def test_a_question_is_answered_with_words() -> None:
    """They are graded as every answer is; none are no answer, and wrong."""
    data, one = questions(), questions().queries()[0]
    prompts = data.prompts()

    assert prompts.ask(one) == "Context: The size is 5.\n\nQuestion: What is the size?"
    assert data.evaluate(lambda batch: [prompts.read(" 5\n", one) for _ in batch], 1).scores["exact"] == [1]
    assert data.evaluate(lambda batch: [prompts.nothing() for _ in batch], 1).scores["exact"] == [0]
    with pytest.raises(NotAnAnswerError):
        prompts.read(" \n", one)


def test_a_translation_is_taken_as_it_is_said() -> None:
    """The language is called by its name, or by its locale where that is unknown."""
    pairs = {split: [Pair("one", "一")] for split in ("train", "validation", "test")}
    prompts = TranslationData(pairs, "zh").prompts()

    assert "into Chinese" in prompts.instruction
    assert "into Portuguese (Brazil)" in TranslationData(pairs, "pt_BR").prompts().instruction
    assert "into klingon" in TranslationData(pairs, "klingon").prompts().instruction
    assert prompts.read(" 一 ", "one") == "一"
    assert prompts.examples() == [("one", "一")]


def invoices() -> ExtractionData:
    """Return an invoice in each split."""
    schema = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
    splits = {
        split: [Extract(f"Pay {n} EUR.", {"total": n})] for n, split in enumerate(("train", "validation", "test"))
    }
    return ExtractionData(splits, schema)


@pytest.mark.parametrize(
    ("words", "exact"),
    [
        ('{"total": 2}', 1.0),
        (' {"total": 2.0}\n', 1.0),
        ('Here it is:\n```json\n{"total": 2}\n```\nDone.', 1.0),
        ('{"total": 3}', 0.0),
        ('{"sum": 2}', 0.0),
        ("2", 0.0),
    ],
)
def test_json_is_read_whole_or_from_its_block(words: str, exact: float) -> None:
    """What is JSON is graded, by the schema too."""
    data = invoices()
    prompts = data.prompts()

    assert data.evaluate(lambda batch: [prompts.read(words, one) for one in batch], 1).scores["exact"] == [exact]
    assert '"required": ["total"]' in prompts.instruction
    assert prompts.examples() == [("Pay 0 EUR.", '{"total": 0}')]


@pytest.mark.parametrize(
    "words", ["", "total: 2", '{"total": 2', '{"total": NaN}', "-Infinity", "[" * 100_000, "```\n1\n```\n```\n2\n```"]
)
def test_what_is_no_json_is_no_answer(words: str) -> None:
    """Nor is it an error, however deep or odd it is; no answer is wrong."""
    data = invoices()

    with pytest.raises(NotAnAnswerError):
        data.prompts().read(words, "")
    assert data.evaluate(lambda batch: [data.prompts().nothing() for _ in batch], 1).scores["exact"] == [0.0]


def test_a_summary_is_asked_for_in_the_length_of_the_training_summaries() -> None:
    """Several references: an example shows the first."""
    item = Summarised("Rain fell. It was wet.", ("Rain fell", "A wet day"))
    prompts = SummaryData({split: [item] for split in ("train", "validation", "test")}).prompts()

    assert "in about 2 words" in prompts.instruction or "in about 3 words" in prompts.instruction
    assert prompts.examples() == [(item.text, "Rain fell")]
    assert prompts.read(" Rain fell\n", item.text) == "Rain fell"
    with pytest.raises(NotAnAnswerError):
        prompts.read("\n", item.text)


def test_messages_begin_with_the_instruction_and_show_the_shots_as_turns() -> None:
    """The system message is there where it is given."""
    prompts = of_classes("a", "b").prompts()
    turns = messages(prompts, "about b", [("about a", "a")], "Be brief.")

    assert [turn["role"] for turn in turns] == ["system", "user", "assistant", "user"]
    assert [turn["content"] for turn in turns[2:]] == ["a", "about b"]
    assert turns[1]["content"] == f"{prompts.instruction}\n\nabout a"
    assert messages(prompts, "about b") == [{"role": "user", "content": f"{prompts.instruction}\n\nabout b"}]


def test_examples_are_of_the_training_split_only() -> None:
    """What is graded is never shown with its answer."""
    one, other = Examples(("seen",), (0,)), Examples(("unseen",), (1,))
    data = TextClassificationData(("a", "b"), {"train": one, "validation": other, "test": other})

    assert data.prompts().examples() == [("seen", "a")]
