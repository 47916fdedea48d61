"""Translation: phrases of two locales, sacrebleu's metrics, and the user's pairs with a message for each fault."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import DataError, Unsupported
from harness_language._phrases import SIZES
from harness_language.tasks import Translation
from harness_language.translations import Pair, TranslationData, tokenizer, translation_data

DEFAULTS = {name: setting.default for name, setting in Translation.settings.items()}
CHINESE = st.text("日本年月人大小中 。", min_size=1, max_size=12)


@pytest.fixture(scope="module")
def phrases() -> TranslationData:
    """Return the default phrases."""
    return translation_data(Translation().data(None, DEFAULTS))


def little(pairs: list[tuple[str, str]], locale: str = "zh") -> TranslationData:
    """Return data with the same pairs in each split."""
    return TranslationData(
        {split: [Pair(*pair) for pair in pairs] for split in ("train", "validation", "test")}, locale
    )


def reciting(answers: Any) -> Any:
    """Return a predictor of given answers."""
    remaining = iter(answers)
    return lambda inputs: [next(remaining) for _ in inputs]


def whole(data: TranslationData, answers: list[str]) -> Mapping[str, float]:
    """Return the metrics over all items."""
    grades = data.evaluate(reciting(answers), 7)
    rows = np.arange(len(answers))
    return {name: over(rows) for name, over in grades.over.items()} | {"exact": float(np.mean(grades.scores["exact"]))}


# Phrases ------------------------------------------------------------------------------------------------------


def test_phrases_are_many_and_unique(phrases: TranslationData) -> None:
    """Splits have their sizes and share no source text."""
    texts = [text for split in SIZES for text in phrases.keys(split)]

    assert phrases.sizes == SIZES
    assert len(texts) == len(set(texts)) == sum(SIZES.values())
    assert all(pair.source.strip() and pair.target.strip() for split in SIZES for pair in phrases.pairs(split))


@pytest.mark.parametrize(
    ("english", "chinese"),
    [("year", "年"), ("ago", "前"), ("in ", "后"), (" and ", "和"), ("kilograms", "千克"), ("US dollars", "美元")],
)
def test_phrases_mean_the_same_in_both_languages(phrases: TranslationData, english: str, chinese: str) -> None:
    """Many phrases with an English word have the Chinese one."""
    pairs = [pair for pair in phrases.pairs("train") if english in pair.source]
    translated = [pair for pair in pairs if chinese in pair.target]

    assert pairs
    assert len(translated) > 0.4 * len(pairs)


def test_a_date_has_the_format_of_each_locale(phrases: TranslationData) -> None:
    """The day of the week is first in English and last in Chinese; the numbers are the same."""
    dates = [pair for pair in phrases.pairs("train") if pair.source.startswith("Monday")]

    assert len(dates) > 100
    for source, target in dates:
        _, day, year = source.split(", ")
        assert target.startswith(f"{year}年")
        assert target.endswith(f"月{day.split()[1]}日星期一")


def test_other_locales_give_other_phrases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another locale, or both in reverse order."""
    for split in SIZES:
        monkeypatch.setitem(SIZES, split, 300)  # babel takes seconds for all
    chinese, german, back = (
        Translation().data(None, DEFAULTS | {"source_locale": source, "target_locale": target})
        for source, target in (("en", "zh"), ("en", "de"), ("zh", "en"))
    )

    assert len({chinese.digest, german.digest, back.digest}) == 3
    assert any("Januar" in str(text) for text in german.references("test") or ())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target_locale": "xx"}, r"target_locale 'xx' is no locale of babel: .* Use a code such as"),
        ({"source_locale": "no locale"}, "source_locale 'no locale' is no locale of babel"),
        ({"source_locale": "zh"}, r"are both 'zh'\. Name two"),
    ],
)
def test_a_wrong_locale_is_refused(change: dict[str, str], message: str) -> None:
    """The message says what to write."""
    with pytest.raises(DataError, match=message):
        Translation().check(None, DEFAULTS | change)


def test_the_identity_names_versions_and_locales() -> None:
    """Those of babel and of the rule, and both locales."""
    names = {
        Translation().identity(None, DEFAULTS | change)
        for change in ({}, {"source_locale": "fr"}, {"target_locale": "fr"})
    }

    assert len(names) == 3
    assert all("babel 2." in name and "rule" in name for name in names)


# Metrics ------------------------------------------------------------------------------------------------------


def test_the_metrics_are_sacrebleus(phrases: TranslationData) -> None:
    """Over all rows BLEU and chrF are sacrebleu's over the corpus, with the language's tokenizer."""
    targets = [pair.target for pair in phrases.pairs("test")]
    answers = [target[: max(1, len(target) - row % 4)] for row, target in enumerate(targets)]
    values = whole(phrases, answers)

    assert values["BLEU"] == pytest.approx(sacrebleu.corpus_bleu(answers, [targets], tokenize="zh").score)
    assert values["chrF"] == pytest.approx(sacrebleu.corpus_chrf(answers, [targets]).score)
    assert 50 < values["BLEU"] < 100
    assert values["exact"] == pytest.approx(np.mean([a == b for a, b in zip(answers, targets, strict=True)]))


def test_rows_may_be_few_and_may_repeat(phrases: TranslationData) -> None:
    """A sample's value is that of its sentences, with repetition."""
    targets = [pair.target for pair in phrases.pairs("test")]
    answers = [target[1:] for target in targets]
    rows = np.array([5, 5, 9, 700, 0])
    over = phrases.evaluate(reciting(answers), 64).over["BLEU"]
    chosen = [answers[row] for row in rows], [[targets[row] for row in rows]]

    assert over(rows) == pytest.approx(sacrebleu.corpus_bleu(*chosen, tokenize="zh").score)


@settings(max_examples=50, deadline=None)
@given(targets=st.lists(CHINESE, min_size=1, max_size=6), seed=st.integers(0, 99))
def test_metrics_are_100_for_references_and_at_most_100_for_others(targets: list[str], seed: int) -> None:
    """In any order of the rows."""
    longer = [f"{target}一二三四五" for target in targets]
    data = little([(str(row), target) for row, target in enumerate(longer)])
    perfect, other = whole(data, longer), whole(data, targets)
    rows = np.random.default_rng(seed).permutation(len(targets))

    assert perfect == pytest.approx({"BLEU": 100.0, "chrF": 100.0, "exact": 1.0})
    assert all(0 <= value <= 100 for value in other.values())
    assert data.evaluate(reciting(targets), 2).over["BLEU"](rows) == pytest.approx(other["BLEU"])


@pytest.mark.parametrize(
    ("locale", "name"),
    [("zh", "zh"), ("zh_Hant", "zh"), ("ZH-hans", "zh"), ("ja", "char"), ("de", "13a"), ("pt_BR", "13a")],
)
def test_the_tokenizer_is_that_of_the_language(locale: str, name: str) -> None:
    """Chinese has its own; other languages without spaces are split into characters."""
    assert tokenizer(locale) == name
    used = little([("a", "b")], locale).evaluate(reciting(["c"]), 1).used

    assert f"tok:{name}|" in used["BLEU signature"]
    assert "version:2" in used["chrF signature"]


@pytest.mark.parametrize(
    ("target", "locale", "name"),
    [
        ("你好，世界。", "en", "zh"),
        ("你好，世界。", "cmn_Hans", "zh"),
        ("我在 Berlin 见过 Anna。", "de", "zh"),
        ("こんにちは世界。", "zh", "char"),
        ("東京都", "ja", "char"),
        ("สวัสดีชาวโลก", "zh", "char"),
        ("བཀྲ་ཤིས་བདེ་ལེགས།", "bo", "char"),
        ("Hello 世界, how are you?", "en", "13a"),
        ("Bonjour le monde", "fr_FR", "13a"),
        ("안녕하세요 세계", "ko", "13a"),
    ],
)
def test_the_tokenizer_follows_the_script_of_the_translations(target: str, locale: str, name: str) -> None:
    """Whatever locale was given, or forgotten; BLEU is sacrebleu's with that tokenizer."""
    data = little([("a", target)] * 5, locale)
    longer = f"{target}{target}"
    values = whole(data, [longer] * 5)

    assert f"tok:{name}|" in data.evaluate(reciting([longer] * 5), 2).used["BLEU signature"]
    assert values["BLEU"] == pytest.approx(sacrebleu.corpus_bleu([longer] * 5, [[target] * 5], tokenize=name).score)
    assert values["chrF"] == pytest.approx(sacrebleu.corpus_chrf([longer] * 5, [[target] * 5]).score)


def test_the_random_baseline_is_low(phrases: TranslationData) -> None:
    """The translation of another text shares few characters; the same data have the same baseline."""
    baseline = phrases.random_baseline()

    assert set(baseline) == {metric.name for metric in Translation.metrics}
    assert 0 < baseline["BLEU"] < 10
    assert baseline["exact match"] < 0.01
    assert baseline == TranslationData({split: phrases.pairs(split) for split in SIZES}, "zh").random_baseline()


@pytest.mark.parametrize("answers", [[], ["one", "too", "many"], [1, 2], [None, "b"]])
def test_outputs_that_are_not_a_string_each_are_refused(answers: list[Any]) -> None:
    """A batch of two has two strings."""
    with pytest.raises(ValueError, match=r"The outputs for 2 texts are .* Return a string for each"):
        little([("a", "b"), ("c", "d")]).evaluate(lambda inputs: answers, 2)


def test_ten_translations_are_shown(phrases: TranslationData) -> None:
    """Source, reference and answer of each, and sacrebleu's signatures."""
    (sample,) = phrases.show(lambda inputs: [f"<{text}>" for text in inputs])
    text = sample.content.decode()
    first = phrases.pairs("test")[0]

    assert sample.media_type == "text/plain"
    assert len(sample.content) < 200_000
    assert text.count("answer") == 10
    assert f"source     {first.source}\nreference  {first.target}\nanswer     <{first.source}>" in text
    assert "tok:zh" in text
    assert "version:2" in text


@pytest.mark.parametrize(
    ("locale", "outputs", "tokens"),
    [
        ("zh", ["2024年1月", "你好。"], 7),
        ("de", ["ein Wort, zwei"], 4),
        ("ja", ["日本"], 2),
        ("zh", [""], 0),
        ("zh", [], 0),
    ],
)
def test_output_tokens_are_bleus(locale: str, outputs: list[str], tokens: int) -> None:
    """Not those of the model's tokenizer."""
    assert little([("a", "b")], locale).work(outputs) == {"output_tokens": tokens}


def test_very_long_texts_are_clipped_in_a_sample() -> None:
    """It stays small."""
    (sample,) = little([(f"{n}" * 5_000, "长" * 5_000) for n in range(10)]).show(list)

    assert len(sample.content) < 200_000


def test_other_data_are_refused() -> None:
    """The message names their type."""
    with pytest.raises(Unsupported, match="int holds no texts with their translations"):
        translation_data(3)  # type: ignore[arg-type]


# The user's data ------------------------------------------------------------------------------------------------


def rows(count: int) -> list[dict[str, str]]:
    """Return different pairs."""
    return [{"en": f"item {number}", "zh": f"第{number}项"} for number in range(count)]


def write(path: Path, content: list[dict[str, Any]]) -> str:
    """Write rows in the suffix's format and return the path."""
    import pandas as pd

    frame = pd.DataFrame(content)
    match path.suffix:
        case ".csv":
            frame.to_csv(path, index=False)
        case ".parquet":
            frame.to_parquet(path)
        case _:
            path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in content), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_each_kind_of_file_gives_the_same_data(tmp_path: Path, suffix: str) -> None:
    """Columns named as the locales need no setting; rows are divided 70/10/20."""
    task = Translation()
    source = write(tmp_path / f"pairs{suffix}", rows(40))
    data, plain = (task.data(path, DEFAULTS) for path in (source, write(tmp_path / "plain.csv", rows(40))))
    task.check(source, DEFAULTS)

    assert data.sizes == {"train": 28, "validation": 4, "test": 8}
    assert data.digest == plain.digest
    assert translation_data(data).pairs("test")[0].target == f"第{translation_data(data).pairs('test')[0].source[5:]}项"


def test_columns_of_other_names_and_the_hubs_nested_pairs_are_read(tmp_path: Path) -> None:
    """Settings name columns; the hub has one column of pairs."""
    nested = write(tmp_path / "nested.jsonl", [{"id": n, "translation": row} for n, row in enumerate(rows(30))])
    renamed = write(tmp_path / "r.csv", [{"here": row["en"], "there": row["zh"]} for row in rows(30)])
    named = DEFAULTS | {"source_column": "here", "target_column": "there"}

    assert Translation().data(nested, DEFAULTS).digest == Translation().data(renamed, named).digest


def test_a_folder_keeps_its_test_split(tmp_path: Path) -> None:
    """Its source texts are removed from the training split; pairs with the same source text stay together."""
    everything = rows(60)
    write(tmp_path / "train.jsonl", [*everything[:50], everything[55], {"en": "item 1", "zh": "另一个"}])
    write(tmp_path / "test.jsonl", everything[50:])
    data = translation_data(Translation().data(str(tmp_path), DEFAULTS))
    sources = [set(data.keys(split)) for split in ("train", "validation", "test")]

    assert data.sizes["test"] == 10
    assert sum(data.sizes.values()) == 61
    assert not sources[0] & sources[1]
    assert not (sources[0] | sources[1]) & sources[2]


BAD = {
    "no such column": ([{"en": "a", "fr": "b"}] * 5, r"has no column 'zh'; its columns are 'en', 'fr'.*target_column"),
    "empty source": ([*rows(3), {"en": " ", "zh": "空"}], r"row 4: the text in column 'en' is empty"),
    "empty target": ([*rows(2), {"en": "x", "zh": ""}], r"row 3: the text in column 'zh' is empty"),
    "a number": (
        [{"en": n, "zh": "数"} for n in range(5)],
        r"row 1: column 'en' holds 0, which is no text.*source_column",
    ),
    "too few": (
        rows(2),
        r"has 2 different source texts in 2 rows, which leaves the \w+ split empty. Give pairs of at least 3",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_data_are_refused(tmp_path: Path, case: str) -> None:
    """The message names the file and the row or column."""
    content, message = BAD[case]
    source = write(tmp_path / "pairs.jsonl", content)
    with pytest.raises(DataError, match=message) as caught:
        Translation().check(source, DEFAULTS)

    assert source in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"en": "a", "zh": "b"}\n{"en": "caf\xe9", "zh": "c"}\n', r"line 2: byte 12 \(0xe9\) is not UTF-8"),
        (b"", r"is empty"),
        (b'{"en": "a", "zh"\n', r"cannot be read as"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    """The message names line and byte of what is not UTF-8."""
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        Translation().check(str(path), DEFAULTS)


def test_a_file_of_a_folder_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    """The message names the file too."""
    write(tmp_path / "train.jsonl", rows(20))
    (tmp_path / "test.jsonl").write_bytes(b'{"en": "a", "zh": "\xff"}\n')
    with pytest.raises(DataError, match=r"test\.jsonl is not UTF-8, and .*train\.jsonl is"):
        Translation().check(str(tmp_path), DEFAULTS)


def test_the_identity_of_the_users_data_follows_content_and_settings(tmp_path: Path) -> None:
    """With another locale or another row it differs."""
    source = write(tmp_path / "pairs.csv", rows(10))
    names = [
        Translation().identity(source, DEFAULTS),
        Translation().identity(source, DEFAULTS | {"target_locale": "ja"}),
    ]
    write(tmp_path / "pairs.csv", rows(11))

    assert len({*names, Translation().identity(source, DEFAULTS)}) == 3
