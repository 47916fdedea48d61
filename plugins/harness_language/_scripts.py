"""Where words end: at spaces in most scripts; Chinese, Japanese, Thai and others have none, so characters are words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import regex

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SPACELESS = r"\p{Han}\p{Hiragana}\p{Katakana}ーｰ\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
"""Inside of a character class: the scripts without spaces between words. The two marks lengthen a vowel of kana."""
CHARACTER = rf"[{SPACELESS}]"
WORD = regex.compile(rf"{CHARACTER}|[^\W{SPACELESS}]+")
"""A word, or a character of a script without spaces."""
TOKEN = regex.compile(rf"{WORD.pattern}|[^\w\s]")
"""That, or a sign."""
_CHARACTER = regex.compile(CHARACTER)
_LATIN = regex.compile(r"\p{Latin}")
_WITH_MARKS = regex.compile(r"[\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}]")
_IDEOGRAPH = regex.compile(r"\p{Han}")
_NEARLY_ALL = 0.8
_OFTEN = 0.1


def words(text: str) -> list[str]:
    """Return the words of a text; a character of a script without spaces is a word."""
    return list(WORD.findall(text))


def segmented(text: str) -> list[str]:
    """Return what stands between spaces, and each character of a script without spaces alone.

    This is `text.split()` where there are no such characters, else the mixed segmentation of MLQA (Lewis et al., 2020)
    for all of these scripts.
    """
    return list(_CHARACTER.sub(r" \g<0> ", text).split())


def is_latin(text: str) -> bool:
    """Return whether no more words are of other scripts than of the Latin one."""
    all_words = [word for word in words(text) if word[0].isalpha()]
    return 2 * sum(_LATIN.match(word) is not None for word in all_words) >= len(all_words)


def is_spaceless(text: str) -> bool:
    """Return whether a text has more characters of scripts without spaces than words of others."""
    all_words = words(text)
    return 2 * sum(_CHARACTER.match(word) is not None for word in all_words) > len(all_words)


def is_chinese(text: str) -> bool:
    """Return whether nearly all characters of scripts without spaces are ideographs: Japanese has kana between them."""
    alone = _CHARACTER.findall(text)
    return len(_IDEOGRAPH.findall(text)) > _NEARLY_ALL * len(alone)


def has_marks(texts: Sequence[str]) -> bool:
    """Return whether a tenth of the texts or more have letters of scripts whose marks are no accents: が is not か."""
    return sum(_WITH_MARKS.search(text) is not None for text in texts) >= max(1, _OFTEN * len(texts))


def terms(ngrams: int) -> Callable[[str], list[str]]:
    """Return an analyzer for scikit-learn's vectorizers, made of its own two.

    A text has the n-grams of its words, as in `TfidfVectorizer(ngram_range=(1, ngrams))`. One with more characters of
    scripts without spaces than words of others has n-grams of its characters, as in
    `TfidfVectorizer(analyzer="char", ngram_range=(1, max(2, ngrams)))`; fewer of them count as words.

    Args:
        ngrams: the longest n-gram of words; that of characters is at least a pair.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    of_words = CountVectorizer(ngram_range=(1, ngrams)).build_analyzer()
    of_characters = CountVectorizer(analyzer="char", ngram_range=(1, max(2, ngrams))).build_analyzer()

    def analyze(text: str) -> list[str]:
        if text.isascii():
            return list(of_words(text))
        alone, others = _CHARACTER.findall(text), of_words(_CHARACTER.sub(" ", text))
        if len(alone) > sum(" " not in term for term in others):
            return list(of_characters(text))
        return [*others, *alone]

    return analyze
