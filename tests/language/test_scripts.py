"""Scripts without spaces: what a word is in them, and what the models make of them."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from harness_language._codecs import UNKNOWN, BagCodec, TokenCodec, train_wordpiece, train_words
from harness_language._scripts import is_latin, segmented, terms, words
from harness_language.data import Examples, TextClassificationData
from harness_language.tasks import TextClassification

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness import Assignment, Model

README = Path(__file__).parents[2] / "README.md"
SPACED = st.text("abcXYZ éñß ωЖй 09_.,!–·\n\té‿़क", max_size=60)
"""Letters, marks and signs of scripts with spaces."""
SPACELESS = st.text("价格不值得推荐おいしいガスーราคาดีມືၿទ།། 。，", min_size=1, max_size=40)
CHINESE = {
    "neg": ("不值得买", "太让人失望", "质量很差", "再也不会来"),
    "pos": ("值得推荐", "非常满意", "质量很好", "下次还会来"),
}


def _reviews(word: str = "") -> TextClassificationData:
    """Return reviews in Chinese; those of the test split are about something else than those of the training split."""
    things = ("这个应用", "那家餐厅", "这本书", "这部手机", "昨天的快递", "新开的酒店")

    def about(*chosen: str) -> Examples:
        return Examples(
            *zip(
                *(
                    (f"{thing}{word}{opinion}{end}", label)
                    for label, opinions in enumerate(CHINESE.values())
                    for thing, opinion, end in product(chosen, opinions, ("。", "", "，全家一起。"))
                ),
                strict=True,
            )
        )

    parts = {"train": about(*things[:4]), "validation": about(things[4]), "test": about(things[5])}
    return TextClassificationData(list(CHINESE), parts)


def _accuracy(data: Any, learner: Any) -> float:
    while not learner.step().done:
        pass
    return float(np.mean(data.evaluate(learner.predict, 64).scores["correct"]))


# Words ------------------------------------------------------------------------------------------------------------


@given(text=st.one_of(SPACED, st.text(st.characters(codec="ascii"))))
def test_where_there_are_spaces_words_end_at_them(text: str) -> None:
    """The segmentation of an English answer is `str.split`."""
    assert segmented(text) == text.split()


@given(text=SPACELESS)
def test_a_character_without_spaces_is_a_word(text: str) -> None:
    """Each of them alone."""
    assert all(len(word) == 1 for word in words(text))
    assert [word for word in segmented(text) if word.isalpha()] == [letter for letter in text if letter.isalpha()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("这个app的UI很nice", ["这", "个", "app", "的", "UI", "很", "nice"]),
        ("コーヒー ｺｰﾋｰ", [*"コーヒー", *"ｺｰﾋｰ"]),
        ("ราคาดี", [*"ราคาดี"]),
        ("naïve café, 3.5 x_1", ["naïve", "café", "3", "5", "x_1"]),
        ("한국어 문장", ["한국어", "문장"]),
    ],
)
def test_words_of_mixed_texts(text: str, expected: list[str]) -> None:
    """Korean has spaces."""
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The NBA was founded in New York (北京: 1946).", True),
        ("黑豹队的防守 Kawann Short、Mario Addison", False),
        ("Москва", False),
        ("1234 !", True),
        ("", True),
    ],
)
def test_whether_a_text_is_latin_is_decided_by_its_words(text: str, expected: bool) -> None:
    """Not by its letters: a Chinese word has one or two."""
    assert is_latin(text) == expected


# Terms of TF-IDF and MLP ------------------------------------------------------------------------------------------


@given(text=SPACED, ngrams=st.integers(1, 3))
def test_a_text_with_spaces_has_scikit_learns_terms(text: str, ngrams: int) -> None:
    """In their order, for any n-grams."""
    assert terms(ngrams)(text) == CountVectorizer(ngram_range=(1, ngrams)).build_analyzer()(text)


@given(text=SPACELESS, ngrams=st.integers(1, 3))
@example(text="「ok」，价格一百多。", ngrams=1)
def test_a_text_without_spaces_has_characters_and_pairs(text: str, ngrams: int) -> None:
    """Signs are among them, as they are in Chinese reviews: they tell the classes apart."""
    characters = CountVectorizer(analyzer="char", ngram_range=(1, max(2, ngrams))).build_analyzer()
    expected = characters(text) if words(text) else []

    assert terms(ngrams)(text) == expected


def test_in_a_mostly_english_text_other_characters_are_words() -> None:
    """So a name in brackets changes no other term."""
    assert terms(1)("Peking duck (北京) is good food") == ["peking", "duck", "is", "good", "food", "北", "京"]


def test_english_figures_are_scikit_learns_to_the_bit(
    models: Mapping[str, Model], assign: Callable[..., Assignment]
) -> None:
    """Probabilities of `tfidf` and bags of `mlp` on the packaged documents, some of which are not ASCII."""
    data: Any = TextClassification().data(None, {})
    (texts, labels), queries = data.examples("train"), data.queries()
    learner = models["tfidf"].learner(assign("tfidf", data))
    learner.step()
    vectorizer = TfidfVectorizer()
    reference = LogisticRegression(max_iter=1000).fit(vectorizer.fit_transform(texts), labels)
    hashed = HashingVectorizer(n_features=4096, alternate_sign=False, norm=None, dtype=np.float32)
    counts = np.log1p(hashed.transform(queries).toarray())
    lengths = np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), np.finfo(np.float32).tiny)

    assert not all(map(str.isascii, texts))
    assert np.array_equal(learner.predict(queries), reference.predict_proba(vectorizer.transform(queries)))
    assert np.array_equal(BagCodec(4096).encode(queries)["bag"], counts / lengths)


@pytest.mark.parametrize("word", ["", "iPhone15"])
def test_the_baseline_reads_chinese_as_characters_and_pairs(
    models: Mapping[str, Model], assign: Callable[..., Assignment], word: str
) -> None:
    """Its accuracy is that of scikit-learn's characters and pairs; that of words is a guess."""
    data = _reviews(word)
    (texts, labels), (queries, answers) = data.examples("train"), data.examples("test")

    def reference(vectorizer: TfidfVectorizer) -> float:
        classifier = LogisticRegression(max_iter=1000).fit(vectorizer.fit_transform(texts), labels)
        return float(classifier.score(vectorizer.transform(queries), answers))

    ours = _accuracy(data, models["tfidf"].learner(assign("tfidf", data)))
    assert ours == reference(TfidfVectorizer(analyzer="char", ngram_range=(1, 2))) > 0.9
    assert reference(TfidfVectorizer()) < 0.7


MIXED = (
    ("很好用的app。", 1), ("app", 0), ("Great 手机 for its price", 1), ("bad, not good", 0), ("ok。非常满意", 1),
    ("แพงเกินไป", 0), ("とても良い", 1), ("iPhone15太贵了", 0), ("", 1), ("5.0", 0),
)  # fmt: skip


@pytest.mark.parametrize("data", [_reviews(), _reviews("iPhone15"), None], ids=["zh", "names", "mixed"])
def test_the_snippet_of_the_readme_gives_the_baselines_figures(
    models: Mapping[str, Model],
    assign: Callable[..., Assignment],
    data: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """To the bit, on Chinese texts and on mixed ones."""
    if data is None:
        mixed = Examples(*zip(*MIXED, strict=True))
        data = TextClassificationData(("no", "yes"), dict.fromkeys(("train", "validation", "test"), mixed))
    (snippet,) = re.findall(r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    splits = {split: data.examples(split) for split in ("train", "test")}
    rows = [
        (split, text, data.classes[label]) for split, part in splits.items() for text, label in zip(*part, strict=True)
    ]
    pd.DataFrame(rows, columns=["split", "text", "label"]).to_csv(tmp_path / "rows.csv", index=False)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(snippet, names)  # noqa: S102 - the README's own lines
    learner = models["tfidf"].learner(assign("tfidf", data))
    learner.step()

    assert np.array_equal(learner.predict(data.queries()), names["tfidf"].predict_proba(data.queries()))


@pytest.mark.parametrize("model", ["mlp", "lstm"])
def test_networks_read_chinese_too(models: Mapping[str, Model], assign: Callable[..., Assignment], model: str) -> None:
    """No word of a test text need be one of the training split."""
    data = _reviews()
    learner: Any = models[model].learner(assign(model, data, settings={"max_length": 32}))

    for _ in range(40):
        learner.step()
    assert np.mean(data.evaluate(learner.predict, 64).scores["correct"]) > 0.85


# Tokenizers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("train", [train_words, train_wordpiece])
@pytest.mark.parametrize(
    "text", ["ราคาแพงมากไม่คุ้มค่าเลย" * 9, "値段が高いのでおすすめしません", "价格不值得", "ລາຄາແພງ", "តម្លៃថ្លៃ"]
)
def test_tokenizers_make_a_token_of_a_character(train: Any, text: str) -> None:
    """However long the text is; vowels and voiced consonants are not taken for accents."""
    tokenizer = train([text, text[::-1]], 500)
    tokens = tokenizer.encode(text, add_special_tokens=False).tokens

    assert tokens == list(text)
    assert UNKNOWN not in tokens


@pytest.mark.parametrize("train", [train_words, train_wordpiece])
def test_accents_of_words_are_removed_as_by_bert(train: Any) -> None:
    """Also where a text has a few characters of another script."""
    texts = ["The naïve café is closed."] * 20 + ["It is called カフェ."]
    tokenizer = train(texts, 500)

    assert tokenizer.encode("Naïve CAFÉ").tokens == tokenizer.encode("naive cafe").tokens
    assert TokenCodec(tokenizer, 9).ids(["naïve"]) == TokenCodec(tokenizer, 9).ids(["naive"])
